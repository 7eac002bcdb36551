"""Secrets on worn flash: no copy outlives an erasure that was said to be done, and no template is half there.

Arguments: path of a flash file to make, what to play.
"""

import asyncio
import sys

import simctl
from altgate.vault.slots import Slots
from altgate.vault.templates import Templates
from vault_flash import SECTOR, blank

SIZE, SECRET = 1024, b"a secret of this door"
CONSENT, OLD, NEW = b"c" * 32, bytes(range(196)), bytes(range(50, 246))


class Worn:
    """A partition in which one byte takes nothing any more, as long as ``at`` says which."""

    at = None

    def __init__(self, inner):
        self._inner, self.readblocks, self.info, self.ioctl = inner, inner.readblocks, inner.info, inner.ioctl

    def writeblocks(self, block, buf, offset=0):
        start = block * SECTOR + offset
        if Worn.at is None or not start <= Worn.at < start + len(buf):
            self._inner.writeblocks(block, buf, offset)


def opened():
    flash.off()
    return Slots(Worn(flash.partition(0, 3)), SIZE)


def copies():
    image = flash.image()
    return [at for at in range(0, len(image), SIZE) if SECRET in image[at : at + SIZE]]


def third_copy():
    """A cut while a content was moved leaves two, one where nothing can be zeroed; then it moves on."""
    slots = opened()
    secret = slots.put(SECRET)
    for _ in range(6):
        slots.erase(slots.put(b"x"))
    slots.put(b"stays")
    image, at = flash.image(), 0
    while len(copies()) < 2:
        flash.restore(image)
        slots, at = opened(), at + 1
        flash.chip.cut(at, "clean")
        try:
            for _ in range(14):
                slots.erase(slots.put(b"z"))
            raise AssertionError("no cut left two copies")
        except SystemExit:
            simctl._end = None
        flash.chip.cut(0)
    begun, done, refused = flash.image(), 0, 0
    for more in range(30):
        # However often other contents came and went since: they may have moved the one copy, or the other.
        Worn.at = None
        flash.restore(begun)
        Worn.at = copies()[1] + 8
        slots = opened()
        for _ in range(more):
            try:
                slots.erase(slots.put(b"w"))
            except OSError:
                # A compaction that meets the worn place; the next one takes another sector.
                continue
        try:
            slots.erase(secret)
            assert not copies(), "an erasure was said to be done"
            assert secret not in opened().live()
            done += 1
        except OSError:
            refused += 1
    assert done and refused


def new_template():
    """The old template cannot be zeroed: the new one is refused, and nobody opens either."""
    held = Templates(flash.partition(0, 2), flash.partition(2, 3), bytes(64), "0a1b2c3d")
    asyncio.run(held.store(3, CONSENT, bytearray(OLD)))
    erase = held._keys.erase

    def refuse(number):
        if number == 1:
            raise OSError(5)
        erase(number)

    held._keys.erase = refuse
    try:
        asyncio.run(held.store(3, CONSENT, bytearray(NEW)))
        raise AssertionError("an old key stayed and nobody was told")
    except OSError:
        assert not held.has(CONSENT)
    again = Templates(flash.partition(0, 2), flash.partition(2, 3), bytes(64), "0a1b2c3d")
    assert not again.has(CONSENT)


flash = blank(sys.argv[1], 5)
{"third_copy": third_copy, "new_template": new_template}[sys.argv[2]]()
print("ok")
