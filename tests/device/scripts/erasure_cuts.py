"""Power cut at every flash operation of making a board bare, in three ways.

At the next start the board is as it was, or goes on, and is bare only once nothing of a key or a template is
in the flash. Planted bugs must be caught. Arguments: path of a flash file, a seed, at every how many
operations to cut; "plain" to leave the bugs out.
"""

import asyncio
import os
import random
import sys

import machine
import simctl
import vfs
from vault_flash import SECTOR, blank, every_cut

import altgate

altgate.board = None  # the script's own board takes its place
from altgate import erasure
from altgate.consent.register import Register
from altgate.store import identity
from altgate.store.copies import Copies
from altgate.store.counters import (
    KEY_BOOT, KEY_ERASE, KEY_SECURITY, KEY_UNITS, Counters, check_layout,
)  # fmt: skip
from altgate.store.journal import KEY_SLOT, Journal, Keys
from altgate.vault.slots import Slots
from altgate.vault.templates import Templates
from protocol import messages, update

PATH, SEED, EVERY = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(SEED)
SIZES = (
    ("counters", 2), ("keys", 2), ("face_keys", 2), ("templates", 2), ("consents", 2), ("journal_keys", 2),
    ("state", 2), ("credentials", 3), ("passes", 2), ("data", 6), ("journal", 3),
)  # fmt: skip
PIECE = 8
DOOR = "0a1b2c3d"
OWED = 3


class Lost(Exception):
    """A secret outlives what it must not."""


class Watchdog:
    def feed(self):
        pass


class Board:
    """The whole flash of a door, small, with something of everything in it."""

    def __init__(self):
        self.flash = blank(PATH, sum(size for _, size in SIZES))
        self.power()
        counters = self.counters
        check_layout(counters)
        counters.put(KEY_BOOT, 7)
        counters.put(KEY_SECURITY, 5)
        counters.put(KEY_UNITS + 1204, 3)
        wrap = identity.make_wrapping_key(self.parts["keys"])
        held = Templates(self.parts["face_keys"], self.parts["templates"], wrap, DOOR)
        asyncio.run(held.store(3, b"c" * 32, bytearray(os.urandom(196))))
        asyncio.run(held.store(4, b"d" * 32, bytearray(os.urandom(196))))
        Register(Copies(self.parts["consents"])).set_pin(3, os.urandom(16))
        keys = Keys(Slots(self.parts["journal_keys"], KEY_SLOT))
        keys.set(os.urandom(32))
        journal = Journal(self.parts["journal"], keys, counters)
        for number in range(OWED):
            journal.append(7, 0, 0, messages.KIND_ENTRY, detail=number)
        for label in ("state", "credentials", "passes"):
            self.parts[label].writeblocks(0, os.urandom(600), 0)
        vfs.VfsLfs2.mkfs(self.parts["data"])
        self.parts["data"].writeblocks(4, os.urandom(900), 0)
        image = self.flash.image()
        # What lies there of keys and templates, wrapped or not: no piece of it may be found again.
        self.secrets = []
        for label in ("keys", "face_keys", "templates", "consents", "journal_keys"):
            start, size = self.at[label]
            for at in range(start * SECTOR, (start + size) * SECTOR, PIECE):
                piece = image[at : at + PIECE]
                if len(set(piece)) > 4:
                    self.secrets.append(piece)
        self.outside = self.without_counters(image)
        start, size = self.at["keys"]
        self.rest = image[(start + size) * SECTOR :]

    def power(self):
        """The supply comes."""
        self.flash.off()
        self.parts, self.at, sector = {}, {}, 0
        for label, size in SIZES:
            self.parts[label] = self.flash.partition(sector, size)
            self.at[label] = (sector, size)
            sector += size
        erasure.board = self
        self.counters = Counters(self.parts["counters"])

    def any_partition(self, label):
        return self.parts.get(label)

    def without_counters(self, image):
        return image[self.at["counters"][1] * SECTOR :]

    def start(self):
        """As app.Door does it; whether the board is bare then, and open to whoever brings a ticket."""
        self.power()
        check_layout(self.counters)
        why = self.counters.get(KEY_ERASE)
        if why:
            is_window = erasure.finish(self.counters, Watchdog())
            if is_window:
                return True
            erasure.told(self)
        return identity.wrapping_key(self.parts["keys"]) is None

    def record(self, kind, detail):
        journal = Journal(self.parts["journal"], None, self.counters)
        journal.append(8, 0, 0, kind, detail=detail)

    def left(self):
        image = self.flash.image()
        return [piece for piece in self.secrets if image.find(piece) >= 0]


