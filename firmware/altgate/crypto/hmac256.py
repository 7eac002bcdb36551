"""HMAC-SHA-256 (RFC 2104, FIPS 198-1)."""

from hashlib import sha256

_BLOCK = 64
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


def hmac256(key, *parts) -> bytes:
    """The 32-byte code over all parts, one after the other; the key may have any length."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    # One big-integer XOR is several times quicker than 64 steps of bytecode.
    number = int.from_bytes(key, "big") << 8 * (_BLOCK - len(key))
    inner = sha256((number ^ _INNER).to_bytes(_BLOCK, "big"))
    for part in parts:
        inner.update(part)
    outer = sha256((number ^ _OUTER).to_bytes(_BLOCK, "big"))
    outer.update(inner.digest())
    return outer.digest()
