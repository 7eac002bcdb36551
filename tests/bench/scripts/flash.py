"""What the bench's scripts share: partitions of one simulated chip, with the time that it takes itself."""

import os
import time

import norflash

SECTOR = 4096


def blank(path, sectors):
    """A new chip."""
    try:
        os.unlink(path)
    except OSError:
        pass
    return norflash.NorFlash(path, sectors * SECTOR)


class Partition:
    """A range of a chip, as esp32.Partition gives it; ``us``: what its operations took."""

    def __init__(self, chip, first, sectors):
        self.chip, self._first, self._sectors = chip, first, sectors
        self.us, self.programs, self.erased = 0, 0, [0] * sectors

    def info(self):
        return 1, 0x40, 0, self._sectors * SECTOR, "test", False

    def readblocks(self, block, buf, offset=0):
        began = time.ticks_us()
        self.chip.read((self._first + block) * SECTOR + offset, buf)
        self.us += time.ticks_diff(time.ticks_us(), began)

    def writeblocks(self, block, buf, offset=0):
        began, before = time.ticks_us(), self.chip.programs
        self.chip.program((self._first + block) * SECTOR + offset, buf)
        self.programs += self.chip.programs - before
        self.us += time.ticks_diff(time.ticks_us(), began)

    def ioctl(self, op, arg=0):
        if op == 4:
            return self._sectors
        if op == 5:
            return SECTOR
        if op == 6:
            began = time.ticks_us()
            self.erased[arg] += 1
            self.chip.erase((self._first + arg) * SECTOR)
            self.us += time.ticks_diff(time.ticks_us(), began)
        return 0
