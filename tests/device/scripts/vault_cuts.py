"""Power cut at every program and erase of templates stored, stored again and erased, in three ways.

After a cut and a start: what was stored opens, what was erased does not come back, and the work goes on. The
same is held against planted bugs, which must be caught. Arguments: path of a flash file to make, a seed, how
many changes to cut in.
"""

import asyncio
import gc
import os
import random
import sys

from altgate.crypto import siv
from altgate.vault import slots, templates
from vault_flash import Flash, every_cut

DOOR, WRAP = "0a1b2c3d", bytes(range(64))
KEY_SECTORS, TEMPLATE_SECTORS = 2, 2
RESIDENTS = 9
STEPS_AT_ONCE = 3  # on one object that was not started anew, so that what it keeps in RAM is tested too


class Lost(Exception):
    """What was stored does not open, or what was erased does."""


class Os:
    """What templates.py takes of os, and the keys that it drew."""

    drawn = []

    @staticmethod
    def urandom(count):
        made = bytes(random.getrandbits(8) for _ in range(count))
        Os.drawn.append(made)
        return made


class IndexOnly(templates.Templates):
    """Forgets where a template lies, and leaves it there."""

    def erase(self, consent):
        self._at.pop(consent[:16], None)


class TemplateFirst(templates.Templates):
    """Zeroes the template before its key."""

    def _erase(self, at):
        self._sealed.erase(at[1])
        self._keys.erase(at[0])


class NoOld(templates.Templates):
    """Zeroes the old template before the new one lies there."""

    async def store(self, resident, consent, template):
        self.erase(consent)
        await super().store(resident, consent, template)


class Unmoved(slots.Slots):
    """Compacts without writing what is still live elsewhere."""

    def _write(self, slot, sequence, content):
        if sequence == self._sequence:
            super()._write(slot, sequence, content)


class ErasedFirst(slots.Slots):
    """Zeroes a live slot before its copy lies elsewhere."""

    def _write(self, slot, sequence, content):
        if sequence in self._at:
            self._erase(self._at[sequence])
        super()._write(slot, sequence, content)


def consent(resident):
    return bytes((resident,)) * 32


def vector():
    return bytes(random.getrandbits(8) for _ in range(196))


def opened(held, resident, as_resident=None, as_consent=None):
    as_consent = as_consent or consent(resident)
    key = held.key(resident if as_resident is None else as_resident, as_consent)
    value = held.open_(key, resident, consent(resident)) if key else None
    return bytes(value) if value else None


