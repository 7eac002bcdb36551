"""AES-CMAC (NIST SP 800-38B, RFC 4493) for AES-128 and AES-256 keys, one CBC call a message."""

from cryptolib import aes

_ECB = 1
_CBC = 2
_TOP = 1 << 127
_MASK = (1 << 128) - 1


def double(number: int) -> int:
    """Multiply by x in GF(2^128) (SP 800-38B, 6.1; RFC 5297, 2.3)."""
    doubled = (number << 1) & _MASK
    return doubled ^ 0x87 if number & _TOP else doubled


def subkeys(key) -> tuple:
    """``(K1, K2)`` as 128-bit integers: for a whole last block, and for a padded one."""
    first = double(int.from_bytes(aes(key, _ECB).encrypt(bytes(16)), "big"))
    return first, double(first)


def cmac_blocks(key, blocks, last_mask: int) -> bytes:
    """The code over whole 16-byte blocks, the last one masked with K1 or K2; ``blocks`` is overwritten."""
    end = len(blocks) - 16
    last = int.from_bytes(blocks[end:], "big") ^ last_mask
    blocks[end:] = last.to_bytes(16, "big")
    aes(key, _CBC, bytes(16)).encrypt(blocks, blocks)
    return bytes(blocks[end:])


def cmac(key, message, keys=None) -> bytes:
    """The 16-byte code of a message; ``keys`` are the key's subkeys where the caller already has them."""
    whole_key, padded_key = keys or subkeys(key)
    blocks = bytearray(message)
    if blocks and not len(blocks) % 16:
        return cmac_blocks(key, blocks, whole_key)
    blocks.append(0x80)
    blocks.extend(bytes(-len(blocks) % 16))
    return cmac_blocks(key, blocks, padded_key)
