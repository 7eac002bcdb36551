"""A bit that has flipped at rest, anywhere in the flash of any store.

A frame is the store, the number of its history, three bytes of where (little-endian) and the bit. Opened
again the store grants nothing more than before, and says so where it noticed; it finds the same at the next
start; and what it then is told holds.
"""

import random

import fuzz

fuzz.begin()

import stores
from stored import Draw, Wrong


def play(frame):
    number, history, low, middle, high, bit = (tuple(frame) + (0,) * 6)[:6]
    work = stores.of(number)
    before = work.history(history)
    at = (low | middle << 8 | high << 16) % (work.sectors * 4096)
    fuzz.sent(True)
    flip(work, at, 1 << bit % 8)
    store = work.open()
    seen, damage = work.seen(store), work.damage(store)
    work.judge(before, seen, damage)
    if work.seen(work.open()) != seen:
        raise Wrong("another start finds something else", number, at)
    go_on(work, seen, Draw(history))
    work.also(damage)
    fuzz.counts["genuine"] += 1


def flip(work, at, mask):
    with open(work.path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes((byte ^ mask,)))


def go_on(work, now, draw):
    """A few steps more, each of which may have to be tried once more where the bit is in its way."""
    store = work.open()
    for _ in range(3):
        step = work.step(draw, now)
        for is_last in (False, True):
            try:
                now = work.after(now, step, work.do(store, step))
                break
            except OSError:
                if is_last:
                    raise
    if not work.agrees(now, work.seen(store)):
        raise Wrong("what was told does not hold", step, now, work.seen(store))
    seen = work.seen(work.open())
    if not work.agrees(now, seen):
        raise Wrong("what was told does not hold at the next start", now, seen)


def check(frames):
    for frame in frames:
        play(frame)


def generate():
    frames = []
    for _ in range(8):
        number, history = stores.drawn()
        work = stores.of(number)
        at = WHERE[random.getrandbits(2)](work.flash.image(), random.randrange(work.sectors * 4096))
        frames.append(bytes((number, history, at & 255, at >> 8 & 255, at >> 16, random.getrandbits(3))))
    return frames


def head(image, at):
    """At the head of a sector."""
    return at - at % 4096 + at % 32


def newest(image, at):
    """In what was written last in a sector."""
    start = at - at % 4096
    end = len(image[start : start + 4096].rstrip(b"\xff"))
    return start + max(0, end - 1 - at % 128)


def written(image, at):
    """Where something stands: most of a flash is blank."""
    while image[at] == 0xFF:
        at = (at + 61) % len(image)
    return at


WHERE = (head, newest, written, lambda image, at: at)
stores.make()
fuzz.run(generate, check)
