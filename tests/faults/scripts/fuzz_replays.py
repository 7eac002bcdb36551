"""A hostile broker and a door that starts over and over: what it was told before must have no effect again.

A life of the door is a case: right conversations with its host, and between them deliveries of everything
that was ever said in that life, also of what the broker kept back, as it was, on other topics, altered, as
retained, and what was said to the door beside it. A frame's first byte says what happens:

1 the door starts anew; 2 with a flash put back to what it was at the start before; 3 the host says
something, the second byte what; 4 it says it and the broker keeps it back; 5 the broker delivers: how, which
(two bytes), and a number for what is altered; 6 so many seconds pass; 7 the door does something.

The oracle: a delivery changes nothing that lasts and opens nothing. A question for a challenge, and a
self-test, of this same start are answered again.
"""

import fuzz

fuzz.begin()

import hashlib
import random

import items
from altgate.crypto import cose
from lived_door import CARD, DOOR, DOWN_KEY, OTHER, OTHER_DOWN, RESIDENT, TAG, UP_KEY, Door, an_image, clock
from protocol import limits, messages, names, reasons, statements, topics
from sealing import seal

START, PUT_BACK, SAY, KEEP, DELIVER, WAIT, ACT = range(1, 8)
AS_IT_WAS, MOVED, TO_OTHER, FROM_OTHER, ALTERED, CUT, RETAINED = range(7)
WAYS = (AS_IT_WAS,) * 9 + (FROM_OTHER, FROM_OTHER, RETAINED, MOVED, TO_OTHER, ALTERED, ALTERED, CUT)
GENUINE_SEAL = (AS_IT_WAS, FROM_OTHER, RETAINED)
NOTICE = b"n" * 32
TIME = 1800000000
LATE = 2000  # deliveries
MOST_KEPT = 160  # messages that the broker remembers


class Message:
    """Something the host said: a topic's name, the payload, and the start that it was for."""

    def __init__(self, name, payload, start, fields):
        self.name, self.payload, self.start, self.fields = name, payload, start, fields
        self.verb = fields.get(messages.VERB)
        self.was_delivered = False


