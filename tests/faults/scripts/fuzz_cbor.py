"""CBOR: the decoder takes exactly the deterministic subset, as a second decoder judges it, and nothing else.

A frame is 0 and bytes that were damaged, or 1 and an item whose lengths are right, though it may hold
floats, tags, long forms and keys out of order.
"""

import random

import fuzz

fuzz.begin()

import items
from altgate.crypto import cbor

LENGTHS_RIGHT = 1
STATE = {1: 7, 2: bytes(16), -4: None, 18: [[1, 5, 3, bytes(16), 0, -1, "12ü", None], [2, 300], [3, 1, True]]}
STATE_DATA = items.write(STATE)


def check(frames):
    for frame in frames:
        data = frame[1:]
        fuzz.sent(frame[0] == LENGTHS_RIGHT)
        try:
            value = cbor.decode(data)
        except cbor.CborError as error:
            if type(error) is not cbor.CborError:
                raise fuzz.Wrong("another error than CborError")
            if items.is_fit(data):
                raise fuzz.Wrong("an item of the subset was refused")
            continue
        if not items.is_fit(data):
            raise fuzz.Wrong("an item outside the subset was taken", value)
        if cbor.encode(value) != data or items.write(value) != data:
            raise fuzz.Wrong("a value has a second encoding", value)
    if cbor.decode(STATE_DATA) != STATE:
        raise fuzz.Wrong("a good item was read otherwise")
    fuzz.counts["genuine"] += 1


def generate():
    return [WAYS[random.randrange(len(WAYS))]() for _ in range(8)]


def deep():
    """Containers about as deep, and members about as many, as the decoder takes."""
    if random.getrandbits(1):
        value = random.getrandbits(6)
        for _ in range(random.randrange(12)):
            value = [value] if random.getrandbits(1) else {1: value}
        return items.write(value)
    return items.write([0] * (505 + random.randrange(10)))


def announced():
    """A head that promises far more than follows."""
    number = random.getrandbits(30) << random.randrange(34)
    return items.head(2 + random.randrange(4), number) + fuzz.noise(20)


def text():
    """A text whose bytes are nearly UTF-8."""
    raw = fuzz.mutated("aü€語😀\ud7ff\ue000".encode() + b"\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\xef\xbf\xbf")
    at = random.randrange(len(raw) + 1)
    raw = raw[at : at + 1 + random.randrange(6)]
    return items.head(3, len(raw)) + raw


WAYS = (
    lambda: b"\0" + fuzz.mutated(STATE_DATA, STATE_DATA),
    lambda: b"\0" + fuzz.mutated(items.write(items.anything(5)), STATE_DATA),
    lambda: b"\0" + announced(),
    lambda: b"\1" + items.write(items.anything(5)),
    lambda: b"\1" + items.write(items.anything(4), 12),
    lambda: b"\1" + items.write(STATE, 30),
    lambda: b"\1" + deep() if fuzz.chance(8) else b"\1" + items.write(items.anything(3), 6),
    lambda: b"\1" + text(),
)
fuzz.run(generate, check)
