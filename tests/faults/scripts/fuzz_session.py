"""The host's messages at the door: a host with the door's key that says anything, and all others.

A frame's first byte says how, its second which topic (the six of topics.DOWN, then others, not for the
door): 0 the payload as it is; 1 sealed with the right key for this topic; 2 sealed with the door's own key; 3
sealed for the next topic; 4 the door says hello; 5 so many seconds pass; 6 the payload is sealed rightly, and
its topic is the text before the first zero byte; 7 the door asks for a lease. Random numbers of the door are
counted, not drawn. Resident 3 has said yes to face at this door, and nobody else.
"""


import fuzz

fuzz.begin()

import items
import standin
from altgate.access.lockout import Lockout
from altgate.consent import gate as gate_module
from altgate.consent.register import Register
from altgate.crypto import cose
from altgate.link import session as module
from altgate.store import clock as clock_module
from altgate.store.copies import Copies
from altgate.store.counters import Counters
from altgate.store import credentials as credentials_module
from altgate.store import table
from altgate.store.credentials import Credentials
from altgate.store.draft import BOUNDS, REVOKED, SCHEDULES, SETTINGS
from altgate.store.journal import Journal
from changes import TAKEN_WRONGLY, is_state_fit
from hostile_host import (
    CONSENT,
    DOOR,
    DOOR_KEY,
    DOWN_KEY,
    EPOCH,
    EVENTS,
    FIRST_STATE,
    HELLO,
    LEASE,
    MOVED,
    SEALED,
    TEXT,
    TOPICS,
    UP_KEY,
    WAIT,
    generate,
)
from settled import Keys, Templates
from protocol import limits, messages, names, reasons, topics
from sealing import seal

KEYS = Keys(DOOR, UP_KEY, DOWN_KEY)


# Characters that were seen once stay in the interpreter's table: all of them now, before memory is watched.
"".join([chr(number) for number in range(256)])
# One sector's buffer for all cases: a stale pointer to an old one would look like memory that grows.
BUFFER = bytearray(table.SECTOR)
table.bytearray = lambda of: BUFFER if of == table.SECTOR else bytearray(of)
PARTITIONS = [standin.Partition(sectors) for sectors in (2, 2, 2, 4, 8)]
clock = standin.Clock()
module.time = clock_module.time = clock
module.asyncio = credentials_module.asyncio = standin.Loop(clock)


