"""decide() and the lockout: every refusal has its reason, and only a clean claim is granted."""

import struct

from altgate.access import lockout, schedule
from altgate.access.decide import decide
from altgate.access.record import DoorState, Record
from altgate.entry import claim
from protocol import limits, messages, reasons

NOW = 1_800_000_000


def state(uid=False, locked_s=0, trusted=True, face=reasons.FACE_OFF, first=None, untimed=False, ahead_s=0):
    return DoorState(uid, locked_s, trusted, face, first, untimed, ahead_s)


def held(not_before=0, not_after=0, uses=0, used=0, is_revoked=False, rule=0, id_=7, resident=3):
    return Record(id_, resident, not_before, not_after, uses, used, is_revoked, rule, 0)


OPEN = state()
PLAIN = held()
WINDOW = held(NOW - 10, NOW + 10)


def reason(shown, record, door=OPEN, now=NOW, periods=None):
    decision = decide(shown, record, periods, door, now)
    assert decision.is_granted == (decision.reason == reasons.GRANTED)
    return decision.reason


card = claim.by_tag(messages.METHOD_CARD, messages.TYPE_CARD, b"t" * 16)
uid = claim.by_tag(messages.METHOD_LEGACY_UID, messages.TYPE_LEGACY_UID, b"t" * 16)
pin = claim.by_tag(messages.METHOD_PIN, messages.TYPE_PIN, b"t" * 16, 101)
qr = claim.by_pass((b"p" * 8, NOW - 10, NOW + 10, 1))
face = claim.Claim(messages.METHOD_FACE, messages.TYPE_CARD, b"t" * 16, 0, reasons.NONE, None)
EVERY_REASON = range(200)

for shown in (card, pin, qr):
    assert reason(shown, PLAIN) == reasons.GRANTED
    assert reason(shown, PLAIN, state(trusted=False)) == reasons.GRANTED
    assert reason(shown, held(is_revoked=True)) == reasons.REVOKED
    assert reason(shown, WINDOW, state(trusted=False)) == reasons.TIME_UNKNOWN
    assert reason(shown, WINDOW) == reasons.GRANTED
    assert reason(shown, WINDOW, now=NOW - 11) == reasons.NOT_YET_VALID
    assert reason(shown, WINDOW, now=NOW + 10) == reasons.EXPIRED
    assert reason(shown, held(uses=2, used=2)) == reasons.USED_UP
    assert reason(shown, held(uses=2, used=1)) == reasons.GRANTED

assert reason(card, None) == reasons.UNKNOWN_CREDENTIAL
assert reason(pin, None) == reasons.WRONG_PIN
assert reason(uid, PLAIN) == reasons.LEGACY_UID_OFF
assert reason(uid, PLAIN, state(uid=True)) == reasons.GRANTED
assert reason(pin, PLAIN, state(locked_s=1)) == reasons.LOCKED_OUT
assert reason(card, PLAIN, state(locked_s=1)) == reasons.GRANTED

# A face opens only where the gate has nothing against it, and then only as its bound card would.
for gate in EVERY_REASON:
    # Also where the gate's answer is a number that elsewhere means "granted".
    assert decide(face, PLAIN, None, state(face=gate), NOW).is_granted == (gate == reasons.NONE), gate
SAID_YES = state(face=reasons.NONE)
assert reason(face, PLAIN, SAID_YES) == reasons.GRANTED
assert reason(face, PLAIN) == reasons.FACE_OFF
assert reason(face, None) == reasons.FACE_OFF
assert reason(face, None, SAID_YES) == reasons.UNKNOWN_CREDENTIAL
assert reason(face, held(is_revoked=True), SAID_YES) == reasons.REVOKED
assert reason(face, WINDOW, SAID_YES) == reasons.GRANTED
assert reason(face, WINDOW, SAID_YES, NOW + 10) == reasons.EXPIRED
assert reason(face, WINDOW, SAID_YES, NOW - 11) == reasons.NOT_YET_VALID
assert reason(face, WINDOW, state(trusted=False, face=reasons.NONE)) == reasons.TIME_UNKNOWN
assert reason(face, held(uses=2, used=2), SAID_YES) == reasons.USED_UP
# What the gate says is nobody else's business, and a locked PIN or a mere UID says nothing about a face.
for shown in (card, pin, qr):
    for gate in EVERY_REASON:
        assert reason(shown, PLAIN, state(face=gate)) == reasons.GRANTED
