"""The simulated board's `machine` module. Pins are in `gpio`, UARTs in `uart`, SPI in `spi`."""

import binascii
import time

import simctl
from gpio import Pin  # noqa: F401 - the board has it in machine
from uart import UART  # noqa: F401

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


class PWM:
    """A tone on a pin; the rig sees frequency (Hz) and duty (0 to 65535)."""

    def __init__(self, dest, *, freq=5000, duty_u16=32768, duty_ns=None, invert=False):
        self._number = dest._id
        self._freq = self._duty = 0
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns, invert=invert)

    def init(self, *, freq=None, duty_u16=None, duty_ns=None, invert=False):
        """Set both at once."""
        self._freq = self._freq if freq is None else freq
        if duty_ns is not None:
            duty_u16 = min(65535, duty_ns * self._freq * 65536 // 1000000000)
        self._show(self._freq, self._duty if duty_u16 is None else duty_u16)

    def freq(self, value=None):
        """The frequency in Hz, or set it."""
        if value is None:
            return self._freq
        return self._show(value, self._duty)

    def duty_u16(self, value=None):
        """The share of the period that is high, of 65535, or set it."""
        if value is None:
            return self._duty
        return self._show(self._freq, value)

    def deinit(self):
        """Fall silent."""
        self._show(self._freq, 0)

    def _show(self, freq, duty):
        if (freq, duty) != (self._freq, self._duty):
            self._freq, self._duty = freq, duty
            simctl.send_text('{"pwm":%d,"freq":%d,"duty":%d}' % (self._number, freq, duty))


class WDT:
    """The watchdog: the rig hears of it and bites."""

    def __init__(self, *, id=0, timeout=5000):
        self._told_ms = time.ticks_ms()
        simctl.send_text('{"wdt":%d}' % timeout)

    def feed(self):
        """Start the period again; told to the rig at most every 200 ms."""
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._told_ms) >= 200:
            self._told_ms = now_ms
            simctl.send_text('{"wdt":"feed"}')


class RTC:
    """The chip's own clock: 2000-01-01 at power-on, and from there until set."""

    _base_s = 946684800 - time.ticks_ms() // 1000

    def __init__(self, id=0):
        pass

    def datetime(self, datetimetuple=None):
        """(year, month, day, weekday, hour, minute, second, microsecond), or set it."""
        now_s = time.ticks_ms() // 1000
        if datetimetuple is None:
            year, month, day, hour, minute, second, weekday = time.gmtime(RTC._base_s + now_s)[:7]
            return (year, month, day, weekday, hour, minute, second, 0)
        year, month, day, _, hour, minute, second, _ = datetimetuple
        local = int(time.mktime((year, month, day, hour, minute, second, 0, 0)))
        zone_s = local - int(time.mktime(time.gmtime(local)[:6] + (0, 0)))
        RTC._base_s = local + zone_s - now_s
        return None


class I2C:
    """A bus of chips that live in this process, as the settings name them."""

    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._chips = {}
        for address, name in simctl.config.get("i2c", {}).items():
            self._chips[int(address, 16)] = __import__(name).Device()

    def scan(self):
        """Addresses that answer."""
        return sorted(self._chips)

    def writeto(self, addr, buf, stop=True):
        """Send bytes; return how many were acknowledged."""
        self._chip(addr).write(bytes(buf))
        return len(buf)

    def readfrom(self, addr, nbytes, stop=True):
        """Read bytes from where the chip stands."""
        return self._chip(addr).read(nbytes)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        """Read from a register on."""
        self._chip(addr).write(bytes((memaddr,)))
        return self._chip(addr).read(nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        """Read from a register on, into `buf`."""
        buf[:] = self.readfrom_mem(addr, memaddr, len(buf))

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        """Write from a register on."""
        self._chip(addr).write(bytes((memaddr,)) + bytes(buf))

    def _chip(self, addr):
        simctl.powered()
        if addr not in self._chips:
            raise OSError(19)
        return self._chips[addr]


def unique_id():
    """The board's six bytes."""
    return binascii.unhexlify(simctl.config.get("unique_id", "a17e9a7e0001"))


def reset_cause():
    """Why the board started."""
    return simctl.config.get("reset_cause", PWRON_RESET)


def reset():
    """Start the board again."""
    simctl.shut_down("hard")


def soft_reset():
    """Start the interpreter again; the rig does it with a new process."""
    simctl.shut_down("soft")


def __getattr__(name):
    # Loaded when somebody wants it: what a door does not use must not take its memory.
    if name == "SPI":
        from spi import SPI

        return SPI
    raise AttributeError(name)
