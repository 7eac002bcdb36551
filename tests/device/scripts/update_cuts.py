"""Power cut at every flash operation of updates, from the first erasure to the confirmed image and beyond.

After a cut the board starts, and with a whole image: the old one, or the new one where its update was over.
What was confirmed stays, what was not goes back, and the next update works. Planted bugs must be caught.
Arguments: path of a flash file, a seed, at every how many operations to cut; "plain" to leave the bugs out.
"""

import random
import sys

from slot_flash import SECTOR, Board, Locked, rom, update
from vault_flash import every_cut

import altgate.slots
from altgate.slots import Slot
from protocol import update as said

SEED, EVERY = int(sys.argv[2]), int(sys.argv[3])
random.seed(SEED)


def size():
    return 2 * SECTOR + 1 + random.getrandbits(11)


OLD, NEW, NEXT = rom(1, size()), rom(2, size()), rom(3, size())


class Lost(Exception):
    """The board does not run what it should."""


class Work:
    """A life: an update from ``label``, a start on trial, the confirmation or none, and a start."""

    def __init__(self, board, is_confirmed):
        self.board, self.is_confirmed = board, is_confirmed
        self.is_written = self.is_kept = False

    def act(self):
        board = self.board
        self.is_written = self.is_kept = False
        label, _ = board.boot()
        board.update(label, NEW)
        self.is_written = True
        label, image = board.boot()
        expect(image == NEW, "the update does not run")
        if self.is_confirmed:
            Slot(label).say(said.GOOD_AT)
            self.is_kept = True
        _, image = board.boot()
        expect(image == (NEW if self.is_confirmed else OLD), "the start after the trial")

    def check(self, at, how):
        board, where = self.board, (at, how, self.is_confirmed)
        label, image = board.boot()
        expect(image == OLD or image == NEW and (self.is_written or is_written(label)), where)
        if self.is_kept:
            expect(image == NEW, where)
        # Not confirmed from here on: what is on trial goes back, what was confirmed does not.
        is_good = Slot(label).says(said.GOOD_AT)
        for _ in range(2):
            label, after = board.boot()
            expect(after == (image if is_good else OLD), where)
        expect(Slot(label).says(said.GOOD_AT), where)
        # The next update works, whatever was left behind.
        board.update(label, NEXT)
        label, image = board.boot()
        expect(image == NEXT, where)
        Slot(label).say(said.GOOD_AT)
        expect(board.boot()[1] == NEXT, where)


def is_written(label):
    """Whether the cut came behind the last word of an update."""
    return Slot(label).says(said.WRITTEN_AT)


def expect(is_so, where):
    if not is_so:
        raise Lost(where)


def cuts():
    done = 0
    for is_confirmed in (True, False):
        board = Board(sys.argv[1], OLD)
        work = Work(board, is_confirmed)
        done += every_cut(board.flash, work.act, work.check, 1 + SEED % EVERY, EVERY)
    # The other way round: from the second slot into the first.
    board = Board(sys.argv[1], rom(9, 100))
    board.put("code_b", 2, OLD)
    work = Work(board, True)
    return done + every_cut(board.flash, work.act, work.check, 1 + SEED % EVERY, EVERY)


def must_fail(name, owner, attribute, planted):
    real = getattr(owner, attribute)
    setattr(owner, attribute, planted)
    try:
        cuts()
    except (Lost, Locked, update.Unfit, AssertionError):
        return
    finally:
        setattr(owner, attribute, real)
    raise RuntimeError("the planted bug was not caught: " + name)


class Early(update.Update):
    """Says that the image is whole before it is."""

    def begin(self, *arguments):
        yield from super().begin(*arguments)
        number = self._from.number + 1
        first, content = altgate.slots.head(
            number, self._manifest, self._signature, self._size, self._digest
        )
        self._program(said.CONTENT_AT, content)
        self._program(0, first)
        self._to.say(said.WRITTEN_AT)


class InPlace(update.Update):
    """Writes over the image that runs."""

    def __init__(self, slot, floor=0):
        super().__init__(slot, floor)
        self._to = self._from


def _unchecked(slot):
    image = bytearray(slot.size)
    for at in range(0, slot.size, SECTOR):
        piece = memoryview(image)[at : at + SECTOR]
        slot.flash.readblocks(1 + at // SECTOR, piece)
    return image


def _not_marked(slot, word):
    return True if word == said.TRIED_AT else _say(slot, word)



_say = Slot.say
done = cuts()
if sys.argv[-1] != "plain":
    must_fail("written over itself", update, "Update", InPlace)
    must_fail("a trial that never ends", Slot, "say", _not_marked)
    unchecked = Slot.image
    Slot.image = _unchecked
    must_fail("said too early, and not checked", update, "Update", Early)
    Slot.image = unchecked
print("cuts", done)
