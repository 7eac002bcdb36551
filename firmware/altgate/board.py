"""Pins, buses and partitions made into objects: the only module that knows the wiring."""

import machine
import network
import vfs
from esp32 import Partition

from altgate import pins
from altgate.drivers import ds3231, gm65, keypad, pn532
from altgate.store import files

READER_BUFFER = 512
WATCHDOG_MS = 8000
# Bytes that littlefs reads at once: with its own 32, a small file costs a hundred reads to write.
FILES_READ = 256
SCANNER_BUFFER = 1024
FACE_BUFFER = 1024


def radio_on():
    """Power the radio without joining: only then are the chip's random numbers random."""
    network.WLAN(network.STA_IF).active(True)


def watchdog():
    """Start the watchdog; the board starts anew unless its ``feed()`` is called every few seconds."""
    return machine.WDT(timeout=WATCHDOG_MS)


def set_system_clock(unix):
    """Set the port's own clock to Unix seconds, UTC."""
    year, month, day, hour, minute, second = ds3231.from_unix(unix)
    machine.RTC().datetime((year, month, day, 0, hour, minute, second, 0))


def partition(label):
    """The raw partition of this label; raises OSError where the board has none, or encrypts it: nothing could
    be zeroed in place there."""
    found = _partition(label)
    if found.info()[5]:
        raise OSError(22)
    return found


def any_partition(label):
    """The partition of this label, encrypted or not, or None where the board has none."""
    found = Partition.find(Partition.TYPE_DATA, label=label)
    return found[0] if found else None


def wrapping_page():
    """The partition of the door's wrapping key, which is never written twice."""
    return _partition("keys")


def _partition(label):
    found = any_partition(label)
    if found is None:
        raise OSError(2)
    return found


def mount_files(is_first_start=False):
    """Mount littlefs at files.ROOT, making it on a blank board; raises OSError where neither works."""
    block = _partition("data")
    try:
        vfs.mount(_littlefs(block), files.ROOT)
    except OSError:
        # Only a partition that is blank is ever formatted: a damaged one is for a person to judge. Until a
        # start has been counted nothing was kept there: what lies there then is noise, as a blank one reads
        # under flash encryption, or was being made when the power went.
        first = bytearray(64)
        block.readblocks(0, first)
        if first != b"\xff" * 64 and not is_first_start:
            raise
        vfs.VfsLfs2.mkfs(block)
        vfs.mount(_littlefs(block), files.ROOT)


def _littlefs(block):
    return vfs.VfsLfs2(block, readsize=FILES_READ, progsize=32, lookahead=32, mtime=False)


def reader(dropped):
    """The card reader; ``dropped(reason)`` is told of bad frames."""
    number, baud = pins.UART_READER
    return pn532.Pn532(
        machine.UART(number, baud, tx=pins.READER_TX, rx=pins.READER_RX, rxbuf=READER_BUFFER), dropped
    )


def scanner(dropped):
    """The code scanner."""
    number, baud = pins.UART_SCANNER
    return gm65.Scanner(
        machine.UART(number, baud, tx=pins.SCANNER_TX, rx=pins.SCANNER_RX, rxbuf=SCANNER_BUFFER), dropped
    )


def keys():
    """The keypad, with the face key beside it."""
    matrix = (pins.KEYPAD_ROWS, pins.KEYPAD_COLUMNS, pins.KEYPAD_KEYS)
    return keypad.Keypad(*matrix, pins.FACE_KEY, pins.FACE_KEY_PRESSED)


def reset_button():
    """The board's own button, for a factory reset."""
    return machine.Pin(pins.RESET_BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)


def face_supply():
    """Switches the face module; off from the first moment on."""
    off = 1 - pins.FACE_SUPPLY_ON
    pin = machine.Pin(pins.FACE_SUPPLY, machine.Pin.OUT, value=off)
    return lambda is_on: pin.value(pins.FACE_SUPPLY_ON if is_on else off)


def face_module(dropped):
    """The driver of the face module, which has just got its supply."""
    from altgate.drivers import mf1

    number, baud = pins.UART_FACE
    uart = machine.UART(number, baud, tx=pins.FACE_TX, rx=pins.FACE_RX, rxbuf=FACE_BUFFER)
    return mf1.Mf1(uart, dropped)


FACE_GIVES_LIVENESS = False  # of the module above, known without loading its driver


def clock_chip():
    """The battery-backed clock."""
    bus = machine.I2C(pins.I2C_ID, scl=machine.Pin(pins.SCL), sda=machine.Pin(pins.SDA))
    return ds3231.Clock(bus, pins.CLOCK_ADDRESS)


def hardware_id():
    """The chip's own number as hexadecimal text."""
    return "".join("%02x" % byte for byte in machine.unique_id())
