"""Power cut at every flash operation of a door's state: credentials, settings, passes, notices, snapshots.

After a cut and a start the state is the old one or the new one, whole, and what comes next is taken. Planted
bugs must be caught. Arguments: path of a flash file, a seed, at every how many operations to
cut; "plain" to leave the bugs out.
"""

import asyncio
import random
import sys

from altgate.store import credentials as module
from altgate.store import log, table
from altgate.store.credentials import Credentials
from altgate.store.draft import BOUNDS
from protocol import messages
from vault_flash import blank, every_cut

STATE, TABLE = (0, 2), (2, 7)
SECTORS = 9
SEED, EVERY = int(sys.argv[2]), int(sys.argv[3])


class Lost(Exception):
    """The state is neither the old nor the new one."""


class NoCheck:
    """Takes whatever stands there for whole."""

    @staticmethod
    def crc32(data, start=0):
        return 0


class TableFirst(Credentials):
    """Brings credentials into the table before the log says so."""

    async def keep(self, draft):
        for step in draft.steps:
            self._table.do(step)
        draft.steps = []
        await super().keep(draft)


class NoSecondTry(table.Table):
    """Forgets at a start what was under way."""

    def plan(self, puts, deletes):
        return [] if self.is_starting else super().plan(puts, deletes)

    is_starting = True


class OldIsGoneFirst(table.Table):
    """Erases a bucket before its copy is whole."""

    def _compact(self, bucket, without=0):
        self._load(bucket)
        self._flash.ioctl(6, bucket)
        super()._compact(bucket, without)


def tag(number):
    return bytes((number * 37 & 255, number >> 8, 5, 1)) + number.to_bytes(4, "big") * 3


def put(number, resident=3, kind=messages.TYPE_CARD):
    return [messages.OP_PUT, number, kind, tag(number), 0, 0, 101, resident, 0, 0, 0, 0]


def delete(number, kind=messages.TYPE_CARD):
    return [messages.OP_DELETE, number, kind, tag(number), 101]


def message(base, operations, is_snapshot=False):
    return {
        messages.BASE_VERSION: base, messages.NEW_VERSION: base + len(operations),
        messages.OPERATIONS: operations, messages.IS_SNAPSHOT: is_snapshot,
    }  # fmt: skip


PASS = b"\1" * 8
CHANGES = (
    lambda base: message(base, [put(300)]),
    lambda base: message(base, [delete(2)]),
    lambda base: message(base, [put(3, 9), put(301), delete(4), [messages.OP_SETTING, 2, 9]]),
    lambda base: message(base, [put(302, 3, messages.TYPE_PIN), delete(11, messages.TYPE_PIN)]),
    lambda base: message(base, [[messages.OP_REVOKE_PASS, PASS, 99], [messages.OP_NOTICE, 2, b"m" * 32]]),
    lambda base: message(base, [put(number) for number in range(310, 318)]),
    lambda base: message(base, [put(number, 4) for number in (3, 4, 5, 400)], True),
)
KEYS = [(messages.TYPE_CARD, n) for n in list(range(24)) + list(range(296, 318)) + [400]]
KEYS += [(messages.TYPE_PIN, 11), (messages.TYPE_PIN, 302)]


def expected(held, operations, is_snapshot):
    """Whom a door lets in after a message: a dict of (type, number) and resident."""
    held = {} if is_snapshot else dict(held)
    for operation in operations:
        if operation[0] == messages.OP_PUT:
            held[operation[2], operation[1]] = operation[7]
        elif operation[0] == messages.OP_DELETE:
            held.pop((operation[2], operation[1]), None)
    return held


def residents(state):
    """The same as the door itself has it."""
    found = [(key, state.find(key[0], tag(key[1]), 101)) for key in KEYS]
    assert all(record is None or record.id == key[1] for key, record in found)
    return {key: record.resident for key, record in found if record}


