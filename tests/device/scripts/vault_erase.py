"""Templates come and go; after each erasure the flash is copied, for whoever searches it.

Arguments: path of a flash file to make, a folder for the copies, a seed. Prints a JSON line for each
template: resident, consent, key, content, and the numbers of the copies where it was alive and was erased.
"""

import asyncio
import binascii
import json
import os
import random
import sys

from altgate.vault import templates
from vault_flash import Flash

TEMPLATES, RESIDENTS = 50, 12
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


async def main():
    alive = {}  # resident: row
    rows = []
    for number in range(TEMPLATES):
        resident = random.getrandbits(8) % RESIDENTS
        if resident in alive:
            # Either taken back, or replaced under the same consent.
            if random.getrandbits(1):
                row = alive.pop(resident)
                held.erase(consent(row["consent"]))
                row["erased"] = copy()
        before = alive.get(resident)
        value = real_urandom(196)
        drawn.clear()
        name = before["consent"] if before else number
        await held.store(resident, consent(name), value)
        row = {"resident": resident, "consent": name, "key": hexed(drawn[0]), "template": hexed(value)}
        row["alive"] = copy()
        row["erased"] = None
        if before:
            before["erased"] = row["alive"]
        alive[resident] = row
        rows.append(row)
    for resident in list(alive):
        row = alive.pop(resident)
        held.erase(consent(row["consent"]))
        row["erased"] = copy()
    for row in rows:
        row["consent"] = hexed(consent(row["consent"]))
        print(json.dumps(row))


random.seed(int(sys.argv[3]))
templates.os = Os
copies = 0
flash = Flash(sys.argv[1], 5)
held = templates.Templates(flash.partition(0, 2), flash.partition(2, 3), WRAP, DOOR)
asyncio.run(main())
assert flash.chip.raised == 0