class Bench:
    """A door that was just started, with what it must have done so far."""

    def __init__(self):
        for partition in PARTITIONS:
            partition.erase()
        module.os = gate_module.os = self.random = standin.Random()
        clock.now_ms = 0
        counters = Counters(PARTITIONS[1])
        self.journal = Journal(PARTITIONS[0], None, counters)
        for number in range(EVENTS):
            self.journal.append(1, 5, 0, messages.KIND_ENTRY, detail=number)
        self.clock = clock_module.DoorClock(None, counters)
        self.credentials, self.register = Credentials(*PARTITIONS[3:]), Register(Copies(PARTITIONS[2]))
        draft = self.credentials.draft(FIRST_STATE, 0)
        self.credentials.prepare(draft)
        fuzz.drive(self.credentials.keep(draft))
        self.gate = gate_module.Gate(
            (self.register, Templates(), self.credentials), Lockout(counters, 0, 0), self.clock,
            (DOOR, 1, bytes(32)), lambda *event: None, monotonic_s, True,
        )  # fmt: skip
        self.gate.give(3, 63, b"\3" * 16)
        self.opened = []
        stores = (self.clock, self.credentials, self.journal)
        self.session = module.Session(
            KEYS, 1, *stores, lambda: self.opened.append(1), lambda: reasons.DONE, self.gate
        )
        self.challenge = self.nonce = self.lease_nonce = None
        self.is_acknowledged = self.has_lease = self.is_ended = False
        self.expected_opened, self.latest = 0, clock_module.OLDEST

    def state(self):
        """All that a message could change."""
        table = self.credentials
        return (
            len(self.opened), table.version, PARTITIONS[4].check(), dict(table._held),
            self.journal.acknowledged, self.clock.quality, self.clock.now(),
            tuple(self.register._rows), dict(self.register._pins), self.gate._lease.left_s(monotonic_s()),
        )  # fmt: skip

    def hello(self):
        self.session.hello({reasons.BAD_FRAME: 1})
        self.nonce = bytes((self.random.drawn & 0xFF,)) * limits.NONCE_BYTES

    def take(self, topic, payload, fields):
        """Give the door a message; ``fields`` are those of a genuine one for its topic, else None."""
        before, dropped = self.state(), sum(self.session.bad_input.values())
        self.was_asked = self.gate._lease._asked is not None
        answers = fuzz.drive(self.session.take(topic, payload))
        dropped = sum(self.session.bad_input.values()) - dropped
        is_fit = fields is not None and is_of_now(topic, fields)
        must_drop = not is_fit or not HANDLERS[TOPICS.index(topic)](self, fields, before, answers)
        if dropped != must_drop:
            raise fuzz.Wrong("a drop was not counted, or counted without one", topic, fields, dropped)
        if must_drop and (answers or self.state() != before):
            raise fuzz.Wrong("a message that was dropped had an effect", topic, fields, answers)
        if len(self.opened) != self.expected_opened:
            raise fuzz.Wrong("opened without a fresh challenge, or not with one", topic, fields)
        self.judge_face()
        held = self.credentials._held
        if len(held[REVOKED]) > limits.REVOKED_PASSES * 12 or len(held[SCHEDULES]) > limits.SCHEDULES:
            raise fuzz.Wrong("what is kept in memory grows", held)

    def ask_lease(self):
        question = self.gate.lease_question()
        self.lease_nonce = question[0] if question else self.lease_nonce

    def judge_face(self):
        """Face only for who said yes here, once the host has acknowledged it, and under a lease asked for."""
        if self.gate.open_refusal(4) == reasons.NONE or self.gate.enrol_refusal(4) == reasons.NONE:
            raise fuzz.Wrong("face for somebody who never said yes")
        if self.gate.enrol_refusal(3) == reasons.NONE and not self.is_acknowledged:
            raise fuzz.Wrong("face without the host's acknowledgement")
        if self.gate.open_refusal(3) == reasons.NONE and (self.is_ended or not self.has_lease):
            raise fuzz.Wrong("face without a lease, or after its end")

    def reply(self, answers):
        """The fields of the one answer."""
        if len(answers) != 1 or answers[0][0] != topics.topic(DOOR, topics.UP_REPLY):
            raise fuzz.Wrong("not one reply", answers)
        return cose.open_(UP_KEY, answers[0][0].encode(), answers[0][1])

    def welcome(self, fields, before, answers):
        nonce, unix = fields.get(messages.NONCE), fields.get(messages.TIME)
        if type(nonce) is not bytes or type(unix) is not int or self.nonce is None or nonce != self.nonce:
            return False
        self.nonce = None
        if self.latest <= unix < 0xF0000000:
            self.latest = unix
            if self.clock.now() != unix or self.clock.quality != messages.QUALITY_HOST:
                raise fuzz.Wrong("the host's time was not taken", unix, self.clock.now())
        elif self.clock.now() != before[6] and not clock_module.OLDEST <= unix < self.latest:
            raise fuzz.Wrong("a time was taken that cannot be", unix)
        return not answers

    def ack(self, fields, before, answers):
        sequence = fields.get(messages.SEQUENCE)
        if type(sequence) is not int:
            return False
        if self.journal.acknowledged != (sequence if before[4] < sequence <= EVENTS else before[4]):
            raise fuzz.Wrong("events acknowledged wrongly", sequence, self.journal.acknowledged)
        return not answers

    def change(self, fields, before, answers):
        reply = self.reply(answers)
        result, version = reply[messages.RESULT], self.credentials.version
        if reply[messages.STATE_VERSION] != version or reply[messages.REQUEST] != 0:
            raise fuzz.Wrong("a reply that tells another state", reply, version)
        is_fit = is_state_fit(fields, before[1])
        if result == reasons.DONE:
            if is_fit != 1 or version != fields[messages.NEW_VERSION]:
                raise fuzz.Wrong(TAKEN_WRONGLY[is_fit], fields)
            ending = ([messages.OP_END_CONSENT, CONSENT], [messages.OP_FORGET, 3])
            self.is_ended = self.is_ended or any(row[:2] in ending for row in fields[messages.OPERATIONS])
        elif is_fit == 1 and result != reasons.TABLE_FULL or self.state() != before:
            raise fuzz.Wrong("a state was refused wrongly, or not wholly", fields, result)
        if any(not low <= self.credentials.setting(n) <= high for n, (low, high, _) in BOUNDS.items()):
            raise fuzz.Wrong("a setting out of its bounds", self.credentials._held[SETTINGS])
        return True

    def command(self, fields, before, answers):
        request, verb, epoch = [fields.get(k) for k in (messages.REQUEST, messages.VERB, messages.EPOCH)]
        if type(request) is not int or type(verb) is not int or not 0 <= request < 1 << 32:
            return False
        if type(epoch) is not bytes:
            return False
        given = fields.get(messages.CHALLENGE)
        if epoch == EPOCH and verb == messages.VERB_UNLOCK and type(given) is not bytes:
            return False
        reply = self.reply(answers)
        result = reasons.DONE if verb in (1, 2, 3) else reasons.UNKNOWN_VERB
        if epoch != EPOCH:
            result = reasons.STALE_EPOCH
        elif verb == messages.VERB_CHALLENGE:
            self.challenge = (reply[messages.CHALLENGE], clock.now_ms)
        elif verb == messages.VERB_UNLOCK:
            challenge, self.challenge = self.challenge, None
            is_fresh = challenge and clock.now_ms - challenge[1] <= limits.CHALLENGE_S * 1000
            if is_fresh and given == challenge[0]:
                self.expected_opened += 1
            else:
                result = reasons.STALE_CHALLENGE
        if reply[messages.REQUEST] != request or reply[messages.RESULT] != result:
            raise fuzz.Wrong("another reply than the command's", fields, reply)
        return True

    def consent(self, fields, before, answers):
        rows = self.register._rows
        row = rows[0] if rows else None
        state, name = fields.get(messages.CONSENT_STATE), fields.get(messages.CONSENT)
        number = fields.get(messages.PERSONAL_NUMBER, 0)
        if type(state) is not int or type(name) is not bytes or type(number) is not int:
            return False
        was = [(old.consent, old.state, old.acked) for old in before[7] if old.consent == name]
        if number and not 100000 <= number <= 999999 or not was or was[0][1] != state:
            return False
        if row and row.acked and state not in messages.CONSENT_ENDED:
            self.is_acknowledged = True
        return not answers

    def lease(self, fields, before, answers):
        nonce, consents = fields.get(messages.NONCE), fields.get(messages.CONSENTS)
        is_taken = self.was_asked and self.gate._lease._asked is None
        is_fit = type(nonce) is bytes and type(consents) is bytes
        if not is_fit or nonce != self.lease_nonce or not is_taken:
            return False
        self.lease_nonce, self.has_lease = None, True
        return not answers


