"""Slots on raw flash: a cut anywhere while contents of several pages are put, erased and moved; cuts again
and again while it recovers; a flash that refuses; wear. Arguments: path of a flash file to make, a seed, how
many changes to cut in, or "wear".
"""

import os
import random
import sys

import simctl
import vault_flash
from altgate.vault import slots

SIZE, SECTORS = 1024, 4  # four pages a slot: a cut can fall between them
NUMBERS = 9


class Lost(Exception):
    """What was kept is not there, or what was erased is."""


class Unread(slots.Slots):
    """Takes a slot that was cut short for one that is whole."""

    def _look(self, slot):
        state, sequence = super()._look(slot)
        return (slots.LIVE if state is None else state), sequence


class LeavesShort(slots.Slots):
    """Leaves what was cut short as it is."""

    def _look(self, slot):
        state, sequence = super()._look(slot)
        return (slots.GONE if state is None else state), sequence


class KeepsBoth(slots.Slots):
    """Keeps both copies of what was being moved."""

    def _load(self):
        real, self._erase = self._erase, lambda slot: None
        super()._load()
        self._erase = real
        for slot in range(len(self._state)):
            if self._look(slot)[0] is None:
                real(slot)


def content(number):
    """Its first byte names it, all the rest is random."""
    return bytes((number,)) + bytes(random.getrandbits(8) for _ in range(SIZE - 20))


def read_all(held):
    """Content by its number; each may be there once."""
    found = {}
    for data in contents(held):
        if data[0] in found:
            raise Lost(("twice", data[0]))
        found[data[0]] = data
    return found


def erase(held, data):
    """Erase the content that is this."""
    for number in held.live():
        if held.read(number) == data:
            held.erase(number)
            return
    raise Lost(("gone", data[0]))


def contents(held):
    return [bytes(held.read(number)) for number in held.live()]


class Work:
    def __init__(self, kind):
        try:
            os.unlink(PATH)
        except OSError:
            pass
        random.seed(SEED)
        self.flash = vault_flash.Flash(PATH, SECTORS)
        self.kind = kind
        self.kept = {}
        self.after = {}
        self.step = self.old = None

    def load(self):
        return self.kind(self.flash.partition(0, SECTORS), SIZE)

    def act(self):
        """Put a number anew and erase what it was before, as the templates do, or only erase."""
        held = self.load()
        number, data = self.step
        self.old = self.kept.get(number)
        self.after = dict(self.kept)
        if data:
            held.put(data)
            self.after[number] = data
        else:
            self.after.pop(number)
        if self.old:
            erase(held, self.old)

    def check(self, at, how):
        held = self.load()
        number, data = self.step
        found = {}
        for value in contents(held):
            if value in found.values() or (value[0] in found and value[0] != number):
                raise Lost(("twice", value[0], at, how))
            found[value[0] if value != self.old else -1] = value
        for one in range(NUMBERS):
            if one != number and found.get(one) != self.kept.get(one):
                raise Lost(("other", one, at, how))
        if found.get(number) not in (None, data) or found.get(-1) not in (None, self.old):
            raise Lost(("number", number, at, how))
        if self.old and data and number not in found and -1 not in found:
            raise Lost(("neither", number, at, how))
        self.nothing_short(held)
        before = sorted(found.values())
        held = self.load()
        if sorted(contents(held)) != before:
            raise Lost("another start finds something else")
        for _ in range(2):
            held.erase(held.put(content(200)))
        if sorted(contents(held)) != before:
            raise Lost("other work changed it")

    def nothing_short(self, held):
        """A slot holds a whole content, or it is free or zero: no part and no second copy lies about."""
        image = self.flash.image()
        raw = [image[at : at + SIZE] for at in range(0, SECTORS * 4096, SIZE)]
        taken = [one for one in raw if one != bytes(SIZE) and one != b"\xff" * SIZE]
        if len(taken) != len(held.live()):
            raise Lost(("short", len(taken), len(held.live())))

    def run(self, count):
        """Cut everywhere in so many changes of slots that are nearly all taken; how many cuts."""
        held = self.load()
        for number in list(range(NUMBERS)) + [2, 5, 8]:
            old, self.kept[number] = self.kept.get(number), content(number)
            held.put(self.kept[number])
            if old:
                erase(held, old)
        cuts = 0
        for _ in range(count):
            number = random.getrandbits(8) % NUMBERS
            is_erased = number in self.kept and random.getrandbits(2) == 0
            self.step = number, None if is_erased else content(number)
            cuts += vault_flash.every_cut(self.flash, self.act, self.check)
            self.kept = self.after
            if read_all(self.load()) != self.kept:
                raise Lost("without a cut")
        return cuts


