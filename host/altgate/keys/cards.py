"""The application key of one card, from the key of its zone."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

CONTEXT = b"altgate"


def _encrypt(key: bytes, mode: ECB | CBC, data: bytes) -> bytes:
    return Cipher(AES(key), mode).encryptor().update(data)


def _double(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number ^= (1 << 128) | 0x87
    return number.to_bytes(16, "big")


def diversify(key: bytes, context: bytes) -> bytes:
    """AES-128 diversification of NXP AN10922, section 2.2: at most 31 bytes of context, 16 bytes out.

    Inputs are always padded to 32 bytes, so this differs from plain CMAC for a context of 15 bytes or fewer.
    """
    if not 1 <= len(context) <= 31:
        raise ValueError("AN10922 takes a context of 1 to 31 bytes")
    subkey = _double(_encrypt(key, ECB(), bytes(16)))
    message = b"\x01" + context
    if len(message) < 32:
        message = (message + b"\x80").ljust(32, b"\0")
        subkey = _double(subkey)
    last = bytes(a ^ b for a, b in zip(message[16:], subkey, strict=True))
    return _encrypt(key, CBC(bytes(16)), message[:16] + last)[16:]


def card_key(zone_key: bytes, uid: bytes, slot: int) -> bytes:
    """The 16-byte key in one key slot of the NTAG 424 DNA with this 7-byte UID."""
    return diversify(zone_key, uid + CONTEXT + bytes([slot]))
