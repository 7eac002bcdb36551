"""HKDF-SHA-256 (RFC 5869) and the keys that a door derives from its own."""

from altgate.crypto.hmac256 import hmac256

_DIGEST = 32


def hkdf(ikm, salt, info, length) -> bytes:
    """``length`` bytes from key material; raises ValueError for more than 255 digests (RFC 5869, 2.3)."""
    if not 0 <= length <= 255 * _DIGEST:
        raise ValueError("HKDF gives 0 to 8160 bytes")
    extracted = hmac256(salt or bytes(_DIGEST), ikm)
    output = block = b""
    counter = 0
    while len(output) < length:
        counter += 1
        block = hmac256(extracted, block, info, bytes([counter]))
        output += block
    return output[:length]


def door_subkey(door_key, label: bytes) -> bytes:
    """The 32-byte key of one purpose; labels are ``down``, ``up``, ``index``, ``pass`` and ``console``."""
    return hkdf(door_key, b"", b"altgate/" + label, _DIGEST)
