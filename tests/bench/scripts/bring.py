"""Credentials that come into an empty table as state messages bring them, and as one JSON file a card.

Arguments: path of a flash file, sectors of the table, credentials, files. Prints microseconds as JSON.
"""

import asyncio
import gc
import hashlib
import json
import sys
import time

import vfs
from altgate.store.credentials import Credentials
from flash import Partition, blank
from protocol import limits, messages

LOG, FILES, CHANGES = 8, 64, 1000


def tag(number):
    return hashlib.sha256(number.to_bytes(4, "big")).digest()[:16]


def put(number):
    return [messages.OP_PUT, number, messages.TYPE_CARD, tag(number), 0, 0, 0, 3, 0, 0, 0, 0]


async def take(operations):
    """What a state message does to the stores."""
    version = held.version
    message = {
        messages.BASE_VERSION: version, messages.NEW_VERSION: version + len(operations),
        messages.OPERATIONS: operations, messages.IS_SNAPSHOT: False,
    }  # fmt: skip
    draft = held.draft(message, 0)
    held.prepare(draft)
    await held.keep(draft)


async def change(count):
    """Of the log, where every change comes by itself: erases a change, and programs in the median."""
    before, programs = sum(log.erased), []
    for number in range(count):
        at = number + (1 << 24)
        for operation in (put(at), [messages.OP_DELETE, at, messages.TYPE_CARD, tag(at), 0]):
            began = log.programs
            await take([operation])
            programs.append(log.programs - began)
    return (sum(log.erased) - before) / 2 / count, sorted(programs)[count]


async def bring(count):
    """(all microseconds, those without the simulator's part)."""
    taken = own = 0
    for first in range(0, count, limits.OPERATIONS_PER_MESSAGE):
        operations = [put(number) for number in range(first, first + limits.OPERATIONS_PER_MESSAGE)]
        gc.collect()
        began, before = time.ticks_us(), log.us + table.us
        await take(operations)
        took = time.ticks_diff(time.ticks_us(), began)
        taken, own = taken + took, own + took - (log.us + table.us - before)
    return taken, own


def by_files(count):
    """All microseconds of writing one JSON file a card."""
    taken = 0
    for number in range(count):
        card = {"id": number, "type": 1, "tag": tag(number).hex(), "not_before": 0, "not_after": 0}
        gc.collect()
        began = time.ticks_us()
        with open("/files/%s.json" % card["tag"], "w") as file:
            json.dump(card, file)
        taken += time.ticks_diff(time.ticks_us(), began)
    return taken


path = sys.argv[1]
sectors, count, files = [int(text) for text in sys.argv[2:]]
chip = blank(path, LOG + sectors + FILES)
log, table = Partition(chip, 0, LOG), Partition(chip, LOG, sectors)
held = Credentials(log, table)
everything, own = asyncio.run(bring(count))
erases, programs = asyncio.run(change(CHANGES))
for number in range(0, count, 97):
    if held.find(messages.TYPE_CARD, tag(number)).id != number:
        raise ValueError("a credential is lost")
part = Partition(chip, LOG + sectors, FILES)
vfs.VfsLfs2.mkfs(part)
vfs.mount(vfs.VfsLfs2(part, readsize=256, progsize=32, lookahead=32, mtime=False), "/files")
print(json.dumps({
    "us_each": own / count, "us_all": everything / count, "us_file_all": by_files(files) / files,
    "log_erases": erases, "log_programs": programs,
}))  # fmt: skip