assert reason(face, PLAIN, state(locked_s=9, face=reasons.NONE)) == reasons.GRANTED
assert reason(uid, PLAIN, SAID_YES) == reasons.LEGACY_UID_OFF

# A failed proof is refused whatever record stands beside it.
for fault in (reasons.CARD_NOT_GENUINE, reasons.PASS_NOT_GENUINE, reasons.OTHER_DOOR, reasons.CARD_LOST):
    assert reason(claim.failed(messages.METHOD_CARD, fault), PLAIN) == fault
    wrong = claim.Claim(messages.METHOD_FACE, messages.TYPE_CARD, b"t" * 16, 0, fault, None)
    assert reason(wrong, PLAIN, SAID_YES) == fault
for fault in EVERY_REASON:
    wrong = claim.Claim(messages.METHOD_FACE, messages.TYPE_CARD, b"t" * 16, 0, fault, None)
    assert decide(wrong, PLAIN, None, SAID_YES, NOW).is_granted == (fault == reasons.NONE), fault

# A schedule holds for every way in alike, in the building's time; a number that is not known is never open.
PERIODS = struct.pack("<BHHBHH", 0b0011111, 7 * 60, 19 * 60, 0b0100000, 9 * 60, 24 * 60)
MONDAY = 1_799_625_600  # 2027-01-11, 00:00
HOURS = [
    (0, 6 * 60 + 59, False), (0, 7 * 60, True), (0, 19 * 60 - 1, True), (0, 19 * 60, False),
    (4, 12 * 60, True), (5, 8 * 60, False), (5, 23 * 60 + 59, True), (6, 0, False), (6, 12 * 60, False),
]  # fmt: skip
for day, minute, is_in in HOURS:
    at = MONDAY + day * 86400 + minute * 60
    for ahead_s in (0, 3600, -5 * 3600):
        there = state(face=reasons.NONE, ahead_s=ahead_s)
        wanted = reasons.GRANTED if is_in else reasons.OUTSIDE_SCHEDULE
        for shown in (card, pin, face):
            assert reason(shown, PLAIN, there, at - ahead_s, PERIODS) == wanted, (day, minute, ahead_s)
assert reason(card, PLAIN, OPEN, MONDAY + 12 * 3600, b"") == reasons.OUTSIDE_SCHEDULE
assert reason(card, PLAIN, state(trusted=False), MONDAY, PERIODS) == reasons.TIME_UNKNOWN
assert reason(card, PLAIN, state(trusted=False, untimed=True), MONDAY, PERIODS) == reasons.GRANTED
assert reason(card, PLAIN, state(untimed=True), MONDAY, PERIODS) == reasons.OUTSIDE_SCHEDULE
assert reason(card, None, OPEN, MONDAY + 12 * 3600, PERIODS) == reasons.UNKNOWN_CREDENTIAL

assert schedule.are_periods(PERIODS, 2) and schedule.are_periods(b"", 2)
for days, first, last in ((0, 1, 2), (128, 1, 2), (1, 5, 5), (1, 6, 5), (1, 0, 1441)):
    assert not schedule.are_periods(struct.pack("<BHH", days, first, last), 2), (days, first, last)
assert not schedule.are_periods(PERIODS, 1) and not schedule.are_periods(PERIODS[:-1], 2)

CHANGES = struct.pack("<IhIhIh", 0, 60, 1000, 120, 2000, -90)
for now, minutes in ((0, 60), (999, 60), (1000, 120), (1999, 120), (2000, -90), (NOW, -90)):
    assert schedule.offset_s(CHANGES, now) == minutes * 60