def act(board, why):
    erasure.ask(board.counters, why, OWED)
    board.start()


def check(board, why, where):
    start, size = board.at["keys"]
    rest = board.flash.image()[(start + size) * SECTOR :]
    if rest != board.rest and identity.wrapping_key(board.parts["keys"]):
        raise Lost((where, "the wrapping key was not the first to go"))
    is_bare = board.start()
    if not is_bare:
        # It was cut before it was asked for.
        if board.without_counters(board.flash.image()) != board.outside:
            raise Lost(where)
        return
    whole(board, why, where)


def whole(board, why, where):
    for _ in range(2):
        if board.left():
            raise Lost(where)
        if not board.start() or identity.wrapping_key(board.parts["keys"]):
            raise Lost(where)
    if board.counters.get(KEY_ERASE):
        raise Lost((where, "never over"))
    numbers = [board.counters.get(key) for key in (KEY_BOOT, KEY_SECURITY, KEY_UNITS + 1204)]
    if numbers != [7, 5, 0]:
        raise Lost((where, numbers))
    journal = Journal(board.parts["journal"], None, board.counters)
    gap, event = (journal.read(number) for number in (1, 2))
    if gap.kind != messages.KIND_GAP or gap.detail != OWED:
        raise Lost((where, "the gap"))
    wanted = messages.KIND_RESET if why == erasure.FACTORY else messages.KIND_WINDOW
    if event.kind != wanted or event.detail != update.RESET_DONE:
        raise Lost((where, "the event"))
    for label in erasure.ERASED:
        start, size = board.at[label]
        rest = board.flash.image()[start * SECTOR : (start + size) * SECTOR]
        if label != "journal" and rest != b"\xff" * len(rest):
            raise Lost((where, label))


def cuts():
    done = 0
    for why in (erasure.FACTORY, erasure.WINDOW):
        board = Board()
        image = board.flash.image()

        def begin():
            board.power()
            act(board, why)

        cause = machine.reset_cause
        machine.reset_cause = lambda: machine.HARD_RESET
        try:
            done += every_cut(
                board.flash, begin, lambda at, how: check(board, why, (at, how, why)), 1 + SEED % EVERY, EVERY
            )
            board.flash.restore(image)
            begin()
            whole(board, why, "without a cut")
        finally:
            machine.reset_cause = cause
    return done


def must_fail(name, attribute, planted):
    real = getattr(erasure, attribute)
    setattr(erasure, attribute, planted)
    try:
        cuts()
    except (Lost, erasure.NotErased):
        return
    finally:
        setattr(erasure, attribute, real)
        simctl._end = None
    raise RuntimeError("the planted bug was not caught: " + name)


def _told_first(counters, watchdog):
    """Says that it is done before it is."""
    why = counters.get(KEY_ERASE)
    counters.put(KEY_ERASE, 0)
    counters._values[KEY_ERASE] = why
    return _finish(counters, watchdog)


def _at_once(counters, why, owed):
    """Does not ask for it: nothing goes on with what is cut."""
    for label in erasure.ZEROED:
        for _ in erasure.zero(erasure.board.any_partition(label)):
            pass
    for label in erasure.ERASED:
        for _ in erasure.erase(erasure.board.any_partition(label)):
            pass


_finish = erasure.finish
erasure._clear_memory = lambda: None
done = cuts()
if sys.argv[-1] != "plain":
    must_fail("said to be done before it is", "finish", _told_first)
    must_fail("not asked for", "ask", _at_once)
    must_fail("keys last", "ZEROED", tuple(reversed(erasure.ZEROED)))
    must_fail("the wrapping key stays", "ZEROED", erasure.ZEROED[1:])
    must_fail("not all of it", "ERASED", erasure.ERASED[:3])
print("cuts", done)