def must_fail(kind):
    try:
        Work(kind).run(40)
    except (Lost, IndexError):
        return
    raise AssertionError("the planted bug was not caught: %s" % kind)


def cut_again_and_again():
    """A supply that fails at every start does not use the free slots up for good."""
    work = Work(slots.Slots)
    held = work.load()
    kept = [content(number) for number in range(NUMBERS)]
    for data in kept:
        held.put(data)
    for turn in range(150):
        work.flash.chip.cut(1 + random.getrandbits(8) % 14, random.choice(("clean", "half", "garbage")))
        try:
            without_passing(work.load())
        except SystemExit:
            simctl._end = None
    work.flash.chip.cut(0)
    held = work.load()
    without_passing(held)
    assert sorted(read_all(held).values()) == sorted(kept)
    for number in range(NUMBERS, held.capacity):
        held.put(content(number))
    assert sorted(read_all(work.load())) == list(range(held.capacity))
    try:
        held.put(content(0))
        raise AssertionError("more than its capacity")
    except OSError as error:
        assert error.errno == 28


def without_passing(held):
    """Erase what was left of the turn before, then let a few contents come and go."""
    for data in contents(held):
        if data[0] == 100:
            erase(held, data)
    for _ in range(3):
        held.erase(held.put(content(100)))


def wear():
    """2,000 contents come and go: no sector is erased more than twice as often as the average."""
    for staying in (0, 10):
        try:
            os.unlink(PATH)
        except OSError:
            pass
        page = vault_flash.Flash(PATH, 4).partition(0, 4)
        held = slots.Slots(page, 128)
        for number in range(staying):
            held.put(bytes((number,)) * 40)
        for _ in range(2000):
            held.erase(held.put(bytes(100)))
        assert sum(page.erased) <= 2000 // 32 + 4, page.erased
        assert max(page.erased) <= 2 * sum(page.erased) // 4 + 2, (staying, page.erased)
        assert sorted(data[0] for data in contents(held)) == list(range(staying))


class Worn:
    """A partition some of whose bits cannot be cleared any more."""

    def __init__(self, inner, first, last):
        self._inner, self._bad = inner, range(first, last)
        self.readblocks, self.ioctl = inner.readblocks, inner.ioctl

    def writeblocks(self, block, buf, offset=0):
        if block * 4096 + offset not in self._bad:
            self._inner.writeblocks(block, buf, offset)


def refuses():
    """What cannot be written or zeroed is said, and is not in the way of the rest."""
    work = Work(slots.Slots)
    part = work.flash.partition(0, SECTORS)
    held = slots.Slots(Worn(part, 0, SIZE), SIZE)
    try:
        held.put(content(1))
        raise AssertionError("a write that did not take was not noticed")
    except OSError as error:
        assert error.errno == 5
    held.put(content(2))
    assert list(read_all(held)) == [2] and list(read_all(work.load())) == [2]
    held = slots.Slots(Worn(part, 0, SECTORS * 4096), SIZE)
    try:
        held.erase(held.live()[0])
        raise AssertionError("a slot that stayed was not noticed")
    except OSError as error:
        assert error.errno == 5


def reads_wiped():
    work = Work(slots.Slots)
    held = work.load()
    data = content(7)
    number = held.put(data)
    assert held.longest == SIZE - 10 and held.read(number) == data
    assert held._buffer == bytes(SIZE), "a content stayed in the buffer"
    try:
        held.put(bytes(SIZE - 9))
        raise AssertionError("too long")
    except ValueError:
        pass
    held.wipe()
    assert work.flash.image() == bytes(SECTORS * 4096)
    assert held.live() == [] and work.load().live() == []
    assert work.load().put(data) is not None


PATH, SEED = sys.argv[1], int(sys.argv[2])
if sys.argv[3] == "wear":
    wear()
    print("ok")
else:
    print("cuts", Work(slots.Slots).run(int(sys.argv[3])))
    if sys.argv[-1] != "plain":
        must_fail(Unread)
        must_fail(LeavesShort)
        must_fail(KeepsBoth)
        cut_again_and_again()
        refuses()
        reads_wiped()
