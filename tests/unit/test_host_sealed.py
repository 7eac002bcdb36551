"""What a stranger sends costs the host nothing much before its MAC was looked at."""

import time

import cbor2
import pytest

from altgate.errors import BadMessage
from altgate.link import sealed
from altgate.protocol import messages, reasons

TOPIC, KEY = "altgate/0a1b2c3d/up/hello", bytes(32)
LEVELS, MOST_S = 60, 0.5


def doubling() -> bytes:
    """A map whose key holds one value twice, which holds one twice, and so on: short, and long to hash."""
    item = b"\x00"
    for level in range(LEVELS):
        shared = b"\xd8\x1c" + b"\x82" + item
        item = shared + b"\xd8\x1d" + cbor2.dumps(LEVELS - 1 - level)
    return b"\xa1\x82" + item + b"\x00"


def wrapped(payload: bytes) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(17, [sealed.PROTECTED, {}, payload, bytes(32)]), canonical=True)


@pytest.mark.parametrize("data", [doubling(), wrapped(doubling()), b"\xd1" + doubling(), b"\xd1\xd1\x80"])
def test_tags_with_a_meaning_are_refused_before_anything_is_made_of_them(data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(BadMessage):
        sealed.open_sealed(KEY, TOPIC, data)
    assert sealed.claimed(data, messages.GENERATION) is None
    assert time.monotonic() - began < MOST_S


@pytest.mark.parametrize("data", [b"\x9f\xff", b"\xbf\xff", b"\x5f\xff", b"\x1c", b"\xc0\x00", b""])
def test_what_is_no_plain_item_is_dropped(data: bytes) -> None:
    for one in (data, wrapped(data)):
        with pytest.raises(BadMessage) as dropped:
            sealed.open_sealed(KEY, TOPIC, one)
        assert dropped.value.reason in (reasons.BAD_CBOR, reasons.BAD_MAC, reasons.BAD_SHAPE)
