"""When an image on trial is confirmed, and what is kept of it; argv[1]: path of a flash file."""

import sys

from slot_flash import Board, rom

from altgate import trial
from altgate.slots import Slot
from altgate.store.counters import KEY_SECURITY, KEY_UPDATE
from protocol import messages, reasons
from protocol import update as said

NEW = rom(2, 6000)


class Counters:
    def __init__(self):
        self.held = {KEY_SECURITY: 2}

    def get(self, key):
        return self.held.get(key, 0)

    def put(self, key, value):
        self.held[key] = value


class Journal:
    head, acknowledged = 7, 5


class Door:
    def __init__(self):
        self.counters, self.journal, self.passes = Counters(), Journal(), True
        self.told = []

    def record(self, kind, detail):
        assert kind == messages.KIND_UPDATE
        # It is told before it is done.
        self.told.append((detail & 0xFF, detail >> 8, is_good()))

    def self_test(self):
        return reasons.DONE if self.passes else reasons.SELF_TEST_FAILED


def on_trial(security=3):
    """A board whose second slot was just started for the first time."""
    board, door = Board(sys.argv[1], rom(1, 5000)), Door()
    board.boot()
    board.update("code_a", NEW, SECURITY=security)
    assert board.boot() == ("code_b", NEW)
    trial.monotonic_s = lambda: 10
    return board, door, trial.of("code_b", door)


def is_good():
    return Slot("code_b").says(said.GOOD_AT)


# Only the host's word on this start's own event counts, or time.
board, door, found = on_trial()
assert not found.is_over(door)
door.journal.acknowledged = 6
assert not found.is_over(door) and not is_good()
door.journal.acknowledged = 7
door.passes = False
assert not found.is_over(door) and not is_good()
door.passes = True
door.counters.put(KEY_UPDATE, 2)
assert found.is_over(door) and is_good() and door.counters.get(KEY_SECURITY) == 3
short = int.from_bytes(Slot("code_b").digest[:6], "big")
assert door.told == [(said.EVENT_KEPT, short, False)] and not door.counters.get(KEY_UPDATE)
assert trial.of("code_b", door) is None and board.boot() == ("code_b", NEW) == board.boot()

# Without a host: after a while.
board, door, found = on_trial(2)
trial.monotonic_s = lambda: trial.UNHEARD_S - 1
assert not found.is_over(door)
trial.monotonic_s = lambda: trial.UNHEARD_S
door.passes = False
assert not found.is_over(door)
door.passes = True
assert found.is_over(door) and is_good()
# The number does not go back.
assert door.counters.get(KEY_SECURITY) == 2

# What cannot be kept is told, ends the trial, and goes back at the next start.
board, door, found = on_trial()
door.journal.acknowledged = 7


def fails(block, buf, offset=0):
    raise OSError(5)


board.parts["code_b"].writeblocks = fails
door.counters.put(KEY_UPDATE, 2)
assert found.is_over(door) and not is_good()
assert board.boot()[0] == "code_a"
# The one that runs again tells of it, once.
for _ in range(2):
    assert trial.of("code_a", door) is None
assert [row[:2] for row in door.told[1:]] == [(said.EVENT_ROLLED_BACK, short)]

# A slot that cannot be read does not keep the door from running.
board, door, found = on_trial()
board.parts["code_b"].readblocks = fails
assert trial.of("code_b", door) is None
print("ok")
