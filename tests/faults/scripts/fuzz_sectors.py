"""A sector that is worn: bits that cannot be cleared or set any more, or that raises at every change.

A frame is the store, the number of its history, the partition, the sector, how it is worn, where (low and
high byte), which bits, and a number to draw steps from. Each step holds, or is refused and what held before
does; so at every moment, and at the next start.
"""

import random

import fuzz

fuzz.begin()

import stores
from stored import Draw, Wrong
from vault_flash import Bad

STEPS = 8


def play(frame):
    number, history, part, sector, how, low, high, mask, drawn = (tuple(frame) + (0,) * 9)[:9]
    work = stores.of(number)
    now, draw = work.history(history), Draw(drawn)
    fuzz.sent(True)
    part = part % len(work.parts)
    how = Bad.HOWS[how % 3]
    place = (low | high << 8) % 4096
    opened = []

    def worn(inner):
        opened.append(inner)
        if (len(opened) - 1) % len(work.parts) != part:
            return inner
        return Bad(inner, sector % work.parts[part][1], how, place, mask or 1)

    store, refused = started(work, worn, how), []
    hidden = []  # what held before a start that found less: it is there again when the sector is read well
    for _ in range(STEPS):
        if store is None:
            # It stays locked and says so; the flash is as it was.
            break
        step = work.step(draw, now)
        try:
            result = work.do(store, step)
            now, refused, hidden = work.after(now, step, result), [], []
            if not work.agrees(now, work.seen(store)):
                raise Wrong("what was acknowledged does not hold", how, step, now, work.seen(store))
        except OSError:
            if how == "raises" or work.comes_later:
                refused.append(work.after(now, step, None))
        store = started(work, worn, how)
        if store:
            found = held(work, store, [now] + refused + hidden, (how, step))
            if not any(found is one for one in [now] + refused + hidden):
                hidden = [now] + refused + hidden
            now = found
    held(work, work.open(), [now] + refused + hidden, (how, "healed"))
    fuzz.counts["genuine"] += 1


def started(work, worn, how):
    """The store at the next start; None where the flash raises, and the door stays locked."""
    try:
        return work.open(worn)
    except OSError:
        if how != "raises":
            raise
        return None


def held(work, store, allowed, what):
    """What is in force at a start, which is one of ``allowed``, or less where the store says so."""
    seen = work.seen(store)
    for one in allowed:
        if work.agrees(one, seen):
            return one
    work.judge_worn(allowed, seen, work.damage(store), what)
    return seen


def check(frames):
    for frame in frames:
        play(frame)


def generate():
    frames = []
    for _ in range(4):
        number, history = stores.drawn()
        work = stores.of(number)
        part = random.randrange(len(work.parts))
        sector = random.randrange(work.parts[part][1])
        place = random.randrange(4096)
        if not fuzz.chance(3) and work.remember(history):
            # Mostly where it is written next: a little behind what stands there already, or at the head.
            work.history(history)
            start = (work.parts[part][0] + sector) * 4096
            image = work.flash.image()[start : start + 4096]
            place = min(4095, len(image.rstrip(b"\xff")) * random.getrandbits(1) + random.getrandbits(7))
        wear = (random.getrandbits(2), place & 255, place >> 8, 1 << random.getrandbits(3))
        if fuzz.chance(4):
            wear = wear[:3] + (255,)
        frames.append(bytes((number, history, part, sector) + wear + (random.getrandbits(8),)))
    return frames


stores.make()
fuzz.run(generate, check)
