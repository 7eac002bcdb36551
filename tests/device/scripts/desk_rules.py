"""Number of uses, dual rule and schedules, from a claim through the desk, and over a restart.

Argument: path of a flash file to make.
"""

import asyncio
import struct
import sys

from altgate.access.lockout import Lockout
from altgate.entry import claim
from altgate.entry.desk import Desk
from altgate.store.counters import KEY_UNITS
from altgate.store.draft import Refused
from consent_door import CARD, NOW, SECTORS, Door, delete
from protocol import limits, messages, reasons
from vault_flash import blank

UNIT = 101
SINGLE, DUAL = messages.RULE_SINGLE, messages.RULE_DUAL
# 2027-01-15 08:00 UTC, a Friday: NOW.
FRIDAY, SATURDAY = 1 << 4, 1 << 5


class Signals:
    """The last sign."""

    last = ""

    def __getattr__(self, name):
        def show(*_):
            self.last = name

        return show


class House:
    """A door and its desk; ``opened`` counts how often the strike was let go."""

    def __init__(self):
        blank(sys.argv[1], SECTORS)
        self.door = Door(sys.argv[1])
        self.opened, self.reasons = 0, []
        self.start()

    def start(self):
        self.door.start()
        door = self.door
        self.signals = Signals()
        self.lockout = Lockout(door.counters, KEY_UNITS, door.seconds)
        self.desk = Desk(
            door.credentials, self.lockout, door.clock, self.release, self.entered, self.signals,
            door.now, door.gate,
        )  # fmt: skip

    def release(self, _seconds):
        self.opened += 1

    def entered(self, reason, method, credential, resident, detail):
        self.reasons.append(reason)

    def put(self, id_, tag, kind=messages.TYPE_CARD, resident=5, rule=SINGLE, schedule=0, uses=0, until=0):
        unit = UNIT if kind == messages.TYPE_PIN else 0
        self.door.apply(
            [messages.OP_PUT, id_, kind, tag, 0, until, unit, resident, 77, rule, schedule, uses]
        )

    def show(self, tag):
        made = claim.by_tag(messages.METHOD_CARD, messages.TYPE_CARD, tag)
        return self.says(made)

    def type(self, tag):
        return self.says(claim.by_tag(messages.METHOD_PIN, messages.TYPE_PIN, tag, UNIT))

    def says(self, made):
        before = self.opened
        reason = asyncio.run(self.desk.submit(made)).reason
        assert self.reasons[-1] == reason and (self.opened > before) == (reason == reasons.GRANTED)
        return reason


A, B, C, PIN, OTHER = (letter * 16 for letter in (b"a", b"b", b"c", b"p", b"q"))


def uses():
    """Each credential counts for itself, over a restart too; a new number starts anew."""
    house = House()
    house.put(20, A, uses=2)
    house.put(21, B, uses=1, until=NOW + 9)
    house.put(22, PIN, kind=messages.TYPE_PIN, uses=1)
    assert house.show(A) == reasons.GRANTED
    house.start()
    assert [house.show(A) for _ in range(3)] == [reasons.GRANTED, reasons.USED_UP, reasons.USED_UP]
    assert [house.show(B) for _ in range(2)] == [reasons.GRANTED, reasons.USED_UP]
    assert [house.type(PIN) for _ in range(2)] == [reasons.GRANTED, reasons.USED_UP]
    house.start()
    assert (house.show(A), house.show(B), house.type(PIN)) == (reasons.USED_UP,) * 3
    # Taken back, its count goes, and leaves room for others.
    rows = len(house.door.uses._rows)
    house.door.apply(delete(20, A))
    house.put(30, A, uses=1)
    assert house.show(A) == reasons.GRANTED and len(house.door.uses._rows) <= rows
    # Another one under the same tag, by a change of its own or in one message: the old count goes, and those
    # that stay are not many.
    for number in range(40, 40 + limits.PASSES_IN_USE):
        if number % 2:
            house.put(number, A, uses=1)
        else:
            house.door.apply(
                delete(number - 1, A),
                [messages.OP_PUT, number, messages.TYPE_CARD, A, 0, 0, 0, 5, 0, SINGLE, 0, 1],
            )
        assert house.show(A) == reasons.GRANTED, number
        assert house.show(A) == reasons.USED_UP, number
    # The same one with other bounds goes on counting.
    house.put(number, A, uses=2)
    assert [house.show(A) for _ in range(2)] == [reasons.GRANTED, reasons.USED_UP]
    # Where counts were lost, and where there is nowhere to count, nothing with a number of uses opens.
    house.put(31, C, uses=5)
    house.door.uses.damaged = 1
    assert house.show(C) == reasons.USED_UP
    house.door.credentials.uses = None
    assert house.show(C) == reasons.USED_UP


