"""Small numbers that survive a power cut at any moment: an append-only log over two halves of raw flash.

One entry is 16 bytes: key u32, value u32, sequence u32, CRC-32 of those (all little-endian). Setting a
number is one program of 16 bytes and no erase; a full half is compacted into the other, whose header is
written last, so that a cut leaves the old half in force, and then the header of the old one is zeroed. A
half-written entry fails its CRC and counts as never written.
"""

import binascii
import struct

from protocol import limits

ENTRY = 16
SECTOR = 4096
_MAGIC = 0x31434741  # "AGC1"
_EMPTY = b"\xff" * ENTRY
_VOID = bytes(ENTRY)
_NONE, _SPOILED = -2, -1  # instead of a generation

# Keys. Failures of unit n are kept under KEY_UNITS + n.
KEY_BOOT = 0
KEY_TIME_FLOOR = 1
KEY_LAYOUT = 2
KEY_LOST = 3  # events that the full journal had no room for
KEY_SECURITY = 4  # of the images that were confirmed, the highest
KEY_ERASE = 5  # what is to be erased at the next start, and why: see altgate.erasure
KEY_UPDATE = 6  # number of the slot's image that was put on trial, until it is kept or rolled back
KEY_UNITS = 0x1000


class OtherLayout(Exception):
    """The flash was written by a firmware that lays it out in another way."""


def check_layout(numbers):
    """Mark the flash with this firmware's layout; raises OtherLayout for one that has another.

    numbers: Counters. Before anything else is read: in another layout, nothing means what it seems to.
    """
    layout = numbers.get(KEY_LAYOUT)
    if (layout or numbers.get(KEY_BOOT)) and layout != limits.FLASH_LAYOUT:
        raise OtherLayout
    # Again at each start: where one of these entries is spoiled, the one before says the same.
    numbers.put(KEY_LAYOUT, limits.FLASH_LAYOUT)


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
        self._half = 1 if headers[1] > headers[0] else 0
        self._generation = max(headers[self._half], 0)
        if headers[self._half] > _NONE:
            self._load()
            if min(headers) > 0:
                # The power went before the old one was made void.
                self._void(1 - self._half)
        else:
            self._half = 1
            self._compact()

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
        # What has to grow does so before the flash changes.
        self._values.setdefault(key, 0)
        at = self._next
        self._next += ENTRY
        if not self._put(self._half, at, key, value):
            raise OSError(5)
        self._values[key] = value

    def keep_only(self, keys):
        """Forget every number but these, in both halves of the flash; raises OSError."""
        self._values = {key: value for key, value in self._values.items() if key in keys}
        self._compact()
        self._compact()

    def _put(self, half, at, key, value):
        """Write an entry; False where it does not read back, and counts as never written."""
        if at >= self._size:
            raise OSError(28)
        entry, back = _pack(key, value, at), bytearray(ENTRY)
        self._write(half, at, entry)
        self._read(half, at, back)
        return back == entry

    def _write(self, half, at, data):
        start = half * self._size + at
        self._flash.writeblocks(start // SECTOR, data, start % SECTOR)

    def _read(self, half, at, buf):
        start = half * self._size + at
        self._flash.readblocks(start // SECTOR, buf, start % SECTOR)

    def _header(self, half):
        """Generation of a half; _SPOILED where there was one, _NONE for a blank or an old half."""
        buf = bytearray(ENTRY)
        self._read(half, 0, buf)
        row = _unpack(buf)
        if row and row[0] == _MAGIC:
            return row[1]
        if buf in (_EMPTY, _VOID):
            return _NONE
        # Cut short, and the other half still holds, or spoiled since: then this is all there is.
        self.bad_entries += 1
        return _SPOILED

    def _load(self):
        buf = bytearray(SECTOR)
        self._next = ENTRY
        for at in range(ENTRY, self._size, ENTRY):
            if at % SECTOR == 0 or at == ENTRY:
                self._read(self._half, at // SECTOR * SECTOR, buf)
            entry = bytes(buf[at % SECTOR : at % SECTOR + ENTRY])
            if entry == _EMPTY:
                # Others can stand behind it: a flash that refused left it out.
                continue
            self._next = at + ENTRY
            row = _unpack(entry)
            if row is None:
                self.bad_entries += 1
            else:
                self._values[row[0]] = row[1]

    def _compact(self):
        kept = {key: value for key, value in self._values.items() if value}
        other = 1 - self._half
        for sector in range(self._size // SECTOR):
            self._flash.ioctl(6, other * self._size // SECTOR + sector)
        at = ENTRY
        for key, value in kept.items():
            while not self._put(other, at, key, value):
                # Worn here: the next place is tried.
                at += ENTRY
            at += ENTRY
        if not self._put(other, 0, _MAGIC, self._generation + 1):
            raise OSError(5)
        self._half, self._generation = other, self._generation + 1
        self._next, self._values = at, kept
        # Should the new header be spoiled one day, the old half must not come back.
        self._void(1 - other)

    def _void(self, half):
        try:
            self._write(half, 0, _VOID)
        except OSError:
            # Worn there; the higher generation counts.
            return
