"""A small piece of data in a raw partition, written beside the old copy, which is made void after that.

Each half of the partition holds one copy: magic u32, number u32, length u32, CRC-32 of these and of the
content (all little-endian), then the content. The half that is not in force is erased and written, and then
the head of the other one zeroed, so that a cut leaves the old copy or the new one. At rest there is one copy:
what spoils it must not bring back an older one, in which a consent still stood that has ended since.
"""

import binascii
import struct

SECTOR = 4096
_MAGIC = 0x32434741  # "AGC2"
_HEAD = "<IIII"
_HEAD_BYTES = 16
_VOID = bytes(_HEAD_BYTES)
_STEP = 256


class Damaged(Exception):
    """Something is there, and no copy checks."""


class Copies:
    """Over ``partition`` (esp32.Partition, an even number of sectors)."""

    def __init__(self, partition):
        self._flash = partition
        self._size = partition.ioctl(4, 0) // 2 * SECTOR
        self._number = 0  # of the copy in force, 0 for none
        self._half = 1

    @property
    def most(self):
        """How many bytes a copy can have."""
        return self._size - _HEAD_BYTES

    def read(self):
        """The content in force, or None where nothing was ever written; raises Damaged."""
        found = None
        is_blank = True
        self._number, self._half = 0, 1
        for half in (0, 1):
            head = bytearray(_HEAD_BYTES)
            self._read(half, 0, head)
            if head == b"\xff" * _HEAD_BYTES:
                continue
            is_blank = False
            magic, number, length, check = struct.unpack(_HEAD, head)
            if magic != _MAGIC or length > self.most or number <= self._number:
                continue
            content = bytearray(length)
            self._read(half, _HEAD_BYTES, content)
            if binascii.crc32(content, binascii.crc32(head[:12])) == check:
                found, self._number, self._half = content, number, half
        if found is None and not is_blank:
            raise Damaged
        return found

    def write(self, content):
        """Put a new copy in force; raises OSError, and the old one stays."""
        if len(content) > self.most:
            raise OSError(28)
        other = 1 - self._half
        first = other * self._size // SECTOR
        for sector in range(0, (_HEAD_BYTES + len(content) + SECTOR - 1) // SECTOR):
            self._flash.ioctl(6, first + sector)
        head = struct.pack("<III", _MAGIC, self._number + 1, len(content))
        check = binascii.crc32(content, binascii.crc32(head))
        self._write(other, _HEAD_BYTES, content)
        self._write(other, 0, head + struct.pack("<I", check))
        if not self._is_good(other, head, len(content), check):
            raise OSError(5)
        old = self._half
        self._number, self._half = self._number + 1, other
        try:
            self._write(old, 0, _VOID)
        except OSError:
            # Worn there. The new copy is in force, for it has the higher number.
            return

    def _is_good(self, half, head, length, check):
        """Read back in small pieces, so that writing takes no second copy in memory."""
        piece = bytearray(_HEAD_BYTES)
        self._read(half, 0, piece)
        if piece[:12] != head or struct.unpack_from("<I", piece, 12)[0] != check:
            return False
        crc, at, piece = binascii.crc32(head), 0, bytearray(min(_STEP, length))
        while at < length:
            if length - at < len(piece):
                piece = bytearray(length - at)
            self._read(half, _HEAD_BYTES + at, piece)
            crc = binascii.crc32(piece, crc)
            at += len(piece)
        return crc == check

    def _read(self, half, at, buf):
        start = half * self._size + at
        self._flash.readblocks(start // SECTOR, buf, start % SECTOR)

    def _write(self, half, at, data):
        start = half * self._size + at
        self._flash.writeblocks(start // SECTOR, data, start % SECTOR)
