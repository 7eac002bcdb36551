"""DS3231 battery-backed clock on I2C (Maxim 19-5170, registers 00h to 0Fh)."""

_STATUS = 0x0F
_STOPPED = 0x80
_DAYS_BEFORE_2000 = 10957
_MONTHS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class Clock:
    """Reads and sets the chip; times are Unix seconds, UTC, from 2000 to 2099."""

    def __init__(self, i2c, address):
        self._i2c = i2c
        self._address = address

    def read(self):
        """The time, or None where the oscillator has stopped or the registers hold nonsense.

        Raises OSError where the chip does not answer.
        """
        if self._i2c.readfrom_mem(self._address, _STATUS, 1)[0] & _STOPPED:
            return None
        raw = self._i2c.readfrom_mem(self._address, 0, 7)
        second, minute, hour = _number(raw[0]), _number(raw[1]), _number(raw[2] & 0x3F)
        day, month, year = _number(raw[4]), _number(raw[5] & 0x1F), _number(raw[6])
        if second > 59 or minute > 59 or hour > 23 or not 1 <= day <= 31 or not 1 <= month <= 12:
            return None
        return to_unix(2000 + year, month, day, hour, minute, second)

    def set(self, unix):
        """Set the clock and clear the mark that it had stopped; raises OSError."""
        year, month, day, hour, minute, second = from_unix(unix)
        if not 2000 <= year <= 2099:
            raise ValueError("the clock holds the years 2000 to 2099")
        fields = (second, minute, hour, 1, day, month, year - 2000)
        self._i2c.writeto_mem(self._address, 0, bytes(_bcd(field) for field in fields))
        status = self._i2c.readfrom_mem(self._address, _STATUS, 1)[0]
        self._i2c.writeto_mem(self._address, _STATUS, bytes((status & ~_STOPPED,)))


def to_unix(year, month, day, hour, minute, second):
    """Unix seconds of a UTC date; independent of the port's epoch (1970 on a PC, 2000 on an ESP32)."""
    years = year - 2000
    days = years * 365 + (years + 3) // 4 + _MONTHS[month - 1] + day - 1
    if month > 2 and year % 4 == 0:
        days += 1
    return (_DAYS_BEFORE_2000 + days) * 86400 + hour * 3600 + minute * 60 + second


def from_unix(unix):
    """(year, month, day, hour, minute, second) of Unix seconds; right from 2000 to 2099."""
    days, rest = divmod(unix, 86400)
    days -= _DAYS_BEFORE_2000
    year = 2000 + days // 1461 * 4
    days %= 1461
    for length in (366, 365, 365):
        if days < length:
            break
        days -= length
        year += 1
    leap = 1 if year % 4 == 0 else 0
    month = 12
    while days < _MONTHS[month - 1] + (leap if month > 2 else 0):
        month -= 1
    day = days - _MONTHS[month - 1] - (leap if month > 2 else 0) + 1
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60


def _number(bcd):
    high, low = bcd >> 4, bcd & 15
    return high * 10 + low if high < 10 and low < 10 else 255


def _bcd(number):
    return number // 10 << 4 | number % 10
