"""A journal that the host does not read: the door goes on, nothing unacknowledged goes, the gap is told."""

import sys

from altgate.store import journal
from altgate.store.counters import Counters
from protocol import messages
from vault_flash import blank

SECTORS = 3


def opened():
    return journal.Journal(flash.partition(0, SECTORS), None, Counters(flash.partition(SECTORS, 2)))


flash = blank(sys.argv[1], SECTORS + 2)
chip = flash.chip
log = opened()
room = (SECTORS - 1) * journal.PER_SECTOR
numbers = [log.append(1, 2, 0, messages.KIND_ENTRY, detail=n) for n in range(room + 20)]
# What was lost is counted through a restart.
log = opened()
numbers += [log.append(2, 2, 0, messages.KIND_ENTRY, detail=n) for n in range(room, room + 30)]
assert numbers[:room] == list(range(1, room + 1)) and numbers[room:] == [0] * 50
assert [log.read(n).detail for n in range(1, room + 1)] == list(range(room))
assert log.read(0) is None and log.read(room + 1) is None

log.acknowledge(room + 1)
assert log.acknowledged == 0
log.acknowledge(40)
assert log.append(1, 3, 0, messages.KIND_BOOT) == room + 2
gap = log.read(room + 1)
assert gap.kind == messages.KIND_GAP and gap.detail == 50
assert log.read(room + 2).kind == messages.KIND_BOOT

again = opened()
assert (again.head, again.acknowledged) == (room + 2, 40)
assert again.read(41).detail == 40

# Any single flipped bit of a record is noticed, but for the mark, which is not part of it.
record = bytearray(journal.RECORD)
flash.partition(0, SECTORS).readblocks(0, record, 5 * journal.RECORD)
assert journal.unpack(record).sequence == 6
for bit in range(124 * 8):
    record[bit // 8] ^= 1 << bit % 8
    assert journal.unpack(record) is None, bit
    record[bit // 8] ^= 1 << bit % 8

# What one event costs: one program, and an erase every 32 records.
before = chip.programs, chip.erases
for n in range(20):
    again.acknowledge(again.head)
    again.append(1, 3, 0, messages.KIND_ENTRY)
assert chip.programs - before[0] == 40 and chip.erases - before[1] <= 1
print("ok")
