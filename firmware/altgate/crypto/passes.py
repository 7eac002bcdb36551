"""QR passes: their text, and the tag by which one door knows its own.

Text: ``AG1:`` and base64url without padding of: version 1 (1 byte), pass id (8), not_before and not_after
(4 each, Unix seconds UTC, big-endian), uses (1, 0 = unlimited), n (1), n times door id (4) and tag (16).
"""

from binascii import a2b_base64, b2a_base64

from protocol import limits, reasons

from altgate.crypto.consteq import consteq
from altgate.crypto.hmac256 import hmac256

_PREFIX = b"AG1:"
_VERSION = 1
_SIGNED_BYTES = 18
_DOOR_BYTES = limits.DOOR_ID_BYTES + limits.TAG_BYTES


class PassError(ValueError):
    """A pass that was refused; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason: int):
        super().__init__(reason)
        self.reason = reason


def parse(text, door_id: bytes) -> tuple:
    """``(pass_id, not_before, not_after, uses, tag_for_this_door or None)``; nothing is verified yet.

    ``text`` is what a scanner read (bytes, or str), ``door_id`` has 4 bytes, ``pass_id`` has
    8 bytes. Raises PassError(PASS_MALFORMED) for every text that the host would not have written.
    """
    raw = _decode(text)
    doors = raw[_SIGNED_BYTES] if len(raw) > _SIGNED_BYTES else 0
    if not 1 <= doors <= limits.PASS_DOORS or len(raw) != _SIGNED_BYTES + 1 + doors * _DOOR_BYTES:
        raise PassError(reasons.PASS_MALFORMED)
    not_before = int.from_bytes(raw[9:13], "big")
    not_after = int.from_bytes(raw[13:17], "big")
    if raw[0] != _VERSION or not_before > not_after:
        raise PassError(reasons.PASS_MALFORMED)
    tags = {}
    for at in range(_SIGNED_BYTES + 1, len(raw), _DOOR_BYTES):
        tags[raw[at : at + limits.DOOR_ID_BYTES]] = raw[at + limits.DOOR_ID_BYTES : at + _DOOR_BYTES]
    if len(tags) != doors:
        raise PassError(reasons.PASS_MALFORMED)
    return raw[1:9], not_before, not_after, raw[17], tags.get(bytes(door_id))


def verify(pass_key, door_id: bytes, parsed: tuple) -> None:
    """Check what parse() returned: PassError with OTHER_DOOR where it has no tag, or PASS_NOT_GENUINE."""
    pass_id, not_before, not_after, uses, tag = parsed
    if tag is None:
        raise PassError(reasons.OTHER_DOOR)
    if not consteq(tag, pass_tag(pass_key, door_id, pass_id, not_before, not_after, uses)):
        raise PassError(reasons.PASS_NOT_GENUINE)


def check(text, pass_key, door_id: bytes) -> tuple:
    """``(pass_id, not_before, not_after, uses)`` of a genuine pass for this door; raises PassError."""
    parsed = parse(text, door_id)
    verify(pass_key, door_id, parsed)
    return parsed[:4]


def pass_tag(pass_key, door_id, pass_id: bytes, not_before: int, not_after: int, uses: int) -> bytes:
    """The 16-byte tag of a pass at one door; ``pass_key`` is that door's key for passes."""
    signed = (
        bytes([_VERSION])
        + pass_id
        + not_before.to_bytes(4, "big")
        + not_after.to_bytes(4, "big")
        + bytes([uses])
    )
    return hmac256(pass_key, signed, door_id)[: limits.TAG_BYTES]


def _decode(text) -> bytes:
    """The bytes of a pass text in its one spelling: decoders skip what they do not know, so compare."""
    if len(text) > limits.PASS_TEXT_BYTES:
        raise PassError(reasons.PASS_MALFORMED)
    try:
        text = text.encode() if isinstance(text, str) else bytes(text)
        body = text[len(_PREFIX) :]
        standard = body.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(body) % 4)
        raw = a2b_base64(standard)
    except ValueError:
        raise PassError(reasons.PASS_MALFORMED)
    spelled = b2a_base64(raw).rstrip(b"=\n").replace(b"+", b"-").replace(b"/", b"_")
    if text != _PREFIX + spelled:
        raise PassError(reasons.PASS_MALFORMED)
    return raw
