"""CBOR from strangers, decoded within bounds: what no message of altgate has, no decoder gets to see."""

from io import BytesIO
from typing import Any

import cbor2

from altgate.errors import BadMessage
from altgate.protocol import reasons


def _check_heads(data: bytes, tag: int | None) -> None:
    """Raise BadMessage for a tag, other than one of this number below 24 at the very beginning.

    A decoder gives meaning to tags, and with those for shared values a short message can keep it for hours.
    """
    at = 0
    while at < len(data):
        kind, more = data[at] >> 5, data[at] & 31
        if kind == 6 and not (at == 0 and more == tag):
            raise BadMessage(reasons.BAD_CBOR, "a tag that no message has")
        width = {24: 1, 25: 2, 26: 4, 27: 8}.get(more, 0)
        if more > 27:
            raise BadMessage(reasons.BAD_CBOR, "a length that is not told")
        length = int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else more
        at += 1 + width + (length if kind in (2, 3) else 0)


def decode(data: bytes, tag: int | None = None) -> Any:
    """One CBOR item, with or without this tag; raises BadMessage for anything else, also for bytes after.

    What came inside another item may be no bytes at all: that is refused alike.
    """
    if not isinstance(data, bytes):
        raise BadMessage(reasons.BAD_CBOR, "not CBOR")
    _check_heads(data, tag)
    try:
        with BytesIO(data) as stream:
            item = cbor2.CBORDecoder(stream).decode()
            is_whole = not stream.read(1)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError):
        raise BadMessage(reasons.BAD_CBOR, "not CBOR") from None
    if not is_whole:
        raise BadMessage(reasons.BAD_CBOR, "bytes after the CBOR item")
    return item
