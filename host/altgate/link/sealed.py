"""COSE_Mac0 (RFC 9052, 6.2) with HMAC 256/256, the topic as external data, deterministic CBOR."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import cbor2

from altgate.errors import BadMessage
from altgate.plain_cbor import decode
from altgate.protocol import limits, reasons

TAG_MAC0 = 17
PROTECTED = cbor2.dumps({1: 5})  # algorithm: HMAC 256/256


def _mac(key: bytes, topic: str, payload: bytes) -> bytes:
    structure = cbor2.dumps(["MAC0", PROTECTED, topic.encode(), payload], canonical=True)
    return hmac.digest(key, structure, hashlib.sha256)


def seal(key: bytes, topic: str, content: dict[int, Any]) -> bytes:
    """A message for one topic under a door's ``up`` or ``down`` key."""
    payload = cbor2.dumps(content, canonical=True)
    return cbor2.dumps(
        cbor2.CBORTag(TAG_MAC0, [PROTECTED, {}, payload, _mac(key, topic, payload)]), canonical=True
    )


def _check_plain(item: Any, depth: int) -> None:
    """Raise BadMessage for what the doors' subset of CBOR has not: types, keys that are no numbers, depth.

    What is not so simple could take exponential time to encode again, or could not be encoded at all.
    """
    if depth < 0:
        raise BadMessage(reasons.BAD_CBOR, "nested deeper than a message is")
    if isinstance(item, dict):
        if not all(type(key) is int for key in item):
            raise BadMessage(reasons.BAD_SHAPE, "the payload is not a map of small numbers")
        parts = list(item.values())
    elif isinstance(item, list):
        parts = item
    elif item is None or type(item) in (int, bool, bytes, str):
        return
    else:
        raise BadMessage(reasons.BAD_CBOR, "a type that no message has")
    for part in parts:
        _check_plain(part, depth - 1)


def open_sealed(key: bytes, topic: str, data: bytes) -> dict[int, Any]:
    """The content of a message; raises BadMessage unless shape, MAC and topic are right.

    Nothing of what a stranger sent is encoded again before its MAC has been found right.
    """
    if len(data) > limits.MESSAGE_BYTES:
        raise BadMessage(reasons.TOO_LONG, "longer than a message may be")
    item = decode(data, TAG_MAC0)
    if not isinstance(item, cbor2.CBORTag) or item.tag != TAG_MAC0:
        raise BadMessage(reasons.BAD_SHAPE, "not a COSE_Mac0")
    parts = list(item.value) if isinstance(item.value, list | tuple) else []
    if len(parts) != 4 or parts[0] != PROTECTED or not isinstance(parts[1], Mapping) or len(parts[1]):
        raise BadMessage(reasons.BAD_SHAPE, "other headers than a message has")
    payload, tag = parts[2], parts[3]
    if not isinstance(payload, bytes) or not isinstance(tag, bytes):
        raise BadMessage(reasons.BAD_SHAPE, "payload or tag is not bytes")
    if not hmac.compare_digest(tag, _mac(key, topic, payload)):
        raise BadMessage(reasons.BAD_MAC, "the MAC is wrong")
    content = decode(payload)
    if not isinstance(content, dict):
        raise BadMessage(reasons.BAD_SHAPE, "the payload is not a map of small numbers")
    _check_plain(content, limits.CBOR_DEPTH)
    # One message has one form: what was decoded encodes to the same bytes.
    again = cbor2.dumps(cbor2.CBORTag(TAG_MAC0, [PROTECTED, {}, payload, tag]), canonical=True)
    if again != data or cbor2.dumps(content, canonical=True) != payload:
        raise BadMessage(reasons.BAD_CBOR, "not deterministic CBOR")
    return content


def claimed(data: bytes, name: int) -> int | None:
    """A number that a message says before anybody knows whose it is; None where it says none."""
    try:
        item = decode(data, TAG_MAC0) if len(data) <= limits.MESSAGE_BYTES else None
        parts = item.value if isinstance(item, cbor2.CBORTag) else None
        payload = parts[2] if isinstance(parts, list | tuple) and len(parts) == 4 else None
        content = decode(payload) if isinstance(payload, bytes) else None
    except BadMessage:
        return None
    value = content.get(name) if isinstance(content, dict) else None
    return value if type(value) is int else None


def number(content: dict[int, Any], name: int, bits: int = 32) -> int:
    """A field that must be there as an unsigned number; raises BadMessage."""
    value = content.get(name)
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise BadMessage(reasons.BAD_SHAPE, f"field {name} is not an unsigned number of {bits} bits")
    return value


def counts(content: dict[int, Any], name: int) -> dict[int, int]:
    """A field that must be there as a map of codes below 256 and how often; raises BadMessage."""
    value = content.get(name)
    if not isinstance(value, dict):
        raise BadMessage(reasons.BAD_SHAPE, f"field {name} is not a map")
    for code, count in value.items():
        if type(count) is not int or not (0 <= code < 1 << 8 and 0 <= count < 1 << 32):
            raise BadMessage(reasons.BAD_SHAPE, f"field {name} is not a map of codes and counts")
    return value


def octets(content: dict[int, Any], name: int, size: int) -> bytes:
    """A field that must be there as so many bytes; raises BadMessage."""
    value = content.get(name)
    if not isinstance(value, bytes) or len(value) != size:
        raise BadMessage(reasons.BAD_SHAPE, f"field {name} is not {size} bytes")
    return value


def text(content: dict[int, Any], name: int) -> str:
    """A field of up to 64 characters of text; raises BadMessage."""
    value = content.get(name)
    if not isinstance(value, str) or len(value) > 64:
        raise BadMessage(reasons.BAD_SHAPE, f"field {name} is not a short text")
    return value
