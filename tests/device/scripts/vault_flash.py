"""What the scripts of vault and consent share: partitions of a simulated chip, cuts at every operation."""

import os

import norflash
import simctl

SECTOR = 4096


class Partition:
    """A range of the chip, as esp32.Partition gives it. ``erased`` counts by sector; a dead one does nothing:
    a file that a cut left open is closed by the collector, long after the board would have been off."""

    def __init__(self, chip, sector, count):
        self._chip, self._sector, self._count = chip, sector, count
        self.erased = [0] * count
        self.is_dead = False

    def info(self):
        return 1, 0x40, 0, self._count * SECTOR, "test", False

    def readblocks(self, block, buf, offset=0):
        if not self.is_dead:
            self._chip.read((self._sector + block) * SECTOR + offset, buf)

    def writeblocks(self, block, buf, offset=0):
        if not self.is_dead:
            self._chip.program((self._sector + block) * SECTOR + offset, buf)

    def ioctl(self, op, arg=0):
        if op == 4:
            return self._count
        if op == 5:
            return SECTOR
        if op == 6 and not self.is_dead:
            self.erased[arg] += 1
            self._chip.erase((self._sector + arg) * SECTOR)
        return 0


def blank(path, sectors):
    """A new chip in the place of whatever stands there."""
    try:
        os.unlink(path)
    except OSError:
        pass
    return Flash(path, sectors)


class Flash:
    """One chip in the file ``path``, whose content can be taken and put back."""

    def __init__(self, path, sectors):
        self.path = path
        self._given = []
        self.chip = norflash.NorFlash(path, sectors * SECTOR)

    def partition(self, sector, count):
        made = Partition(self.chip, sector, count)
        self._given.append(made)
        return made

    def off(self):
        """The supply is gone: partitions that were given out do nothing any more."""
        for partition in self._given:
            partition.is_dead = True
        self._given = []

    def image(self):
        with open(self.path, "rb") as file:
            return file.read()

    def restore(self, image):
        self.off()
        with open(self.path, "r+b") as file:
            file.write(image)

    def operations(self):
        return self.chip.programs + self.chip.erases


def every_cut(flash, act, check, at=1, every=1):
    """Do ``act()`` with the power cut at each of its flash operations, in three ways, and ``check(at, how)``
    after each; then without a cut. How many cuts there were. ``act`` starts from the flash as it stands."""
    image, cuts = flash.image(), 0
    while True:
        for how in norflash.CUTS:
            flash.restore(image)
            flash.chip.cut(at, how)
            try:
                act()
                flash.chip.cut(0)
                return cuts
            except SystemExit:
                simctl._end = None
            check(at, how)
            assert flash.chip.raised == 0, "a program asked for a 0 to become 1"
            cuts += 1
        at += every


class Bad:
    """A partition of which one sector is worn. how: ``ones``: the bits of ``mask`` at ``place`` (a byte of
    the sector) cannot be cleared any more; ``zeros``: no erasure sets them; ``raises``: whatever would change
    the sector is an OSError(5)."""

    HOWS = ("ones", "zeros", "raises")

    def __init__(self, inner, sector, how, place=0, mask=0):
        self._inner, self._sector, self._how = inner, sector, how
        self._place, self._mask = place, mask
        self._byte = bytearray(1)
        self.info, self.readblocks = inner.info, inner.readblocks

    def writeblocks(self, block, buf, offset=0):
        at = (self._sector - block) * SECTOR - offset + self._place
        last = block + (offset + len(buf) - 1) // SECTOR
        if self._how == "raises" and block <= self._sector <= last:
            raise OSError(5)
        if self._how == "ones" and 0 <= at < len(buf):
            buf = bytearray(buf)
            self._inner.readblocks(self._sector, self._byte, self._place)
            buf[at] |= self._byte[0] & self._mask
        self._inner.writeblocks(block, buf, offset)

    def ioctl(self, op, arg=0):
        if op != 6 or arg != self._sector:
            return self._inner.ioctl(op, arg)
        if self._how == "raises":
            raise OSError(5)
        self._inner.readblocks(self._sector, self._byte, self._place)
        self._inner.ioctl(op, arg)
        if self._how == "zeros":
            self._byte[0] |= ~self._mask & 0xFF
            self._inner.writeblocks(self._sector, self._byte, self._place)
        return 0
