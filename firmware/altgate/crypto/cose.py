"""Sealed messages: COSE_Mac0 with HMAC 256/256 (RFC 9052, 6.2; RFC 9053, 3.1).

A message is ``17([<<{1: 5}>>, {}, payload, tag])`` and the topic is its external data. Deterministic CBOR
leaves one form of everything before the payload, so that the envelope is compared and not parsed, and no
decoder runs before the code has been checked.
"""

from protocol import limits, reasons

from altgate.crypto import cbor
from altgate.crypto.consteq import consteq
from altgate.crypto.hmac256 import hmac256

_ENVELOPE = b"\xd1\x84\x43\xa1\x01\x05\xa0"
_TAG_HEAD = b"\x58\x20"
_TAG_BYTES = 32
_MAC_STRUCTURE = b"\x84\x64MAC0\x43\xa1\x01\x05"


class CoseError(ValueError):
    """A message that was refused; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason: int):
        super().__init__(reason)
        self.reason = reason


def seal(key, topic: bytes, payload: dict) -> bytes:
    """The sealed message for one topic; raises CborError, or CoseError when it is over MESSAGE_BYTES."""
    content = cbor.encode(payload)
    content_head = cbor.head(cbor.BYTES, len(content))
    code = _code(key, topic, content_head, content)
    message = b"".join((_ENVELOPE, content_head, content, _TAG_HEAD, code))
    if len(message) > limits.MESSAGE_BYTES:
        raise CoseError(reasons.TOO_LONG)
    return message


def open_(key, topic: bytes, data) -> dict:
    """The payload of a genuine message.

    Raises CoseError with TOO_LONG, BAD_SHAPE (not our envelope, or a payload that is no map), BAD_MAC
    (another key, topic or content) or BAD_CBOR (genuine, but outside the CBOR subset).
    """
    if len(data) > limits.MESSAGE_BYTES:
        raise CoseError(reasons.TOO_LONG)
    data = bytes(data)
    end = len(data) - _TAG_BYTES - len(_TAG_HEAD)
    start = _content_start(data)
    if start > end or data[end : end + len(_TAG_HEAD)] != _TAG_HEAD:
        raise CoseError(reasons.BAD_SHAPE)
    content_head = cbor.head(cbor.BYTES, end - start)
    if data[len(_ENVELOPE) : start] != content_head:
        raise CoseError(reasons.BAD_SHAPE)
    content = data[start:end]
    if not consteq(_code(key, topic, content_head, content), data[-_TAG_BYTES:]):
        raise CoseError(reasons.BAD_MAC)
    try:
        payload = cbor.decode(content)
    except cbor.CborError:
        raise CoseError(reasons.BAD_CBOR)
    if not isinstance(payload, dict):
        raise CoseError(reasons.BAD_SHAPE)
    return payload


def _content_start(data) -> int:
    """Where the payload begins, from the first byte of its head; heads of 1 to 3 bytes suffice."""
    at = len(_ENVELOPE)
    if data[:at] != _ENVELOPE or len(data) <= at:
        raise CoseError(reasons.BAD_SHAPE)
    first = data[at]
    return at + (2 if first == 0x58 else 3 if first == 0x59 else 1)


def _code(key, topic, content_head, content) -> bytes:
    topic_head = cbor.head(cbor.BYTES, len(topic))
    return hmac256(key, _MAC_STRUCTURE, topic_head, topic, content_head, content)
