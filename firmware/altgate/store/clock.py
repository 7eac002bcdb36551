"""What time it is, and how far that can be trusted.

The later of the battery-backed clock and a stored floor counts, so that a pass that has ended cannot come
back with a dead battery. Between looks the port's monotonic ticks carry the time on.
"""

import time

from altgate.store import counters
from protocol import messages

# 2026-01-01: a clock that says less has lost its battery.
OLDEST = 1767225600
# The floor is stored at most once an hour: 24 flash writes a day.
FLOOR_STEP_S = 3600


class DoorClock:
    """``chip`` is drivers.ds3231.Clock or None; ``numbers`` is store.counters.Counters.

    floor: Unix seconds that are known to have passed, such as the moment of provisioning. told(unix) sets
    the port's own clock, by which TLS judges certificates.
    """

    def __init__(self, chip, numbers, floor=0, told=None):
        self._chip = chip
        self._numbers = numbers
        self._first = floor
        self._told = told
        self.quality = messages.QUALITY_UNKNOWN
        self._base = self._floor()
        self._since = time.ticks_ms()
        read = self._read_chip()
        if read is not None and read >= OLDEST:
            self.quality = messages.QUALITY_CLOCK
            self._base = max(self._base, read)
        self._tell()

    @property
    def is_trusted(self):
        """Whether validity windows can be judged."""
        return self.quality != messages.QUALITY_UNKNOWN

    def now(self):
        """Unix seconds; without trusted time no more than a floor that is known to have passed."""
        gone = time.ticks_diff(time.ticks_ms(), self._since)
        if gone >= 60000:
            # Ticks wrap after days: fold them into the base long before.
            self._base += gone // 1000
            self._since = time.ticks_add(self._since, gone // 1000 * 1000)
            gone %= 1000
        return self._base + gone // 1000

    def set(self, unix):
        """Take the host's time, which was bound to this door's nonce; never goes back below the floor."""
        if unix < max(OLDEST, self._floor()):
            return False
        self._base, self._since = unix, time.ticks_ms()
        self.quality = messages.QUALITY_HOST
        self._tell()
        self.keep_floor()
        if self._chip:
            try:
                self._chip.set(unix)
            except OSError:
                # The door goes on with the host's time; the self-test reports the chip.
                self._chip = None
        return True

    def keep_floor(self):
        """Store the floor where it has moved on by an hour; raises OSError."""
        now = self.now()
        if self.is_trusted and now >= self._numbers.get(counters.KEY_TIME_FLOOR) + FLOOR_STEP_S:
            self._numbers.put(counters.KEY_TIME_FLOOR, now)

    def _floor(self):
        return max(self._first, self._numbers.get(counters.KEY_TIME_FLOOR))

    def _tell(self):
        if self._told and self._base:
            self._told(self._base)

    def _read_chip(self):
        if not self._chip:
            return None
        try:
            return self._chip.read()
        except OSError:
            self._chip = None
            return None
