"""AES-256-SIV (RFC 5297, AEAD_AES_SIV_CMAC_512): sealing that survives a repeated nonce.

A key has 64 bytes: the first half authenticates, the second encrypts. Associated data is a sequence of
byte strings, each bound with its own length.
"""

from cryptolib import aes

from altgate.crypto.cmac import cmac, double, subkeys
from altgate.crypto.consteq import consteq

KEY_BYTES = 64
TAG_BYTES = 16
_ECB = 1
_MASK = (1 << 128) - 1
# RFC 5297, 2.5: bits 31 and 63 of the first counter are zero.
_COUNTER_MASK = _MASK ^ (1 << 63) ^ (1 << 31)


class SivError(ValueError):
    """A sealed text is not genuine, or was sealed with other associated data."""


def wipe(buffer) -> None:
    """Overwrite a bytearray in place with zeros."""
    memoryview(buffer)[:] = bytes(len(buffer))


def seal(key, plaintext, associated=()) -> bytearray:
    """``tag (16 bytes) | ciphertext``; raises ValueError for a key of other than 64 bytes."""
    _check(key, associated)
    tag = _synthetic_iv(key[:32], plaintext, associated)
    sealed = bytearray(tag)
    sealed.extend(_counter_mode(key[32:], tag, plaintext))
    return sealed


def open_(key, sealed, associated=()) -> bytearray:
    """The plaintext, in a bytearray that the caller can wipe; raises SivError when it is not genuine."""
    _check(key, associated)
    if len(sealed) < TAG_BYTES:
        raise SivError("too short")
    tag = bytes(sealed[:TAG_BYTES])
    plaintext = _counter_mode(key[32:], tag, sealed[TAG_BYTES:])
    if not consteq(tag, _synthetic_iv(key[:32], plaintext, associated)):
        wipe(plaintext)
        raise SivError("not genuine")
    return plaintext


def _check(key, associated):
    if len(key) != KEY_BYTES:
        raise ValueError("a SIV key has 64 bytes")
    if len(associated) > 126:
        raise ValueError("at most 126 associated strings")


def _synthetic_iv(key, plaintext, associated) -> bytes:
    """S2V (RFC 5297, 2.4)."""
    keys = subkeys(key)
    number = int.from_bytes(cmac(key, bytes(16), keys), "big")
    for part in associated:
        number = double(number) ^ int.from_bytes(cmac(key, part, keys), "big")
    last = bytearray(plaintext)
    if len(last) < 16:
        last.append(0x80)
        last.extend(bytes(16 - len(last)))
        number = double(number)
    end = len(last) - 16
    last[end:] = (int.from_bytes(last[end:], "big") ^ number).to_bytes(16, "big")
    code = cmac(key, last, keys)
    wipe(last)
    return code


def _counter_mode(key, tag, text) -> bytearray:
    """AES-CTR by one ECB call over all counters and one XOR of big integers."""
    length = len(text)
    if not length:
        return bytearray()
    counter = int.from_bytes(tag, "big") & _COUNTER_MASK
    stream = bytearray()
    for i in range((length + 15) // 16):
        stream.extend(((counter + i) & _MASK).to_bytes(16, "big"))
    aes(key, _ECB).encrypt(stream, stream)
    mixed = int.from_bytes(text, "big") ^ int.from_bytes(memoryview(stream)[:length], "big")
    return bytearray(mixed.to_bytes(length, "big"))