class Work:
    """Templates of a few residents, changed at random; knows what must be there after a cut."""

    def __init__(self, path, kind, slot_kind):
        self._kind, self._slot_kind = kind, slot_kind
        self.flash = Flash(path, KEY_SECTORS + TEMPLATE_SECTORS)
        self.kept = {}
        self.after = None  # kept, once the steps are through
        self.steps = ()
        self.doing = None
        self.wrapped = {}  # resident: wrapped key

    def load(self, door=DOOR):
        templates.Slots = self._slot_kind
        keys = self.flash.partition(0, KEY_SECTORS)
        return self._kind(keys, self.flash.partition(KEY_SECTORS, TEMPLATE_SECTORS), WRAP, door)

    def act(self):
        held, self.doing = self.load(), None
        self.after = dict(self.kept)
        for resident, value in self.steps:
            self.doing = (resident, self.after.get(resident), value, self.flash.operations())
            if value is None:
                held.erase(consent(resident))
                self.after.pop(resident, None)
            else:
                Os.drawn.clear()
                asyncio.run(held.store(resident, consent(resident), value))
                self.after[resident] = value
                self.wrapped[resident] = self.wrap(resident, Os.drawn[0])
            self.doing = None
        self.all_there(held, "without a cut")

    def wrap(self, resident, key):
        bound = (templates.VERSION, DOOR.encode(), resident.to_bytes(4, "little"), consent(resident))
        return bytes(siv.seal(WRAP, key, bound))

    def check(self, at, how):
        self.key_goes_first()
        held = self.load()
        self.all_there(held, "after a cut at %d, %s" % (at, how))
        found = {r: opened(held, r) for r in range(RESIDENTS)}
        self.no_halves(sum(1 for value in found.values() if value))
        if at == 1:
            self.isolated(held)
        # Another start changes nothing, and so does other work.
        if how != "garbage":
            return
        held = self.load()
        other = vector()
        asyncio.run(held.store(RESIDENTS, consent(RESIDENTS), other))
        if opened(held, RESIDENTS) != other:
            raise Lost("cannot go on")
        held.erase(consent(RESIDENTS))
        held = self.load()
        if found != {r: opened(held, r) for r in range(RESIDENTS)} or held.has(consent(RESIDENTS)):
            raise Lost("another start finds something else")

    def key_goes_first(self):
        """Once an erasure has changed anything, the key is not in the flash any more."""
        if self.doing and self.doing[1] and self.doing[2] is None:
            resident, _, _, before = self.doing
            if self.flash.operations() > before and self.flash.image().find(self.wrapped[resident]) >= 0:
                raise Lost(("key", resident))

    def no_halves(self, count):
        """There are as many keys and as many templates in the flash as open, and nothing else."""
        image, end = self.flash.image(), KEY_SECTORS * 4096
        for part, size in ((image[:end], 128), (image[end:], 256)):
            slots = [part[at : at + size] for at in range(0, len(part), size)]
            taken = [raw for raw in slots if raw != b"\xff" * size and raw != bytes(size)]
            if len(taken) != count:
                raise Lost(("halves", size, len(taken), count))

    def all_there(self, held, when):
        for resident in range(RESIDENTS):
            allowed = [self.after.get(resident)]
            if self.doing and self.doing[0] == resident:
                allowed = self.doing[1:3]
            value = opened(held, resident)
            if value not in allowed or held.has(consent(resident)) != (value is not None):
                raise Lost((when, resident, held.has(consent(resident)), self.doing and self.doing[0]))

    def isolated(self, held):
        """No template opens for another resident, under another consent, or at another door."""
        other = self.load("ffffffff")
        for resident in self.after:
            if not held.has(consent(resident)):
                continue
            near = consent(resident)[:31] + b"\xff"
            for key in (held.key(resident + 1, consent(resident)), held.key(resident, near),
                        other.key(resident, consent(resident))):
                if key is not None:
                    raise Lost(("opens for another", resident))

    def run(self, count, erased_in_16=4):
        """Cut everywhere in ``count`` changes, of which so many are erasures; how many cuts."""
        cuts = 0
        while count > 0:
            steps, there = [], set(self.kept)
            for _ in range(STEPS_AT_ONCE):
                resident = random.getrandbits(8) % RESIDENTS
                if resident in there and random.getrandbits(4) < erased_in_16:
                    there.remove(resident)
                    steps.append((resident, None))
                else:
                    there.add(resident)
                    steps.append((resident, vector()))
            self.steps = steps
            cuts += every_cut(self.flash, self.act, self.check)
            self.kept = self.after
            self.all_there(self.load(), "after it")
            count -= STEPS_AT_ONCE
            gc.collect()
        return cuts

    def fill(self, count):
        """Changes without a cut, until little is free."""
        for _ in range(count):
            self.steps = ((random.getrandbits(8) % RESIDENTS, vector()),)
            self.act()
            self.kept = self.after


def started(kind=templates.Templates, slot_kind=slots.Slots, fill=26):
    try:
        os.unlink(PATH)
    except OSError:
        pass
    random.seed(SEED)
    work = Work(PATH, kind, slot_kind)
    work.fill(fill)
    return work


def must_fail(kind, slot_kind, fill=26):
    work = started(kind, slot_kind, 0)
    try:
        work.fill(fill)
        work.run(60, 8)
    except (Lost, OSError):
        return
    raise AssertionError("the planted bug was not caught: %s %s" % (kind, slot_kind))


PATH, SEED = sys.argv[1], int(sys.argv[2])
templates.os = Os
print("cuts", started().run(int(sys.argv[3])))
if sys.argv[-1] != "plain":
    must_fail(IndexOnly, slots.Slots)
    must_fail(TemplateFirst, slots.Slots)
    must_fail(NoOld, slots.Slots)
    must_fail(templates.Templates, Unmoved)
    must_fail(templates.Templates, ErasedFirst)