def dual():
    """Two credentials of one person, in either order, within the time."""
    house = House()
    house.put(20, A, rule=DUAL)
    house.put(21, PIN, kind=messages.TYPE_PIN, rule=DUAL)
    house.put(22, B, resident=6, rule=DUAL)
    house.put(23, C, resident=6)
    for first, second in ((house.show, house.type), (house.type, house.show)):
        tags = (A, PIN) if first == house.show else (PIN, A)
        assert first(tags[0]) == reasons.SECOND_NEEDED and house.signals.last == "wait_for_next"
        assert second(tags[1]) == reasons.GRANTED
        # Once: the pair is spent.
        assert second(tags[1]) == reasons.SECOND_NEEDED
        house.door.seconds += limits.SECOND_S + 1
    assert house.show(A) == reasons.SECOND_NEEDED
    assert house.show(A) == reasons.SECOND_NEEDED
    assert house.show(B) == reasons.SECOND_NEEDED  # another person's, who needs one as well
    assert house.type(PIN) == reasons.SECOND_NEEDED
    house.door.seconds += limits.SECOND_S
    assert house.show(A) == reasons.GRANTED
    assert house.show(A) == reasons.SECOND_NEEDED
    house.door.seconds += limits.SECOND_S + 1
    assert house.type(PIN) == reasons.SECOND_NEEDED
    # What opens alone needs no second one; the right PIN clears its tries, a wrong one counts.
    assert house.show(C) == reasons.GRANTED
    assert house.lockout.failures(UNIT) == 0
    assert house.type(OTHER) == reasons.WRONG_PIN and house.lockout.failures(UNIT) == 1
    # What is taken out meanwhile is no first one.
    house.door.seconds += limits.SECOND_S + 1
    assert house.show(A) == reasons.SECOND_NEEDED
    house.door.apply(delete(20, A))
    assert house.type(PIN) == reasons.SECOND_NEEDED
    house.put(20, A, rule=DUAL)
    house.door.seconds += limits.SECOND_S + 1
    # A restart forgets the first one.
    assert house.show(A) == reasons.SECOND_NEEDED
    house.start()
    assert house.type(PIN) == reasons.SECOND_NEEDED


def face():
    """A face stands for the card that it is bound to: alone it is no second, and its tries start again."""
    house = House()
    door = house.door
    door.apply([messages.OP_PUT, 7, messages.TYPE_CARD, CARD, 0, 0, 0, 3, 0, DUAL, 0, 0])
    door.say_yes()
    house.put(21, PIN, kind=messages.TYPE_PIN, resident=3, rule=DUAL)
    look = claim.Claim(messages.METHOD_FACE, messages.TYPE_CARD, CARD, 0, reasons.NONE, None)
    for _ in range(limits.PIN_ATTEMPTS + 2):
        assert house.show(CARD) == reasons.SECOND_NEEDED
        door.gate.count_try(3)
        assert house.says(look) == reasons.SECOND_NEEDED
        assert door.gate.look_refusal(3) == reasons.NONE
        assert house.type(PIN) == reasons.GRANTED
        door.seconds += 1
    # A card with a number of uses opens by face as often as by itself.
    door.apply([messages.OP_PUT, 7, messages.TYPE_CARD, CARD, 0, 0, 0, 3, 0, SINGLE, 0, 2])
    assert [house.says(look) for _ in range(3)] == [reasons.GRANTED, reasons.GRANTED, reasons.NO_OTHER_WAY]
    assert house.show(CARD) == reasons.USED_UP
    # Nothing is left of it: face rests, and no camera is raised for what cannot open.
    assert door.gate.look_refusal(3) == reasons.NO_OTHER_WAY


