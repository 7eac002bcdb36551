"""What events cost, and which sectors a day of entries wears most.

Arguments: path of a flash file, sectors of journal, its keys, counters and passes, entries a day. It prints
JSON.
"""

import gc
import json
import sys

from altgate.access.lockout import Lockout
from altgate.store.clock import FLOOR_STEP_S
from altgate.store.counters import KEY_TIME_FLOOR, KEY_UNITS, Counters
from altgate.store.journal import KEY_SLOT, Journal, Keys
from altgate.store.pass_uses import PassUses
from altgate.vault.slots import Slots
from flash import Partition, blank
from protocol import messages, reasons

DAYS = 4
EVENTS = 4  # of one entry: granted, opened, closed, and a wrong try or an exit
UNITS = 40

path = sys.argv[1]
sizes = [int(text) for text in sys.argv[2:6]]
entries = int(sys.argv[6])
chip = blank(path, sum(sizes))
parts, first = [], 0
for size in sizes:
    parts.append(Partition(chip, first, size))
    first += size
gc.collect()
before = gc.mem_alloc()
keys = Keys(Slots(parts[1], KEY_SLOT))
keys.set(bytes(32))
counters = Counters(parts[2])
journal = Journal(parts[0], keys, counters)
gc.collect()
heap = gc.mem_alloc() - before
lockout = Lockout(counters, KEY_UNITS, 0)
passes = PassUses(parts[3])

programmed, erased, events = chip.bytes_programmed, chip.erases, 0
spent = {"bytes": 0, "erases": 0}
for day in range(DAYS):
    for entry in range(entries):
        # Each is by PIN and by a pass, which keep most: a try that is counted and cleared, and a use.
        unit = entry % UNITS
        lockout.count(unit, True, entry)
        lockout.clear(unit)
        passes.count((entry % UNITS).to_bytes(8, "big"), 1 << 30, day)
        if entry % (entries // 24) == 0:
            counters.put(KEY_TIME_FLOOR, day * 86400 + entry // (entries // 24) * FLOOR_STEP_S)
        before = chip.bytes_programmed, chip.erases
        for _ in range(EVENTS):
            journal.append(1, day, 1, messages.KIND_ENTRY, reasons.GRANTED, messages.METHOD_PIN, 7, 3, unit)
            journal.acknowledge(journal.head)
            events += 1
        spent["bytes"] += chip.bytes_programmed - before[0]
        spent["erases"] += chip.erases - before[1]

names = ("journal", "journal_keys", "counters", "passes")
worn = {name: max(part.erased) / DAYS for name, part in zip(names, parts)}
# The ring is erased as it goes, one sector after the other; the keys' page is no part of its erases.
print(json.dumps({
    "bytes_each": spent["bytes"] / events, "erases_each": sum(parts[0].erased) / events, "heap": heap,
    "erases_a_day": worn,
}))  # fmt: skip