class Life:
    """One door, its host, and what the broker remembers."""

    def __init__(self):
        door.blank()
        self.starts, self.request, self.challenge, self.lasting = 0, 0, None, None
        self.said, self.said_to_other = [], []
        door.image(IMAGES[0])
        self.start()
        self.say(0)

    # The door

    def start(self, image=None):
        """image: what is put into its flash; else that stays as it is."""
        IMAGES.reverse()
        door.image(IMAGES[0])
        if image:
            door.put_back(image)
        door.start()
        self.starts, self.challenge = self.starts + 1, None
        fuzz.counts["reboots"] += 0 if fuzz._quiet else 1

    def act(self, what):
        """A resident says yes or takes it back, the door asks for a lease, connects again, writes events."""
        if what == 0 and door.credentials.notice and len(door.register._rows) < 4:
            door.gate.give(RESIDENT, CARD, TAG)
        elif what == 1:
            door.gate.withdraw(RESIDENT)
        elif what == 2:
            door.gate.lease_question()
        elif what == 3:
            door.connect()
        else:
            door.record(messages.KIND_ENTRY, 0, 1, CARD, RESIDENT, 0)

    # The host

    def say(self, what, is_kept=False):
        """The next right message of one kind, delivered unless the broker keeps it back."""
        made = SAYINGS[what % len(SAYINGS)](self)
        if made is None:
            return
        name, fields = made
        fields[messages.EPOCH] = door.session.epoch
        payload = seal(DOWN_KEY, topics.topic(DOOR, name).encode(), items.write(fields))
        message = Message(name, payload, self.starts, fields)
        self.remember(self.said, message)
        # To the door beside it the host says the same, under that door's key and epoch.
        to_other = dict(fields)
        to_other[messages.EPOCH] = hashlib.sha256(b"other").digest()[:16]
        payload = seal(OTHER_DOWN, topics.topic(OTHER, name).encode(), items.write(to_other))
        self.remember(self.said_to_other, Message(name, payload, self.starts, to_other))
        if not is_kept:
            self.hear(message)

    def hear(self, message):
        """Deliver what the host said just now, as it should be; it must be taken."""
        before, dropped = door.lasting(), sum(door.dropped().values())
        answers = door.take(topics.topic(DOOR, message.name), message.payload, False)
        message.was_delivered = True
        fuzz.counts["genuine"] += 0 if fuzz._quiet else 1
        if sum(door.dropped().values()) != dropped:
            raise fuzz.Wrong("the host is not heard", message.name, door.dropped())
        if message.name == topics.DOWN_STATE:
            if answer(answers)[messages.RESULT] != reasons.DONE or door.credentials.version == before[1]:
                raise fuzz.Wrong("the host's state is not taken", answer(answers))
        if message.verb == messages.VERB_CHALLENGE:
            self.challenge = answer(answers)[messages.CHALLENGE]
        elif message.verb == messages.VERB_UNLOCK:
            is_due, self.challenge = self.challenge is not None, None
            if (door.opened != before[0]) != (is_due and answer(answers)[messages.RESULT] == reasons.DONE):
                raise fuzz.Wrong("opened without saying so")
            if is_due and door.opened == before[0]:
                raise fuzz.Wrong("a right unlock does not open")

    def remember(self, where, message):
        where.append(message)
        if len(where) > MOST_KEPT:
            del where[random.randrange(MOST_KEPT // 2)]

    # The broker

    def deliver(self, how, which, number):
        """One hostile delivery."""
        how = WAYS[how % len(WAYS)]
        said = self.said_to_other if how == FROM_OTHER else self.said
        message = said[which % len(said)]
        if how == AS_IT_WAS and not message.was_delivered and self.is_right(message):
            # Late, and for the first time: that is no attack but a slow network.
            return None
        topic, payload, reason = altered(message, how, number)
        # As it was behind the delivery before this one, where there was nothing else in between.
        before, dropped = self.lasting or door.lasting(), door.dropped()
        self.lasting = before
        answers = door.take(topic, payload, how == RETAINED)
        fuzz.sent(how in GENUINE_SEAL)
        if door.lasting() != before:
            raise fuzz.Wrong("a hostile delivery was applied", how, message.name, message.verb)
        if how == AS_IT_WAS:
            return self.judge_answers(message, answers, dropped)
        if answers:
            return object_("a hostile delivery was answered", how, message.name)
        dropped[reason] = dropped.get(reason, 0) + 1
        if reason and door.dropped() != dropped:
            return object_("dropped for another reason", how, message.name, door.dropped())
        return fuzz.dropped(reason)

    def is_right(self, message):
        """Whether what was kept back is still the host's word on what the door asked or has."""
        if message.start != self.starts:
            return False
        still = STILL_RIGHT.get(message.name)
        return still is None or still(message.fields)

    def judge_answers(self, message, answers, dropped):
        """After a message was repeated that was right once."""
        is_command = message.name == topics.DOWN_COMMAND
        if message.start != self.starts and not is_command:
            dropped[reasons.STALE_EPOCH] = dropped.get(reasons.STALE_EPOCH, 0) + 1
            if answers or door.dropped() != dropped:
                return object_("heard, though it was said to an earlier start", message.name)
            return fuzz.dropped(reasons.STALE_EPOCH)
        if not is_command and message.name != topics.DOWN_STATE:
            return None
        result = answer(answers)[messages.RESULT]
        if message.start != self.starts:
            wanted = (reasons.STALE_EPOCH,)
        elif message.name == topics.DOWN_STATE:
            wanted = (reasons.VERSION_MISMATCH,)
        elif message.verb == messages.VERB_UNLOCK:
            wanted, self.challenge = (reasons.STALE_CHALLENGE,), None
        else:
            wanted = (reasons.DONE,)
            self.challenge = answer(answers).get(messages.CHALLENGE, self.challenge)
        if result not in wanted:
            return object_("a repeated message was acted on", message.name, message.verb, result)
        return fuzz.dropped(result)


def object_(what, *particulars):
    """Something was let further in than it should be. With a planted fault, an effect has time to show first:
    what keeps the wrong topic out beside the seal, for one, is only that no two messages look alike."""
    if not fuzz.settings["plants"] or fuzz.counts["frames"] > LATE:
        raise fuzz.Wrong(what, *particulars)


def altered(message, how, number):
    """``(topic, payload, reason for which it must be dropped)``; the reason 0 for whichever."""
    topic, payload = topics.topic(DOOR, message.name), message.payload
    if how == MOVED:
        others = [name for name in topics.DOWN if name != message.name]
        return topics.topic(DOOR, others[number % len(others)]), payload, reasons.BAD_MAC
    if how == TO_OTHER:
        return topics.topic(OTHER, message.name), payload, reasons.UNKNOWN_TOPIC
    if how == FROM_OTHER:
        # As it was, or with the other door's name taken off.
        if number & 1:
            return topics.topic(OTHER, message.name), payload, reasons.UNKNOWN_TOPIC
        return topic, payload, reasons.BAD_MAC
    if how == ALTERED:
        at = number % (8 * len(payload))
        payload = bytearray(payload)
        payload[at // 8] ^= 1 << at % 8
        return topic, bytes(payload), 0
    if how == CUT:
        return topic, payload[: number % len(payload)], 0
    return topic, payload, reasons.UNKNOWN_TOPIC if how == RETAINED else 0


def answer(answers):
    """The fields of the one reply."""
    if len(answers) != 1 or answers[0][0] != topics.topic(DOOR, topics.UP_REPLY):
        raise fuzz.Wrong("not one reply", answers)
    return cose.open_(UP_KEY, answers[0][0].encode(), answers[0][1])


def a_state(life):
    """From the version that the door has; the notice and the resident's card come first."""
    version = door.credentials.version
    if not version:
        card = [messages.OP_PUT, CARD, messages.TYPE_CARD, TAG, 0, 0, 0, RESIDENT, 0, 0, 0, 0]
        short = [messages.OP_SETTING, messages.SETTING_LEASE_S, limits.LEASE_S_MIN]
        face = [messages.OP_SETTING, messages.SETTING_FACE, 1]
        steps = [card, [messages.OP_NOTICE, 1, NOTICE], face, short]
    else:
        number = version % 7
        tag = bytes((number,)) * 16
        steps = [
            [messages.OP_PUT, number, messages.TYPE_CARD, tag, 0, 0, 0, 9, 0, 0, 0, 0],
            [messages.OP_DELETE, number, messages.TYPE_CARD, tag, 0],
            [messages.OP_SETTING, messages.SETTING_RELEASE_S, 3 + version % 20],
        ]
        steps = [steps[version % 3]]
        ended = [row for row in door.register.alive() if row.acked]
        if ended and version % 4 == 0:
            steps.append([messages.OP_END_CONSENT, ended[0].consent, messages.CONSENT_REVOKED])
    return topics.DOWN_STATE, {
        messages.BASE_VERSION: version, messages.NEW_VERSION: version + len(steps),
        messages.OPERATIONS: steps, messages.IS_SNAPSHOT: version % 5 == 4,
    }  # fmt: skip


def a_welcome(life):
    if door.session._nonce is None:
        return None
    now = TIME + clock.now_ms // 1000
    return topics.DOWN_WELCOME, {messages.NONCE: door.session._nonce, messages.TIME: now}


def an_ack(life):
    return topics.DOWN_ACK, {messages.SEQUENCE: door.journal.head}


def command(life, verb):
    life.request += 1
    return topics.DOWN_COMMAND, {messages.REQUEST: life.request, messages.VERB: verb}


def a_question(life):
    return command(life, messages.VERB_CHALLENGE)


def an_unlock(life):
    if life.challenge is None:
        return None
    name, fields = command(life, messages.VERB_UNLOCK)
    fields[messages.CHALLENGE] = life.challenge
    return name, fields


def a_self_test(life):
    return command(life, messages.VERB_SELF_TEST)


def a_consent(life):
    owed = door.gate.owed()
    if not owed:
        return None
    fields = {messages.CONSENT: owed[0].consent, messages.CONSENT_STATE: owed[0].state}
    if owed[0].state not in messages.CONSENT_ENDED:
        fields[messages.PERSONAL_NUMBER] = 123456
    return topics.DOWN_CONSENT, fields


def a_lease(life):
    asked = door.gate._lease._asked
    if asked is None:
        return None
    consents = hashlib.sha256(statements.in_force(door.register.in_force())).digest()
    return topics.DOWN_LEASE, {messages.NONCE: asked[0], messages.CONSENTS: consents}


def has_owed(fields):
    row = door.register.find(fields[messages.CONSENT])
    return row is not None and row.state == fields[messages.CONSENT_STATE]


def has_asked(fields):
    asked = door.gate._lease._asked
    return asked is not None and asked[0] == fields[messages.NONCE]


# Others, such as a question for a challenge, are always right in the same start.
STILL_RIGHT = {
    topics.DOWN_WELCOME: lambda fields: fields[messages.NONCE] == door.session._nonce,
    topics.DOWN_ACK: lambda fields: fields[messages.SEQUENCE] > door.journal.acknowledged,
    topics.DOWN_STATE: lambda fields: fields[messages.NEW_VERSION] > door.credentials.version,
    topics.DOWN_CONSENT: has_owed,
    topics.DOWN_LEASE: has_asked,
}
SAYINGS = (a_state, a_welcome, an_ack, a_question, an_unlock, a_self_test, a_consent, a_lease)
# What belongs together, in order: a yes, its acknowledgement and a lease; a challenge and an unlock.
TALKS = (
    ((ACT, 0), (SAY, 6), (ACT, 2), (SAY, 7)),
    ((SAY, 3), (SAY, 4)),
    ((SAY, 1),),
    ((SAY, 0),),
    ((KEEP, 0),),
    ((KEEP, 2),),
    ((SAY, 3), (KEEP, 4)),
    ((ACT, 3), (SAY, 1), (WAIT, 2), (ACT, 3)),
    ((ACT, 3), (KEEP, 1), (ACT, 3)),
    ((ACT, 0), (SAY, 6), (ACT, 2), (KEEP, 7), (WAIT, 6), (ACT, 2)),
    ((ACT, 1), (SAY, 6)),
    ((ACT, 0), (KEEP, 6), (ACT, 1)),
    ((ACT, 4), (ACT, 4), (SAY, 2)),
    ((SAY, 5),),
    ((KEEP, 3),),
)


def check(frames):
    life = Life()
    for frame in frames:
        frame = frame + bytes(5)
        what = frame[0]
        if what != DELIVER:
            life.lasting = None
        if what == START:
            life.start()
        elif what == PUT_BACK:
            life.start(IMAGES[0])
        elif what in (SAY, KEEP):
            life.say(frame[1], what == KEEP)
        elif what == DELIVER:
            life.deliver(frame[1], frame[2] << 8 | frame[3], frame[4] << 8 | frame[5])
        elif what == WAIT:
            clock.now_ms += 1000 * frame[1]
            if frame[1] > 30:
                life.challenge = None
        elif what == ACT:
            life.act(frame[1] % 5)
    # A stale pointer to a life would look like memory that grows.
    life.said.clear()
    life.said_to_other.clear()
    for reason in door.dropped():
        if reason not in names.REASONS:
            raise fuzz.Wrong("a drop with an unknown reason", reason)


def generate():
    frames = []
    for _ in range(2 + random.randrange(4)):
        for _ in range(2 + random.randrange(5)):
            frames += [bytes(step) for step in TALKS[random.randrange(len(TALKS))]]
            frames += [delivery() for _ in range(random.randrange(24))]
            if fuzz.chance(4):
                frames.append(bytes((WAIT, random.randrange(40))))
        frames.append(bytes((PUT_BACK if fuzz.chance(4) else START,)))
    return frames + [delivery() for _ in range(40)]


def delivery():
    return bytes((DELIVER, random.randrange(len(WAYS)))) + bytes([random.getrandbits(8) for _ in range(4)])


fuzz.counts["reboots"] = 0
IMAGES = [an_image(), an_image()]  # what lay in flash at the last two starts, the newer first
door = Door()
fuzz.run(generate, check)
