"""Templates come and go while other stores write; after each erasure the flash is copied, to be searched.

Arguments: path of a flash file to make, a folder for the copies, a seed, how many templates. Prints a JSON
line for each template: resident, consent, key, content, and the numbers of the copies where it was alive and
was erased.
"""

import asyncio
import binascii
import json
import os
import random
import sys

from altgate.store.counters import KEY_UNITS, Counters
from altgate.store.journal import KEY_SLOT, Journal, Keys
from altgate.store.table import Table, row
from altgate.vault import templates
from altgate.vault.slots import Slots
from protocol import messages
from vault_flash import Flash

RESIDENTS = 12
DOOR, WRAP = "0a1b2c3d", bytes(range(64))
real_urandom = os.urandom
drawn = []


class Os:
    """What templates.py takes of os, and the keys that it drew."""

    @staticmethod
    def urandom(count):
        drawn.append(real_urandom(count))
        return drawn[-1]


def consent(number):
    return number.to_bytes(4, "big") * 8


def hexed(data):
    return binascii.hexlify(data).decode()


def copy():
    global copies
    copies += 1
    with open("%s/%d.bin" % (sys.argv[2], copies), "wb") as file:
        file.write(flash.image())
    return copies


class Others:
    """What else a door writes, on the same chip."""

    def __init__(self, flash):
        self._counters = Counters(flash.partition(5, 2))
        keys = Keys(Slots(flash.partition(7, 2), KEY_SLOT))
        keys.set(bytes(32))
        self._journal = Journal(flash.partition(9, 4), keys, self._counters)
        self._table = Table(flash.partition(13, 7), 1)

    def write(self, number):
        """A try, an event, a credential in and one out."""
        self._counters.put(KEY_UNITS + number % 7, number)
        self._journal.append(1, number, 1, messages.KIND_ENTRY, detail=number)
        self._journal.acknowledge(self._journal.head)
        tag = real_urandom(16)
        put = row(tag, number, 1, 0, 0, 0, 0, messages.TYPE_CARD, 0, 0, 0)
        for changes in (([put], ()), ((), [(messages.TYPE_CARD, 0, number, tag)])):
            for step in self._table.plan(*changes):
                self._table.do(step)


async def main():
    alive = {}  # resident: row
    rows = []
    for number in range(int(sys.argv[4])):
        others.write(number)
        resident = random.getrandbits(8) % RESIDENTS
        if resident in alive:
            # Either taken back, or replaced under the same consent.
            if random.getrandbits(1):
                gone = alive.pop(resident)
                held.erase(consent(gone["consent"]))
                gone["erased"] = copy()
        before = alive.get(resident)
        value = real_urandom(196)
        drawn.clear()
        name = before["consent"] if before else number
        await held.store(resident, consent(name), value)
        made = {"resident": resident, "consent": name, "key": hexed(drawn[0]), "template": hexed(value)}
        made["alive"] = copy()
        made["erased"] = None
        if before:
            before["erased"] = made["alive"]
        alive[resident] = made
        rows.append(made)
    for resident in list(alive):
        gone = alive.pop(resident)
        held.erase(consent(gone["consent"]))
        gone["erased"] = copy()
    for made in rows:
        made["consent"] = hexed(consent(made["consent"]))
        print(json.dumps(made))


random.seed(int(sys.argv[3]))
templates.os = Os
copies = 0
flash = Flash(sys.argv[1], 20)
others = Others(flash)
held = templates.Templates(flash.partition(0, 2), flash.partition(2, 3), WRAP, DOOR)
asyncio.run(main())
assert flash.chip.raised == 0