HANDLERS = (Bench.welcome, Bench.ack, Bench.change, Bench.command, Bench.consent, Bench.lease)
FOR_DOOR = TOPICS[: len(HANDLERS)]


def is_of_now(topic, fields):
    """Whether a message was said to this start; a command that was not is answered all the same."""
    return topic.endswith(topics.DOWN_COMMAND) or fields.get(messages.EPOCH) == EPOCH


def monotonic_s():
    return clock.now_ms // 1000


def play(bench, frame):
    how, rest = frame[0], frame[1:] or b"\0"
    if how == HELLO:
        return bench.hello()
    if how == LEASE:
        return bench.ask_lease()
    if how == WAIT:
        clock.now_ms += 1000 * rest[0]
        return None
    fuzz.sent(how in (SEALED, TEXT))
    number, content = rest[0] % len(TOPICS), rest[1:]
    topic = TOPICS[number]
    if how == TEXT:
        raw, _, content = rest.partition(b"\0")
        topic = "".join([chr(byte) for byte in raw])
    if how in (SEALED, TEXT):
        payload = seal(DOWN_KEY, topic.encode(), content)
        is_right = items.is_fit(content) and content[0] >> 5 == 5 and len(payload) <= limits.MESSAGE_BYTES
        fields = module.cose.cbor.decode(content) if is_right and topic in FOR_DOOR else None
        return bench.take(topic, payload, fields)
    if how == DOOR_KEY:
        content = seal(UP_KEY, topic.encode(), content)
    elif how == MOVED:
        content = seal(DOWN_KEY, TOPICS[(number + 1) % len(TOPICS)].encode(), content)
    return bench.take(topic, content, None)


def check(frames):
    bench = Bench()
    for frame in frames:
        play(bench, frame)
    ask = {messages.REQUEST: 8, messages.EPOCH: EPOCH, messages.VERB: messages.VERB_CHALLENGE}
    topic = TOPICS[3]
    bench.take(topic, seal(DOWN_KEY, topic.encode(), items.write(ask)), ask)
    act = dict(ask)
    act[messages.VERB], act[messages.CHALLENGE] = messages.VERB_UNLOCK, bench.challenge[0]
    opened = len(bench.opened)
    bench.take(topic, seal(DOWN_KEY, topic.encode(), items.write(act)), act)
    if len(bench.opened) != opened + 1:
        raise fuzz.Wrong("a genuine unlock fails afterwards")
    for reason, count in bench.session.bad_input.items():
        if reason not in names.REASONS:
            raise fuzz.Wrong("a drop with an unknown reason", reason)
        for _ in range(count):
            fuzz.dropped(reason)
    fuzz.counts["genuine"] += 1


fuzz.run(generate, check)
