"""The simulated battery-backed clock: a DS3231's registers (datasheet 19-5170, table 1) over the host's time.

Its time is the host's plus ``rtc_offset_s``; setting it changes the offset, and the rig is told so that it
can hand the offset back at the next start, as the battery would. ``rtc_stopped`` starts it with the
oscillator-stop flag set. The weekday always follows the date, Monday is 1 (the chip lets its owner choose).
"""

import time

import simctl

_STATUS = 0x0F
_STOPPED = 0x80


class Device:
    """The chip on the bus: the first byte written is the register, which moves on with each byte."""

    def __init__(self):
        self._offset_s = simctl.config.get("rtc_offset_s", 0)
        self._status = _STOPPED | 0x08 if simctl.config.get("rtc_stopped") else 0x08
        self._others = bytearray(19)
        self._others[0x0E] = 0x1C
        self._others[0x11] = 0x19  # 25 degrees Celsius
        self._register = 0

    def write(self, data):
        """Set the register pointer, then registers."""
        if not data:
            return
        self._register = data[0] % 19
        if len(data) == 1:
            return
        bank, flags = self._registers(), self._status
        for value in data[1:]:
            if self._register == _STATUS:
                # The stop flag can be cleared but not set, and bit 3 is enabled by the same write.
                self._status = (value & flags & _STOPPED) | (value & 0x08)
            else:
                bank[self._register] = value
            self._register = (self._register + 1) % 19
        if data[0] < 7:
            self._offset_s = _seconds(bank) - int(time.time())
        self._others[7:] = bank[7:]
        simctl.send({"rtc": {"offset_s": self._offset_s, "stopped": bool(self._status & _STOPPED)}})

    def read(self, count):
        """The next registers."""
        bank = self._registers()
        data = bytearray(count)
        for i in range(count):
            data[i] = bank[self._register]
            self._register = (self._register + 1) % 19
        return bytes(data)

    def _registers(self):
        year, month, day, hour, minute, second, weekday = time.gmtime(int(time.time()) + self._offset_s)[:7]
        fields = (second, minute, hour, weekday + 1, day, month, year % 100)
        bank = bytearray(self._others)
        for i, field in enumerate(fields):
            bank[i] = field // 10 << 4 | field % 10
        bank[_STATUS] = self._status
        return bank


def _seconds(bank):
    """Unix seconds of the time registers; the hour may be in the 12-hour form."""
    second, minute, day, month, year = [_decimal(bank[i], mask) for i, mask in _FIELDS]
    if bank[2] & 0x40:
        hour = _decimal(bank[2], 0x1F) % 12 + (12 if bank[2] & 0x20 else 0)
    else:
        hour = _decimal(bank[2], 0x3F)
    return int(time.mktime((2000 + year, month, day, hour, minute, second, 0, 0))) + _zone_s()


_FIELDS = ((0, 0x7F), (1, 0x7F), (4, 0x3F), (5, 0x1F), (6, 0xFF))


def _decimal(value, mask):
    value &= mask
    return (value >> 4) * 10 + (value & 15)


def _zone_s():
    # mktime takes local time; the chip keeps UTC.
    now = int(time.time())
    return now - int(time.mktime(time.gmtime(now)[:6] + (0, 0)))