def schedules():
    """In the building's own time; changed and taken away at once; an unknown one never opens."""
    house = House()
    house.put(20, A, schedule=3)
    assert house.show(A) == reasons.OUTSIDE_SCHEDULE
    early = struct.pack("<BHH", FRIDAY, 7 * 60, 8 * 60)
    late = struct.pack("<BHH", FRIDAY, 8 * 60, 9 * 60)
    house.door.apply([messages.OP_SCHEDULE, 3, late])
    assert house.show(A) == reasons.GRANTED
    house.door.apply([messages.OP_SCHEDULE, 3, early])
    assert house.show(A) == reasons.OUTSIDE_SCHEDULE
    house.door.apply([messages.OP_TIME_ZONE, struct.pack("<IhIh", 0, 0, NOW - 5, -30)])
    assert house.show(A) == reasons.GRANTED
    house.start()
    assert house.show(A) == reasons.GRANTED
    house.door.clock.quality = messages.QUALITY_UNKNOWN
    assert house.show(A) == reasons.TIME_UNKNOWN
    house.door.apply([messages.OP_SETTING, messages.SETTING_SCHEDULE_UNTIMED, 1])
    assert house.show(A) == reasons.GRANTED
    house.door.clock.quality = messages.QUALITY_HOST
    # Whoever comes at the wrong hour with what is right has guessed nothing.
    house.door.apply([messages.OP_SCHEDULE, 4, struct.pack("<BHH", SATURDAY, 0, 1)])
    house.put(21, PIN, kind=messages.TYPE_PIN, schedule=4)
    house.door.apply([messages.OP_PUT, 7, messages.TYPE_CARD, CARD, 0, 0, 0, 3, 0, SINGLE, 4, 0])
    house.door.say_yes()
    look = claim.Claim(messages.METHOD_FACE, messages.TYPE_CARD, CARD, 0, reasons.NONE, None)
    for _ in range(limits.PIN_ATTEMPTS + 2):
        assert house.type(PIN) == reasons.OUTSIDE_SCHEDULE
        house.door.gate.count_try(3)
        assert house.says(look) == reasons.OUTSIDE_SCHEDULE
    assert house.lockout.failures(UNIT) == 0 and house.door.gate.look_refusal(3) == reasons.NONE
    for _ in range(limits.PIN_ATTEMPTS):
        assert house.type(OTHER) == reasons.WRONG_PIN
    assert house.type(PIN) == reasons.LOCKED_OUT
    house.door.apply([messages.OP_SCHEDULE, 3, b""])
    assert house.show(A) == reasons.OUTSIDE_SCHEDULE


def refused():
    """What a message must not bring changes nothing."""
    house = House()
    house.door.apply([messages.OP_SCHEDULE, 1, struct.pack("<BHH", SATURDAY, 0, 1440)])
    put = lambda rule, schedule, uses: [  # noqa: E731
        messages.OP_PUT, 20, messages.TYPE_CARD, A, 0, 0, 0, 5, 0, rule, schedule, uses
    ]  # fmt: skip
    bad = [put(2, 0, 0), put(DUAL, 0, 1), put(0, limits.SCHEDULES + 1, 0), put(0, 0, limits.USES + 1)]
    bad += [[messages.OP_SCHEDULE, 0, b""], [messages.OP_SCHEDULE, limits.SCHEDULES + 1, b""]]
    bad += [[messages.OP_SCHEDULE, 1, struct.pack("<BHH", 1, 9, 9)], [messages.OP_SCHEDULE, 1, b"\1"]]
    bad += [[messages.OP_TIME_ZONE, struct.pack("<Ih", 0, 900)], [messages.OP_TIME_ZONE, 5]]
    before, version = dict(house.door.credentials._held), house.door.credentials.version
    for operation in bad:
        try:
            house.door.credentials.draft(
                {
                    messages.BASE_VERSION: version, messages.NEW_VERSION: version + 1,
                    messages.OPERATIONS: [operation],
                }, NOW,
            )  # fmt: skip
            raise AssertionError(operation)
        except Refused as error:
            assert error.reason == reasons.BAD_OPERATION
    assert house.door.credentials._held == before
    assert house.door.credentials.find(messages.TYPE_CARD, A) is None


{"uses": uses, "dual": dual, "face": face, "schedules": schedules, "refused": refused}[sys.argv[2]]()
print("ok")
