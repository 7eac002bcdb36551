"""The host's side of sealed messages: whatever CBOR comes, only what the door's key sealed opens.

The frames are those of sealing.message. The host decodes with cbor2, and before it knows who sent: so the
items hold all tags that cbor2 gives a meaning to, and none may take long.
"""

import random
import time

import fuzz

fuzz.begin()

import items
from altgate.errors import BadMessage
from altgate.link import sealed
from altgate.protocol import limits, reasons
from sealing import HEADER, KEY, LONG_FORM, OTHER_KEY, OTHER_TOPIC, SEALED, message, seal

TOPIC, ELSEWHERE = "altgate/00000001/up/event", "altgate/00000001/up/hello"
MOST_S = 0.5
FIELDS = {1: 7, 2: bytes(16), 5: "0.1.0", 10: 3, 24: {150: 1}}
CONTENT = items.write(FIELDS)
GENUINE = (seal(KEY, TOPIC.encode(), CONTENT), seal(KEY, TOPIC.encode(), items.write({1: 7})))
REFUSALS = (reasons.TOO_LONG, reasons.BAD_SHAPE, reasons.BAD_MAC, reasons.BAD_CBOR)
TAGS = (0, 1, 2, 3, 4, 5, 17, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 55799, 43000)
BODIES = (
    lambda: items.write(items.anything(3)),
    lambda: b"\x82" + b"".join([number() for _ in range(2)]),
    lambda: items.head(2, 16) + bytes(16),
    lambda: items.write(random.choice(("1e9", "2027-01-31", "2027-01-31T18:00:00Z", "(a+)+$", "::1", "nan"))),
    lambda: number(),
    lambda: b"\x80",
    lambda: tagged(),
)


def number():
    """Integers and floats up to the greatest, big ones as tags too."""
    way = random.randrange(5)
    if way == 0:
        return b"\xfb" + fuzz.noise(8)[:8].ljust(8, b"\x7f")
    if way == 1:
        raw = fuzz.noise(40)
        return items.head(6, 2 + random.getrandbits(1)) + items.head(2, len(raw)) + raw
    return items.head(random.getrandbits(1), random.getrandbits(64) >> random.randrange(64))


def tagged():
    """An item under a tag that has a meaning to cbor2, or two of them in a map or a list."""
    item = items.head(6, TAGS[random.randrange(len(TAGS))]) + BODIES[random.randrange(len(BODIES))]()
    way = random.randrange(8)
    return b"\x82" + item + tagged() if way == 0 else b"\xa1" + item + tagged() if way == 1 else item


def play(frame):
    how = frame[0]
    content, data = message(frame, TOPIC.encode(), ELSEWHERE.encode())
    fuzz.sent(how in (SEALED, HEADER, LONG_FORM))
    is_genuine = data in GENUINE or data == seal(KEY, TOPIC.encode(), content)
    began = time.process_time()
    try:
        opened = sealed.open_sealed(KEY, TOPIC, data)
    except BadMessage as error:
        if type(error) is not BadMessage or error.reason not in REFUSALS:
            raise fuzz.Wrong("a refusal with another reason", error.reason) from error
        fuzz.dropped(error.reason)
        opened = None
        if len(data) > limits.MESSAGE_BYTES or how in (OTHER_KEY, OTHER_TOPIC):
            right = reasons.TOO_LONG if len(data) > limits.MESSAGE_BYTES else reasons.BAD_MAC
            if error.reason != right:
                raise fuzz.Wrong("refused for another reason than its own", error.reason, right) from error
        elif is_genuine and items.is_fit(content, 1) and content[0] >> 5 == 5:
            raise fuzz.Wrong("a genuine message was refused", error.reason) from error
    if time.process_time() - began > MOST_S:
        raise fuzz.Wrong("a message takes too long", time.process_time() - began)
    if opened is not None:
        if not is_genuine or how in (OTHER_KEY, OTHER_TOPIC) or len(data) > limits.MESSAGE_BYTES:
            raise fuzz.Wrong("a message that was not genuine was opened", opened)
        if type(opened) is not dict or any(type(name) is not int for name in opened):
            raise fuzz.Wrong("the content is no map of numbers", opened)


def check(frames):
    for frame in frames:
        play(frame)
    if sealed.open_sealed(KEY, TOPIC, GENUINE[0]) != FIELDS:
        raise fuzz.Wrong("the genuine message was read otherwise")
    fuzz.counts["genuine"] += 1


def generate():
    frames = []
    for _ in range(8):
        how = (0, 0, 1, 1, 1, 1, 2, 3, 4, 5)[random.randrange(10)]
        frames.append(bytes((how,)) + WAYS[min(how, 4)]())
    return frames


def raw():
    way = random.randrange(4)
    if way == 0:
        return tagged()
    if way == 1:
        return items.head(6, 17) + b"\x84" + b"".join([items.write(items.anything(2), 12) for _ in range(4)])
    return fuzz.mutated(GENUINE[0], GENUINE[1], 5000)


def content():
    way = random.randrange(6)
    if way == 0:
        return items.write(items.altered(FIELDS))
    if way == 1:
        return b"\xa1" + items.write(random.getrandbits(6)) + tagged()
    if way == 2:
        return items.write(items.anything(5), 15)
    if way == 3 and fuzz.chance(10):
        return items.write({1: bytes(4020 + random.randrange(40))})
    return fuzz.mutated(CONTENT, CONTENT)


WAYS = (raw, content, lambda: CONTENT, lambda: CONTENT, lambda: bytes((random.getrandbits(3),)) + CONTENT)
fuzz.run(generate, check)