assert schedule.offset_s(b"", NOW) == 0
assert schedule.are_changes(CHANGES, 3) and schedule.are_changes(b"", 3)
assert not schedule.are_changes(CHANGES, 2) and not schedule.are_changes(CHANGES[:-1], 3)
assert not schedule.are_changes(CHANGES[6:12] + CHANGES[:6], 3)
assert not schedule.are_changes(struct.pack("<Ih", 0, 841), 3)

# The dual rule: only after another credential of the same person, and only where all else is right.
DUAL = held(rule=messages.RULE_DUAL)
OTHER = held(rule=messages.RULE_DUAL, id_=8)
for shown in (card, pin):
    assert reason(shown, DUAL) == reasons.SECOND_NEEDED
    assert reason(shown, DUAL, state(first=OTHER)) == reasons.GRANTED
    assert reason(shown, DUAL, state(first=DUAL)) == reasons.SECOND_NEEDED
    for stranger in (held(id_=8, resident=4), held(id_=8, resident=0)):
        assert reason(shown, DUAL, state(first=stranger)) == reasons.SECOND_NEEDED
    gone = held(rule=messages.RULE_DUAL, is_revoked=True)
    assert reason(shown, gone, state(first=OTHER)) == reasons.REVOKED
    assert reason(shown, DUAL, state(first=OTHER), MONDAY, PERIODS) == reasons.OUTSIDE_SCHEDULE
nobodys = held(rule=messages.RULE_DUAL, resident=0)
assert reason(card, nobodys, state(first=held(id_=8, resident=0))) == reasons.SECOND_NEEDED
# Face stands for the card that it is bound to.
assert reason(face, DUAL, SAID_YES) == reasons.SECOND_NEEDED
# A rule that nobody knows asks for more, never for less.
assert reason(card, held(rule=9)) == reasons.SECOND_NEEDED


class Counters:
    """Numbers in RAM; what flash does to them is tested with the store."""

    def __init__(self):
        self.values = {}

    def get(self, key):
        return self.values.get(key, 0)

    def put(self, key, value):
        self.values[key] = value


assert [lockout.wait_s(n) for n in (0, 4, 5, 6, 11, 12, 10**6)] == [0, 0, 30, 60, 1920, 3600, 3600]
counters = Counters()
locks = lockout.Lockout(counters, 100, 0)
for known, unit in ((True, 1), (False, 2)):
    for n in range(limits.PIN_ATTEMPTS):
        assert locks.left_s(unit, known, 1000) == 0
        locks.count(unit, known, 1000)
    assert locks.left_s(unit, known, 1000) == limits.LOCKOUT_S
    assert locks.left_s(unit, known, 1000 + limits.LOCKOUT_S) == 0
    assert locks.left_s(3, True, 1000) == 0
assert counters.values == {101: limits.PIN_ATTEMPTS}

# A power cycle does not shorten the wait.
again = lockout.Lockout(counters, 100, 5)
assert again.left_s(1, True, 5) == limits.LOCKOUT_S
assert (again.failures(1), again.failures(2)) == (limits.PIN_ATTEMPTS, 0)
again.clear(1)
assert again.left_s(1, True, 5) == again.failures(1) == 0

# Tries of a face and of a door PIN are counted beside those of the units, and keep out of each other's way.
beside = lockout.Lockout(counters, 0, 0)
for key in (0x40000000 | 3, 0x80000000 | 3):
    beside.count(key, True, 50)
    assert beside.failures(key) == 1
assert beside.failures(0x40000000 | 4) == beside.failures(101) == locks.failures(3) == 0
del counters.values[0x40000000 | 3], counters.values[0x80000000 | 3]

# A flood of made-up units keeps its memory bounded and touches no flash.
before = dict(counters.values)
for unit in range(1000, 3000):
    locks.count(unit, False, 2000)
assert counters.values == before
assert len(locks._unknown) <= locks.UNKNOWN_UNITS and len(locks._since) <= locks.UNKNOWN_UNITS + 2
print("ok")
