"""decide() and the lockout: every refusal has its reason, and only a clean claim is granted."""

from altgate.access import lockout
from altgate.access.decide import decide
from altgate.access.record import DoorState, Record
from altgate.entry import claim
from protocol import limits, messages, reasons

NOW = 1_800_000_000


def state(uid=False, locked_s=0, trusted=True, face=reasons.FACE_OFF):
    return DoorState(uid, locked_s, trusted, face)


OPEN = state()
PLAIN = Record(7, 3, 0, 0, 0, 0, False)
WINDOW = Record(7, 3, NOW - 10, NOW + 10, 0, 0, False)


def reason(shown, record, door=OPEN, now=NOW):
    decision = decide(shown, record, door, now)
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
    assert reason(shown, PLAIN._replace(is_revoked=True) if hasattr(PLAIN, "_replace")
                  else Record(7, 3, 0, 0, 0, 0, True)) == reasons.REVOKED
    assert reason(shown, WINDOW, state(trusted=False)) == reasons.TIME_UNKNOWN
    assert reason(shown, WINDOW) == reasons.GRANTED
    assert reason(shown, WINDOW, now=NOW - 11) == reasons.NOT_YET_VALID
    assert reason(shown, WINDOW, now=NOW + 10) == reasons.EXPIRED
    assert reason(shown, Record(7, 3, 0, 0, 2, 2, False)) == reasons.USED_UP
    assert reason(shown, Record(7, 3, 0, 0, 2, 1, False)) == reasons.GRANTED

assert reason(card, None) == reasons.UNKNOWN_CREDENTIAL
assert reason(pin, None) == reasons.WRONG_PIN
assert reason(uid, PLAIN) == reasons.LEGACY_UID_OFF
assert reason(uid, PLAIN, state(uid=True)) == reasons.GRANTED
assert reason(pin, PLAIN, state(locked_s=1)) == reasons.LOCKED_OUT
assert reason(card, PLAIN, state(locked_s=1)) == reasons.GRANTED

# A face opens only where the gate has nothing against it, and then only as its bound card would.
for gate in EVERY_REASON:
    # Also where the gate's answer is a number that elsewhere means "granted".
    assert decide(face, PLAIN, state(face=gate), NOW).is_granted == (gate == reasons.NONE), gate
SAID_YES = state(face=reasons.NONE)
assert reason(face, PLAIN, SAID_YES) == reasons.GRANTED
assert reason(face, PLAIN) == reasons.FACE_OFF
assert reason(face, None) == reasons.FACE_OFF
assert reason(face, None, SAID_YES) == reasons.UNKNOWN_CREDENTIAL
assert reason(face, Record(7, 3, 0, 0, 0, 0, True), SAID_YES) == reasons.REVOKED
assert reason(face, WINDOW, SAID_YES) == reasons.GRANTED
assert reason(face, WINDOW, SAID_YES, NOW + 10) == reasons.EXPIRED
assert reason(face, WINDOW, SAID_YES, NOW - 11) == reasons.NOT_YET_VALID
assert reason(face, WINDOW, state(trusted=False, face=reasons.NONE)) == reasons.TIME_UNKNOWN
assert reason(face, Record(7, 3, 0, 0, 2, 2, False), SAID_YES) == reasons.USED_UP
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
    assert decide(wrong, PLAIN, SAID_YES, NOW).is_granted == (fault == reasons.NONE), fault


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
