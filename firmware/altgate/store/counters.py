"""Small numbers that survive a power cut at any moment: an append-only log over two sectors of raw flash.

One entry is 16 bytes: key u32, value u32, sequence u32, CRC-32 of those (all little-endian). Setting a
number is one program of 16 bytes and no erase; a full sector is compacted into the other, whose header is
written last, so that a cut leaves the old sector in force. A half-written entry fails its CRC and counts
as never written.
"""

import binascii
import struct

ENTRY = 16
SECTOR = 4096
_MAGIC = 0x31434741  # "AGC1"
_EMPTY = b"\xff" * ENTRY

# Keys. Failures of unit n are kept under KEY_UNITS + n.
KEY_BOOT = 0
KEY_TIME_FLOOR = 1
KEY_UNITS = 0x1000


def _pack(key, value, sequence):
    body = struct.pack("<III", key, value, sequence)
    return body + struct.pack("<I", binascii.crc32(body))


def _unpack(entry):
    key, value, sequence, check = struct.unpack("<IIII", entry)
    return (key, value, sequence) if binascii.crc32(entry[:12]) == check else None


class Counters:
    """Numbers by key over ``partition`` (esp32.Partition, at least two sectors)."""

    def __init__(self, partition):
        self._flash = partition
        self._values = {}
        self.bad_entries = 0
        headers = [self._header(sector) for sector in (0, 1)]
        if headers[0] is None and headers[1] is None:
            self._sector, self._generation = 1, 0
            self._compact()
        else:
            newer = headers[1] is not None and (headers[0] is None or headers[1] > headers[0])
            self._sector = 1 if newer else 0
            self._generation = headers[self._sector] or 0
            self._load()

    def get(self, key):
        """The number kept under ``key``; 0 where there is none."""
        return self._values.get(key, 0)

    def put(self, key, value):
        """Keep a number (u32). On return it outlives a power cut; raises OSError where the flash refuses."""
        if self._next >= SECTOR:
            self._compact()
        entry = _pack(key, value, self._next)
        self._flash.writeblocks(self._sector, entry, self._next)
        self._next += ENTRY
        back = bytearray(ENTRY)
        self._flash.readblocks(self._sector, back, self._next - ENTRY)
        if back != entry:
            raise OSError(5)
        self._values[key] = value

    def _header(self, sector):
        buf = bytearray(ENTRY)
        self._flash.readblocks(sector, buf, 0)
        row = _unpack(buf)
        return row[1] if row and row[0] == _MAGIC else None

    def _load(self):
        buf = bytearray(SECTOR)
        self._flash.readblocks(self._sector, buf, 0)
        self._next = SECTOR
        for at in range(ENTRY, SECTOR, ENTRY):
            entry = bytes(buf[at : at + ENTRY])
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
        if len(kept) > SECTOR // ENTRY - 2:
            raise OSError(28)
        other = 1 - self._sector
        self._flash.ioctl(6, other)
        at = ENTRY
        for key, value in kept:
            self._flash.writeblocks(other, _pack(key, value, at), at)
            at += ENTRY
        self._flash.writeblocks(other, _pack(_MAGIC, self._generation + 1, 0), 0)
        self._sector, self._generation, self._next = other, self._generation + 1, at
        self._values = dict(kept)
