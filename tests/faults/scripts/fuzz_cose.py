"""Sealed messages: only what this key sealed for this topic opens, and only as a map of the subset.

The first byte of a frame says how: 0 the bytes as they are; 1 sealed for the topic with this content; 2 the
same with another key; 3 for another topic; 4 with an unprotected header that the next byte chooses; 5 with
the content's length in the form that the next byte chooses.
"""

import random

import fuzz

fuzz.begin()

import items
from altgate.crypto import cose
from protocol import limits, reasons
from sealing import HEADER, KEY, LONG_FORM, OTHER_KEY, OTHER_TOPIC, SEALED, message, seal

TOPIC, ELSEWHERE = b"altgate/00000001/down/state", b"altgate/00000001/down/command"
STATE = {1: 7, 2: bytes(16), 18: [[1, 5, 3, bytes(16), 0, -1, "12ü", None], [2, 300], [3, 1, True]]}


def expected(how, content, data):
    """The reason for which the message must be refused, 0 where it must open, None where any will do."""
    if len(data) > limits.MESSAGE_BYTES:
        return reasons.TOO_LONG
    if data in GENUINE:
        return 0
    if data == seal(KEY, TOPIC, content):
        if not items.is_fit(content):
            return reasons.BAD_CBOR
        return 0 if content[0] >> 5 == 5 else reasons.BAD_SHAPE
    return reasons.BAD_MAC if how in (OTHER_KEY, OTHER_TOPIC) else None


def play(frame):
    content, data = message(frame, TOPIC, ELSEWHERE)
    fuzz.sent(frame[0] in (SEALED, HEADER, LONG_FORM))
    reason = expected(frame[0], content, data)
    try:
        payload = cose.open_(KEY, TOPIC, data)
    except cose.CoseError as error:
        if type(error) is not cose.CoseError or error.reason not in REFUSALS:
            raise fuzz.Wrong("a refusal with another reason", error.reason)
        if reason is not None and reason != error.reason:
            raise fuzz.Wrong("refused for another reason than its own", error.reason, reason)
        fuzz.dropped(error.reason)
        return
    if reason != 0:
        raise fuzz.Wrong("a message that was not genuine was opened", payload)
    if type(payload) is not dict:
        raise fuzz.Wrong("the payload is no map", payload)


def check(frames):
    for frame in frames:
        play(frame)
    if cose.open_(KEY, TOPIC, GENUINE[0]) != STATE:
        raise fuzz.Wrong("the genuine message was read otherwise")
    fuzz.counts["genuine"] += 1


def generate():
    return [bytes((how,)) + WAYS[how]() for how in [ORDER[random.randrange(len(ORDER))] for _ in range(8)]]


def content():
    return items.write({random.getrandbits(6): items.anything(3) for _ in range(random.randrange(6))})


def sealed_content():
    way = random.randrange(6)
    if way == 0:
        return content()
    if way == 1:
        return items.write(items.anything(4), 15)
    if way == 2 and fuzz.chance(10):
        return items.write({1: bytes(4020 + random.randrange(40))})
    return fuzz.mutated(items.write(STATE), content())


REFUSALS = (reasons.TOO_LONG, reasons.BAD_SHAPE, reasons.BAD_MAC, reasons.BAD_CBOR)
GENUINE = (seal(KEY, TOPIC, items.write(STATE)), seal(KEY, TOPIC, items.write({1: 7})))
WAYS = (
    lambda: fuzz.mutated(GENUINE[random.getrandbits(1)], GENUINE[random.getrandbits(1)]),
    sealed_content,
    content,
    content,
    lambda: bytes((random.getrandbits(3),)) + content(),
    lambda: bytes((random.getrandbits(2),)) + content(),
)
ORDER = (0, 0, 1, 1, 1, 1, 2, 3, 4, 5)
fuzz.run(generate, check)
