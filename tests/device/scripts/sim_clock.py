"""DS3231: BCD time of the host plus an offset, settable, with the oscillator-stop flag."""

import time

from machine import I2C

bus = I2C(0)
assert bus.scan() == [0x68]
assert bus.readfrom_mem(0x68, 0x0F, 1)[0] & 0x80
bus.writeto_mem(0x68, 0x0F, b"\x00")
assert not bus.readfrom_mem(0x68, 0x0F, 1)[0] & 0x80
raw = bus.readfrom_mem(0x68, 0, 7)
year, month, day, hour = time.gmtime(int(time.time()) + 86400)[:4]
assert (raw[4] >> 4) * 10 + (raw[4] & 15) == day and raw[6] == (year % 100 // 10 << 4 | year % 10)
bus.writeto_mem(0x68, 0, b"\x58\x59\x23\x01\x31\x12\x29")
raw = bus.readfrom_mem(0x68, 0, 7)
assert raw[1:] == b"\x59\x23\x01\x31\x12\x29" or raw[6] == 0x30, raw
try:
    bus.readfrom(0x50, 1)
    raise AssertionError("nobody has that address")
except OSError as error:
    assert error.errno == 19
