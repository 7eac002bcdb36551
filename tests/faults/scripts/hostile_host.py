"""What a host with the door's key may say, and others without it: the cases of fuzz_session.py, and the door
that they are for. Its random numbers are counted, so that a case knows what it will draw.
"""

import hashlib
import random

import fuzz
import items
from protocol import limits, messages, statements, topics
from sealing import seal

SEALED, DOOR_KEY, MOVED, HELLO, WAIT, TEXT, LEASE = 1, 2, 3, 4, 5, 6, 7
DOOR = "0a1b2c3d"
TOPICS = [topics.topic(DOOR, name) for name in topics.DOWN + topics.UP]
TOPICS += [topics.topic("0a1b2c3e", topics.DOWN_COMMAND), topics.topic(DOOR, "down/x"), "altgate"]
EVENTS = 3
DOWN_KEY, UP_KEY = bytes(range(32)), bytes(range(1, 33))
EPOCH = bytes((2,)) * limits.EPOCH_BYTES  # the consent's nonce was drawn before
RESIDENTS = (3, 4)
NOTICE = b"n" * 32
FIRST = [
    [messages.OP_PUT, 60 + who, messages.TYPE_CARD, bytes((who,)) * 16, 0, 0, 0, who, 0, 0, 0, 0]
    for who in RESIDENTS
]
FIRST += [[messages.OP_NOTICE, 1, NOTICE], [messages.OP_SETTING, messages.SETTING_FACE, 1]]
FIRST_STATE = {messages.BASE_VERSION: 0, messages.NEW_VERSION: 1, messages.OPERATIONS: FIRST}


def digest(data):
    return hashlib.sha256(data).digest()


# The one that resident 3 gave: at this door, with their card, to this notice, in the first start, at no known
# time, with the first number drawn.
_STATEMENT = [statements.TITLE, DOOR, 3, 63, NOTICE, 1, 0, messages.QUALITY_UNKNOWN, b"\1" * 16]
CONSENT = digest(items.write(_STATEMENT))
BY_ITSELF = (lambda: bytes((HELLO,)), lambda: bytes((WAIT, random.randrange(40))), lambda: bytes((LEASE,)))


def talk():
    """A right conversation: the consent acknowledged, a lease asked for and given, a challenge, an unlock."""
    ask = {messages.REQUEST: 1, messages.VERB: messages.VERB_CHALLENGE, messages.EPOCH: EPOCH}
    act = {messages.REQUEST: 2, messages.VERB: messages.VERB_UNLOCK, messages.EPOCH: EPOCH}
    act[messages.CHALLENGE] = bytes((4,)) * limits.NONCE_BYTES
    steps = (
        (4, {messages.CONSENT: CONSENT, messages.CONSENT_STATE: messages.CONSENT_GIVEN}),
        (5, {messages.NONCE: bytes((3,)) * 16, messages.CONSENTS: digest(statements.in_force([CONSENT]))}),
        (3, ask), (3, act),
    )  # fmt: skip
    frames = [bytes((SEALED, number)) + items.write(fields) for number, fields in steps]
    frames.insert(1, bytes((LEASE,)))
    if fuzz.chance(2):
        number, fields = steps[random.randrange(4)]
        strange = bytes((SEALED, number)) + items.write(items.altered(fields))
        at = random.randrange(len(frames))
        frames[at : at + random.getrandbits(1)] = [strange]
    return frames


def generate():
    frames = talk() if fuzz.chance(4) else []
    for _ in range(2 + random.randrange(14)):
        way = random.randrange(12)
        if way == 0:
            frames.append(BY_ITSELF[random.randrange(3)]())
        else:
            frame = a_message()
            frames += [frame] * (1 + fuzz.chance(6))
    return frames


def a_message():
    number = (2, 3, random.randrange(6), random.randrange(len(TOPICS)))[random.getrandbits(2)]
    fields = MAKERS[number % 6]()
    way = random.randrange(10)
    if way < 4:
        content = items.write(items.altered(fields))
        return bytes((SEALED, number)) + content
    if way < 6:
        return bytes((SEALED, number)) + items.write(fields)
    content = items.write(fields)
    if way == 6:
        return bytes((SEALED, number)) + fuzz.mutated(content, content)
    if way == 7:
        payload = seal(DOWN_KEY, TOPICS[number].encode(), content)
        return bytes((fuzz.RAW, number)) + other_than(payload, fuzz.mutated(payload, payload))
    if way == 8:
        return bytes((DOOR_KEY + random.getrandbits(1), number)) + content
    text = fuzz.mutated(TOPICS[number].encode(), b"altgate/+/#").replace(b"\0", b"")
    return bytes((TEXT,)) + text + b"\0" + content