def content(state):
    """All that a door's state says."""
    found = sorted(residents(state).items())
    return (
        state.version, [state.setting(n) for n in BOUNDS], state.notice, state.old_notices(),
        state.is_pass_revoked(PASS, 1), state.has_unit(101), found,
    )  # fmt: skip


class Work:
    """A door with a few credentials, a log that is nearly full, and buckets that are full of what is gone."""

    def __init__(self, kind=Credentials):
        self.kind = kind
        self.flash = blank(sys.argv[1], SECTORS)
        state = self.load()
        self.take(state, message(0, [put(11, 3, messages.TYPE_PIN), [messages.OP_NOTICE, 1, b"n" * 32]]))
        random.seed(SEED)
        number = 0
        while not self.is_full(state._table):
            self.take(state, message(state.version, [put(number)]))
            if number > 20:
                self.take(state, message(state.version, [delete(number)]))
            number += 1
        self.wanted = self.before = None

    def is_full(self, held):
        """Whether each bucket has to be compacted before anything goes in."""
        states = [held._load(bucket) for bucket in range(held._buckets)]
        return all(states) and all(self.fill(held, bucket) for bucket in range(held._buckets))

    def fill(self, held, bucket):
        held._load(bucket)
        return held._fill() == table.PER_BUCKET

    def load(self):
        self.flash.off()
        module.table.Table.is_starting = True
        state = self.kind(self.flash.partition(*STATE), self.flash.partition(*TABLE))
        module.table.Table.is_starting = False
        return state

    def take(self, state, fields):
        draft = state.draft(fields, 0)
        state.prepare(draft)
        asyncio.run(state.keep(draft))

    def act(self):
        state = self.load()
        self.before = content(state)
        self.take(state, self.change(state.version))
        self.new, self.held = content(state), residents(state)

    def check(self, at, how):
        state = self.load()
        if content(state) not in (self.before, self.wanted):
            raise Lost((at, how, content(state), self.before, self.wanted))
        if state.damaged:
            raise Lost(("damage is told where a cut was", at, how, state._log.damaged, state._table.bad))
        # The host sends it again, or the next one; both are taken, and hold.
        if state.version == self.before[0]:
            self.take(state, self.change(state.version))
            if content(self.load()) != self.wanted:
                raise Lost(("cannot go on", at, how))
        state = self.load()
        self.take(state, message(state.version, [put(23)]))
        if self.load().find(messages.TYPE_CARD, tag(23)) is None:
            raise Lost(("the next one is lost", at, how))

    def run(self):
        cuts = 0
        for number, self.change in enumerate(CHANGES):
            image = self.flash.image()
            state = self.load()
            change = self.change(state.version)
            held = residents(state)
            held = expected(held, change[messages.OPERATIONS], change[messages.IS_SNAPSHOT])
            self.act()
            self.wanted = self.new
            if self.held != held:
                raise Lost("credentials")
            assert self.wanted != self.before and content(self.load()) == self.wanted
            self.flash.restore(image)
            cuts += every_cut(self.flash, self.act, self.check, 1 + (SEED + number) % EVERY, EVERY)
        return cuts


def must_fail(name, kind=Credentials, parent=module, attribute=None, planted=None):
    real = getattr(parent, attribute) if attribute else None
    if attribute:
        setattr(parent, attribute, planted)
    try:
        Work(kind).run()
    except (Lost, AssertionError, ValueError):
        return
    finally:
        if attribute:
            setattr(parent, attribute, real)
    raise RuntimeError("the planted bug was not caught: " + name)


cuts = Work().run()
if sys.argv[-1] != "plain":
    must_fail("entries without a check", parent=log, attribute="binascii", planted=NoCheck)
    must_fail("the table first", TableFirst)
    must_fail("no second try", parent=table, attribute="Table", planted=NoSecondTry)
    must_fail("old is gone first", parent=table, attribute="Table", planted=OldIsGoneFirst)
print("cuts", cuts)
