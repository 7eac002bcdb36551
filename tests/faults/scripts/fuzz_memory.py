"""Memory that runs out in the middle of a step, at one allocation after another.

A frame is the store, the number of its history, a number to draw steps from, and what part of the memory
that the step takes is left to it (in 65536ths, low byte first): everything else is filled, and nothing is
collected, so that the first allocation fails that no longer fits. The object goes on, and takes the step when
it comes again; a start instead finds what held before, or the step whole.
"""

import gc
import random

import fuzz

fuzz.begin()

import stores
from stored import Draw, Wrong

BLOCK, WORD = 32, 8  # bytes of the heap that are given out at once, and of a reference, on 64 bits
LIST_KEEPS = 4  # references for which a list keeps room
ROWS = 4000


class Ballast:
    """Fills the heap but for so many blocks."""

    def __init__(self):
        self._rows, self._count = [None] * ROWS, 0

    def fill(self, blocks):
        gc.collect()
        # A list that is cleared gives its memory back at once: a collection here could find more.
        left = [None] * (blocks * BLOCK // WORD + LIST_KEEPS)
        gc.disable()
        size = 1 << 20
        while size >= BLOCK:
            self._take(size)
            size //= 2
        for _ in range(2):
            # The errors themselves took memory, as long as there was some.
            gc.collect()
            self._take(BLOCK)
        left.clear()

    def _take(self, size):
        try:
            while True:
                self._rows[self._count] = bytearray(size)
                self._count += 1
        except MemoryError:
            return

    def drop(self):
        while self._count:
            self._count -= 1
            self._rows[self._count] = None
        gc.enable()
        gc.collect()


ballast = Ballast()


def play(frame):
    number, history, drawn, low, high = (tuple(frame) + (0,) * 5)[:5]
    work = stores.of(number)
    taken = needed(work, history, drawn)
    draw = Draw(drawn)
    store, step, before = up_to(work, history, draw, drawn % 3)
    fuzz.sent(True)
    is_starved = starved(work, store, step, taken * (low | high << 8) >> 16)
    fuzz.counts["genuine"] += 1
    if is_starved:
        fuzz.dropped(type(work).__name__)
        image = work.flash.image()
        now, after = work.seen(store), work.after(before, step, None)
        is_done = work.agrees(after, now) and not work.agrees(before, now)
        if not is_done and not work.comes_later and not work.agrees(before, now):
            raise Wrong("a step is half done", step, before, now)
        goes_on(work, store, before, after if is_done else None, step, draw)
        work.flash.restore(image)
        starts(work, [after] if is_done else [before, after], step, draw)


def up_to(work, history, draw, steps):
    """``(store, step, what is in force)``, a few steps behind a start: what lies in memory counts, too."""
    now = work.history(history)
    store = work.open()
    for _ in range(steps):
        step = work.step(draw, now)
        now = work.after(now, step, work.do(store, step))
    return store, work.step(draw, now), now


def needed(work, history, drawn):
    """How many blocks are enough for a step, or a little more."""
    key = (work, history, drawn)
    if _needed[0] != key:
        store, step, _ = up_to(work, history, Draw(drawn), drawn % 3)
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        work.do(store, step)
        # And a quarter more: some of it was given back, and lies between what was not.
        _needed[:] = key, (gc.mem_alloc() - before) // BLOCK * 5 // 4 + 8
        gc.enable()
    return _needed[1]


_needed = [None, 0]  # of the last one that was asked for: the steps of a case are the same


def starved(work, store, step, blocks):
    """Whether memory ran out in a step."""
    ballast.fill(blocks)
    try:
        work.do(store, step)
        return False
    except MemoryError:
        return True
    finally:
        ballast.drop()


def goes_on(work, store, before, after, step, draw):
    """The object takes what puts the step out of force, or the step again, or never; and others."""
    undone = work.undone(step)
    if undone and draw.below(2):
        after = work.after(before, undone, work.do(store, undone))
    elif after is None and not work.comes_later and draw.below(2):
        after = before
    elif after is None:
        after = work.after(before, step, work.do(store, step))
    for _ in range(2):
        holds(work, store, after, "a step does not hold that came again, or the one behind it")
        step = work.step(draw, after)
        after = work.after(after, step, work.do(store, step))
    holds(work, work.open(), after, "what was acknowledged is gone at the next start")
    work.also(0)


def starts(work, allowed, step, draw):
    """A start finds what was before, or the step whole, and takes what comes then."""
    store = work.open()
    now = work.seen(store)
    if not any(work.agrees(one, now) for one in allowed):
        raise Wrong("a start finds a step half done", step, allowed, now)
    if work.damage(store):
        raise Wrong("damage is told where memory ran out", work.damage(store))
    step = work.step(draw, now)
    now = work.after(now, step, work.do(store, step))
    holds(work, work.open(), now, "what came after the start is gone at the next")
    work.also(0)


def holds(work, store, now, what):
    seen = work.seen(store)
    if not work.agrees(now, seen):
        raise Wrong(what, now, seen)


def check(frames):
    for frame in frames:
        play(frame)


def generate():
    """The same step at a few places."""
    number, history = stores.drawn()
    start = bytes((number, history, random.getrandbits(8)))
    frames = []
    for _ in range(6):
        # Often near the end, where the flash has changed already.
        part = 65535 - random.getrandbits(random.choice((14, 15, 16)))
        frames.append(start + bytes((part & 255, part >> 8)))
    return frames


stores.make()
fuzz.run(generate, check)