def other_than(payload, damaged):
    """The damaged message; a cut one where the damage undid itself."""
    return damaged if damaged != payload else payload[:-1]


def epoch():
    """Of this start, or of another."""
    return EPOCH if random.randrange(6) else bytes(16)


def welcome():
    now = (1767225600, 1800000000, 0xFFFFFFFF, 0, 1)[random.randrange(5)]
    nonce = bytes((3 + random.randrange(3),)) * 16
    return {messages.NONCE: nonce, messages.EPOCH: epoch(), messages.TIME: now}


def ack():
    return {messages.EPOCH: epoch(), messages.SEQUENCE: random.randrange(EVENTS + 2)}


def change():
    base = 1 + random.randrange(3)
    return {
        messages.BASE_VERSION: base, messages.NEW_VERSION: base + 1 + random.randrange(2),
        messages.EPOCH: epoch(), messages.OPERATIONS: [operation() for _ in range(random.randrange(5))],
        messages.IS_SNAPSHOT: random.randrange(3) == 0,
    }  # fmt: skip


PERIODS = ((), (31, 0xA4, 1, 0x74, 4), (128, 0, 0, 1, 0), (1, 5, 0, 5, 0), (1, 2, 3), (1, 0, 0, 0xA1, 5))
CHANGES = ((), (0, 0, 0, 0, 60, 0), (0, 0, 0, 0, 60, 0) * 2, (1, 2, 3), (0, 0, 0, 0, 0xFF, 0x7F))


def bounds():
    """Household, rule, schedule and uses, mostly those that are taken."""
    rule, uses = random.choice((0, 0, 1, 2)), random.choice((0, 0, 5, 256))
    return [random.randrange(3), rule, random.choice((0, 3, 16)), uses]


def operation():
    made = (
        [messages.OP_PUT, random.randrange(4), 1 + random.randrange(3), b"t" * 16, 0, 0, 101, 3] + bounds(),
        [messages.OP_DELETE, random.randrange(4), 1 + random.randrange(3), b"t" * 16, 101],
        [messages.OP_SETTING, 1 + random.randrange(3), random.randrange(8)],
        [messages.OP_REVOKE_PASS, b"pass-id" + bytes((random.getrandbits(2),)), 0xFFFFFFFF],
        [messages.OP_NOTICE, random.randrange(4), bytes((random.getrandbits(1),)) * 32],
        [messages.OP_END_CONSENT, a_consent(), random.choice(messages.CONSENT_ENDED)],
        [messages.OP_FORGET, 3 + random.randrange(3)],
        [messages.OP_SCHEDULE, random.randrange(17), bytes(random.choice(PERIODS))],
        [messages.OP_TIME_ZONE, bytes(random.choice(CHANGES))],
    )[random.randrange(9)]
    return items.altered(made) if fuzz.chance(4) else made


def command():
    fields = {messages.REQUEST: random.getrandbits(8), messages.VERB: 1 + random.getrandbits(1)}
    fields[messages.EPOCH] = epoch()
    if fields[messages.VERB] == messages.VERB_UNLOCK:
        fields[messages.CHALLENGE] = bytes((3 + random.randrange(3),)) * limits.NONCE_BYTES
    return fields


def a_consent():
    """The one that was given, or another."""
    return CONSENT if random.randrange(4) else bytes(32)


def acknowledgement():
    state = (messages.CONSENT_GIVEN, random.randrange(6))[fuzz.chance(3)]
    return {
        messages.CONSENT: a_consent(), messages.CONSENT_STATE: state, messages.EPOCH: epoch(),
        messages.PERSONAL_NUMBER: random.choice((123456, 0, 0xFFFFFFFF)),
    }  # fmt: skip


def lease():
    consents = digest(statements.in_force([CONSENT] if random.randrange(4) else []))
    nonce = bytes((3 + random.randrange(3),)) * limits.NONCE_BYTES
    return {messages.NONCE: nonce, messages.CONSENTS: consents, messages.EPOCH: epoch()}


MAKERS = (welcome, ack, change, command, acknowledgement, lease)
