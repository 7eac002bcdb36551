"""Credential tags: a keyed hash, so that a copy of the flash lists no card numbers and no PINs."""

from protocol import limits

from altgate.crypto.hmac256 import hmac256


def credential_tag(index_key, kind: int, value) -> bytes:
    """The 16-byte tag of a credential.

    ``kind`` is a TYPE_ code of protocol.messages; ``value`` is a card's UID, or ``unit#pin`` in ASCII.
    """
    return hmac256(index_key, bytes([kind]), value)[: limits.TAG_BYTES]
