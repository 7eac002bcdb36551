"""A partition that is filled until the store refuses: what is there holds, and taking out makes room again.

A frame is the store and a number to draw steps from.
"""

import random

import fuzz

fuzz.begin()

import stores
from stored import Draw, Wrong


def play(frame):
    number, drawn = (tuple(frame) + (0, 0))[:2]
    work, draw = stores.of(number), Draw(drawn)
    now = work.blank()
    store = work.open()
    fuzz.sent(True)
    now, count = filled(work, store, now, 0)
    if count < work.least:
        raise Wrong("it is full too soon", count)
    for _ in range(4):
        holds(work, store, now, "a refusal changed something")
        store = work.open()
        holds(work, store, now, "full, and not there at the next start")
        step = work.less(draw, now)
        if step is None:
            break
        # Taking out works when nothing else does, and makes room for one.
        now = done(work, store, now, step)
        holds(work, work.open(), now, "what was taken out when full")
        store = work.open()
        now, more = filled(work, store, now, count + 1)
        if more == count + 1:
            raise Wrong("no room where something was taken out", step)
        count = more
    step = work.again(draw, now)
    if step:
        now = done(work, store, now, step)
        holds(work, work.open(), now, "what is there cannot be changed when full")
    fuzz.counts["genuine"] += 1


def filled(work, store, now, count):
    """``(what is in force, count)`` when the store has refused one more."""
    while count < 1000:
        try:
            now = done(work, store, now, work.more(count, now))
        except work.refusals as error:
            if not work.is_full(error):
                raise
            return now, count
        count += 1
    raise Wrong("it is never full")


def done(work, store, now, step):
    return work.after(now, step, work.do(store, step))


def holds(work, store, now, what):
    seen = work.seen(store)
    if not work.agrees(now, seen):
        raise Wrong(what, now, seen)
    if work.damage(store):
        raise Wrong("damage is told where nothing is damaged", work.damage(store))


def check(frames):
    for frame in frames:
        play(frame)


def generate():
    return [bytes((stores.drawn()[0], random.getrandbits(8)))]


fuzz.run(generate, check)
