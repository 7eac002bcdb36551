"""Small numbers that survive a power cut at any moment: an append-only log over two halves of raw flash.

One entry is 16 bytes: key u32, value u32, sequence u32, CRC-32 of those (all little-endian). Setting a
number is one program of 16 bytes and no erase; a full half is compacted into the other, whose header is
written last, so that a cut leaves the old half in force. A half-written entry fails its CRC and counts
as never written.
"""

import binascii
import struct

from protocol import limits

ENTRY = 16
SECTOR = 4096
_MAGIC = 0x31434741  # "AGC1"
_EMPTY = b"\xff" * ENTRY

# Keys. Failures of unit n are kept under KEY_UNITS + n.
KEY_BOOT = 0
KEY_TIME_FLOOR = 1
KEY_LAYOUT = 2
KEY_LOST = 3  # events that the full journal had no room for
KEY_UNITS = 0x1000


class OtherLayout(Exception):
    """The flash was written by a firmware that lays it out in another way."""


def check_layout(numbers):
    """Mark a flash that is new with this firmware's layout; raises OtherLayout for one that has another.

    numbers: Counters. Before anything else is read: in another layout, nothing means what it seems to.
    """
    if not numbers.get(KEY_BOOT):
        numbers.put(KEY_LAYOUT, limits.FLASH_LAYOUT)
    elif numbers.get(KEY_LAYOUT) != limits.FLASH_LAYOUT:
        raise OtherLayout


def _pack(key, value, sequence):
    body = struct.pack("<III", key, value, sequence)
    return body + struct.pack("<I", binascii.crc32(body))


def _unpack(entry):
    key, value, sequence, check = struct.unpack("<IIII", entry)
    return (key, value, sequence) if binascii.crc32(entry[:12]) == check else None


class Counters:
    """Numbers by key over ``partition`` (esp32.Partition, an even number of sectors, two at least)."""

    def __init__(self, partition):
        self._flash = partition
        self._size = partition.ioctl(4, 0) // 2 * SECTOR
        self._values = {}
        self.bad_entries = 0
        headers = [self._header(half) for half in (0, 1)]
        if headers[0] is None and headers[1] is None:
            self._half, self._generation = 1, 0
            self._compact()
        else:
            newer = headers[1] is not None and (headers[0] is None or headers[1] > headers[0])
            self._half = 1 if newer else 0
            self._generation = headers[self._half] or 0
            self._load()

    @property
    def most(self):
        """How many numbers other than 0 can be kept."""
        return self._size // ENTRY - 2

    def get(self, key):
        """The number kept under ``key``; 0 where there is none."""
        return self._values.get(key, 0)

    def put(self, key, value):
        """Keep a number (u32). On return it outlives a power cut; raises OSError where the flash refuses."""
        if value and key not in self._values and len(self._values) >= self.most:
            self._values = {kept: number for kept, number in self._values.items() if number}
            if len(self._values) >= self.most:
                # Refused here, so that compacting never meets more than fits.
                raise OSError(28)
        if self._next >= self._size:
            self._compact()
        entry = _pack(key, value, self._next)
        at = self._next
        self._next += ENTRY
        self._write(self._half, at, entry)
        back = bytearray(ENTRY)
        self._read(self._half, at, back)
        if back != entry:
            raise OSError(5)
        self._values[key] = value

    def _write(self, half, at, data):
        start = half * self._size + at
        self._flash.writeblocks(start // SECTOR, data, start % SECTOR)

    def _read(self, half, at, buf):
        start = half * self._size + at
        self._flash.readblocks(start // SECTOR, buf, start % SECTOR)

    def _header(self, half):
        buf = bytearray(ENTRY)
        self._read(half, 0, buf)
        row = _unpack(buf)
        return row[1] if row and row[0] == _MAGIC else None

    def _load(self):
        buf = bytearray(SECTOR)
        self._next = self._size
        for at in range(ENTRY, self._size, ENTRY):
            if at % SECTOR == 0 or at == ENTRY:
                self._read(self._half, at // SECTOR * SECTOR, buf)
            entry = bytes(buf[at % SECTOR : at % SECTOR + ENTRY])
            if entry == _EMPTY:
                self._next = at
                break
            row = _unpack(entry)
            if row is None:
                self.bad_entries += 1
            else:
                self._values[row[0]] = row[1]

    def _compact(self):
        kept = [(key, value) for key, value in self._values.items() if value]
        other = 1 - self._half
        for sector in range(self._size // SECTOR):
            self._flash.ioctl(6, other * self._size // SECTOR + sector)
        at = ENTRY
        for key, value in kept:
            self._write(other, at, _pack(key, value, at))
            at += ENTRY
        self._write(other, 0, _pack(_MAGIC, self._generation + 1, 0))
        self._half, self._generation, self._next = other, self._generation + 1, at
        self._values = dict(kept)
