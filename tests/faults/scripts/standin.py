"""Stand-ins for the clock, the loop of asyncio under a coroutine that is driven by hand, flash, and chance.

A case takes no real time, and ends when the product waits for something that the case does not bring.
Put them into the module under test: ``module.time = Clock()``, ``module.asyncio = Loop(clock)``.
"""

import binascii

BLANK = b"\xff" * 4096


class Clock:
    """What the product uses of ``time``; ``now_ms`` is moved by sleeping and by the test."""

    def __init__(self):
        self.now_ms = 0

    def ticks_ms(self):
        return self.now_ms

    def ticks_add(self, ticks, delta):
        return ticks + delta

    def ticks_diff(self, ticks, before):
        return ticks - before


class Loop:
    """What the product uses of ``asyncio``. A sleep lasts no time, and at least ``least_ms`` of the clock."""

    class TimeoutError(Exception):
        """As asyncio's."""

    def __init__(self, clock, least_ms=0):
        self._clock, self._least_ms = clock, least_ms

    async def sleep_ms(self, ms):
        self._clock.now_ms += max(ms, self._least_ms)


class Partition:
    """Sectors of flash in RAM."""

    def __init__(self, sectors=2):
        self._data = bytearray(4096 * sectors)
        self.erase()

    def erase(self):
        for at in range(0, len(self._data), 4096):
            self._data[at : at + 4096] = BLANK

    def check(self):
        """A number that stands for what is there."""
        return binascii.crc32(self._data)

    def info(self):
        return 1, 0x40, 0, len(self._data), "test", False

    def readblocks(self, block, buf, offset=0):
        start = block * 4096 + offset
        buf[:] = memoryview(self._data)[start : start + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        start = block * 4096 + offset
        self._data[start : start + len(buf)] = buf

    def ioctl(self, op, arg):
        if op == 4:
            return len(self._data) // 4096
        if op == 5:
            return 4096
        self._data[arg * 4096 : arg * 4096 + 4096] = BLANK
        return 0


class Random:
    """In the place of ``os``: the n-th draw is n, over and over."""

    drawn = 0

    def urandom(self, size):
        self.drawn += 1
        return bytes((self.drawn & 0xFF,)) * size
