"""decide() and the lockout: every refusal has its reason, and only a clean claim is granted."""

from altgate.access import lockout
from altgate.access.decide import decide
from altgate.access.record import DoorState, Record
from altgate.entry import claim
from protocol import limits, messages, reasons

NOW = 1_800_000_000
OPEN = DoorState(False, 0, True)
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

for shown in (card, pin, qr):
    assert reason(shown, PLAIN) == reasons.GRANTED
    assert reason(shown, PLAIN, DoorState(False, 0, False)) == reasons.GRANTED
    assert reason(shown, PLAIN._replace(is_revoked=True) if hasattr(PLAIN, "_replace")
                  else Record(7, 3, 0, 0, 0, 0, True)) == reasons.REVOKED
    assert reason(shown, WINDOW, DoorState(False, 0, False)) == reasons.TIME_UNKNOWN
    assert reason(shown, WINDOW) == reasons.GRANTED
    assert reason(shown, WINDOW, now=NOW - 11) == reasons.NOT_YET_VALID
    assert reason(shown, WINDOW, now=NOW + 10) == reasons.EXPIRED
    assert reason(shown, Record(7, 3, 0, 0, 2, 2, False)) == reasons.USED_UP
    assert reason(shown, Record(7, 3, 0, 0, 2, 1, False)) == reasons.GRANTED

assert reason(card, None) == reasons.UNKNOWN_CREDENTIAL
assert reason(pin, None) == reasons.WRONG_PIN
assert reason(uid, PLAIN) == reasons.LEGACY_UID_OFF
assert reason(uid, PLAIN, DoorState(True, 0, True)) == reasons.GRANTED
assert reason(pin, PLAIN, DoorState(False, 1, True)) == reasons.LOCKED_OUT
assert reason(card, PLAIN, DoorState(False, 1, True)) == reasons.GRANTED

# A failed proof is refused whatever record stands beside it.
for fault in (reasons.CARD_NOT_GENUINE, reasons.PASS_NOT_GENUINE, reasons.OTHER_DOOR, reasons.CARD_LOST):
    assert reason(claim.failed(messages.METHOD_CARD, fault), PLAIN) == fault


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
again.clear(1)
assert again.left_s(1, True, 5) == 0

# A flood of made-up units keeps its memory bounded and touches no flash.
before = dict(counters.values)
for unit in range(1000, 3000):
    locks.count(unit, False, 2000)
assert counters.values == before
assert len(locks._unknown) <= locks.UNKNOWN_UNITS and len(locks._since) <= locks.UNKNOWN_UNITS + 2
print("ok")
