"""Thousands of changes on one object that is never started anew: every template opens, none that was erased.

Arguments: path of a flash file to make, a seed.
"""

import asyncio
import gc
import random
import sys

from altgate.vault import slots, templates
from vault_flash import Flash

RESIDENTS, CHANGES = 24, 1000
DOOR, WRAP = "0a1b2c3d", bytes(range(64))


class Stale(slots.Slots):
    """Does not notice that what it moves lies elsewhere from then on."""

    def _write(self, slot, sequence, content):
        before = self._at.get(sequence)
        super()._write(slot, sequence, content)
        if before is not None:
            self._at[sequence] = before


def consent(resident):
    return bytes((resident, 1)) * 16


def opened(held, resident):
    key = held.key(resident, consent(resident))
    value = held.open_(key, resident, consent(resident)) if key else None
    return bytes(value) if value else None


async def work():
    """How many changes went well until one did not; None where all did."""
    held = templates.Templates(keys, sealed, WRAP, DOOR)
    kept = {}
    for change in range(CHANGES):
        # A few residents are busy, the rest are moved about while they wait.
        few = random.getrandbits(2)
        resident = random.getrandbits(8) % (RESIDENTS if few == 0 else 4)
        if resident in kept and random.getrandbits(2) == 0:
            held.erase(consent(resident))
            del kept[resident]
        else:
            value = bytes((resident, change & 255, change >> 8)) + bytes(193)
            await held.store(resident, consent(resident), value)
            kept[resident] = value
        if change % 16 == 0 or change > CHANGES - 10:
            gc.collect()
            for one in range(RESIDENTS):
                if opened(held, one) != kept.get(one) or held.has(consent(one)) != (one in kept):
                    return change
    again = templates.Templates(keys, sealed, WRAP, DOOR)
    for one in range(RESIDENTS):
        if opened(again, one) != kept.get(one):
            return CHANGES
    if again.damaged or held.damaged:
        return CHANGES
    return None


flash = Flash(sys.argv[1], 14)
keys, sealed = flash.partition(0, 4), flash.partition(4, 10)  # as on the reference board
blank = flash.image()
random.seed(int(sys.argv[2]))
failed_at = asyncio.run(work())
assert failed_at is None, "lost after %d changes" % failed_at
assert sum(keys.erased) > 15 and sum(sealed.erased) > 30, "too little was moved to show anything"
flash.restore(blank)
keys, sealed = flash.partition(0, 4), flash.partition(4, 10)
templates.Slots = Stale
assert asyncio.run(work()) is not None, "the planted bug was not caught"
assert flash.chip.raised == 0
print("ok")
