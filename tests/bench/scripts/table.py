"""The table of credentials filled, looked up and changed on a simulated flash; prints one JSON object.

Arguments: path of a flash file, sectors of the partition, credentials, changes. Times leave out what the
simulator itself takes for the flash's operations.
"""

import array
import gc
import hashlib
import json
import random
import sys
import time

from altgate.store import table
from flash import Partition, blank
from protocol import limits, messages

MISSES = 2000


def tag(number):
    return hashlib.sha256(number.to_bytes(4, "big")).digest()[:16]


def row(number):
    return table.row(tag(number), number, number, 0, 0, 0, 0, messages.TYPE_CARD, 0, 0, 0)


def key(number):
    return messages.TYPE_CARD, 0, number, tag(number)


def change(puts, deletes):
    for step in held.plan(puts, deletes):
        held.do(step)


def counted(puts, deletes, seen):
    """Make a change, and count it under (programs, erases) in ``seen``."""
    programs, erases = chip.programs, chip.erases
    change(puts, deletes)
    done = (chip.programs - programs, chip.erases - erases)
    seen[done] = seen.get(done, 0) + 1


def bring(count):
    """Put so many credentials in, as state messages bring them; microseconds without the simulator's."""
    taken = 0
    for first in range(0, count, limits.OPERATIONS_PER_MESSAGE):
        rows = [row(number) for number in range(first, min(count, first + limits.OPERATIONS_PER_MESSAGE))]
        gc.collect()
        began, before = time.ticks_us(), flash.us
        change(rows, ())
        taken += time.ticks_diff(time.ticks_us(), began) - (flash.us - before)
    return taken


def looked_up(count):
    """How many lookups took how many reads, of all keys and some others; fails where one is wrong."""
    seen = {}
    for number in range(count + MISSES):
        before = chip.reads
        found = held.find(messages.TYPE_CARD, tag(number), 0)
        reads = chip.reads - before
        seen[reads] = seen.get(reads, 0) + 1
        if (found[1] if found else None) != (number if number < count else None):
            raise ValueError("a lookup went wrong")
    return seen


def churn(live, changes):
    """Take one out and put another in, over and over; how many took how many programs and erases."""
    added, revoked, fresh = {}, {}, len(live)
    for _ in range(changes):
        at = random.randrange(len(live))
        old, live[at] = live[at], fresh
        fresh += 1
        counted((), [key(old)], revoked)
        counted([row(live[at])], (), added)
    for number in live:
        if held.find(messages.TYPE_CARD, tag(number), 0)[1] != number:
            raise ValueError("a credential is lost")
    return [[list(done) + [times] for done, times in seen.items()] for seen in (added, revoked)]


path = sys.argv[1]
sectors, count, changes = [int(text) for text in sys.argv[2:]]
chip = blank(path, sectors)
flash = Partition(chip, 0, sectors)
gc.collect()
before = gc.mem_alloc()
held = table.Table(flash, 1)
gc.collect()
result = {"heap": gc.mem_alloc() - before}
result["us_each"] = bring(count) / count
gc.collect()
result["heap_full"] = gc.mem_alloc() - before
result["reads"] = [list(one) for one in looked_up(count).items()]
if changes:
    random.seed(1)
    result["added"], result["revoked"] = churn(array.array("I", range(count)), changes)
result["bad"], result["raised"] = held.bad, chip.raised
print(json.dumps(result))
