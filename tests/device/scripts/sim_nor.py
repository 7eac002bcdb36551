"""NOR flash: bits only fall, erasing is by sector, operations are counted, a cut ends every later one."""

import esp32
import micropython
import simctl

part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="keys")[0]
chip = esp32._chip
buf = bytearray(4)
part.ioctl(6, 0)
part.writeblocks(0, b"\xf0\x0f\xff\x00", 8)
part.writeblocks(0, b"\xff\xff\x3c\xff", 8)
part.readblocks(0, buf, 8)
assert buf == b"\xf0\x0f\x3c\x00", buf
assert chip.raised == 1 and chip.programs == 2 and chip.erases == 1 and chip.reads == 1
assert chip.bytes_programmed == 8
part.writeblocks(1, bytes(4096))
assert chip.erases == 2 and chip.programs == 2 + 16, "a page of 256 bytes an operation"
page = bytearray(4096)
part.readblocks(1, page)
assert page == bytes(4096)
part.ioctl(6, 1)
part.readblocks(1, page)
assert page == b"\xff" * 4096
for block, data in ((2, b"x"), (1, bytes(4097)), (-1, b"x")):
    try:
        part.writeblocks(block, data, 0)
        raise AssertionError("outside the partition")
    except OSError as error:
        assert error.errno == 22
micropython.heap_lock()
try:
    part.readblocks(0, buf, 8)
    part.writeblocks(0, buf, 8)
finally:
    micropython.heap_unlock()
chip.cut(1, "half")
for attempt in range(2):
    try:
        part.writeblocks(0, bytes(8), 64)
        raise AssertionError("the power was cut")
    except SystemExit as end:
        assert end.args[0] == simctl.POWER_CUT
try:
    simctl.send({"late": 1})
    raise AssertionError("a dead board spoke")
except SystemExit:
    raise
