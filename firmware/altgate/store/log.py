"""An append-only log over two halves of a raw partition, with a summary where a half begins.

A half begins with magic u32, number u32, zero u32 and CRC-32 of these; then come entries: kind u16, length
u16, sequence u32, CRC-32 of both and of the content, zero u32, then the content, filled up with zeros to 16
bytes (all little-endian). When a half is full, the other one is erased and begun with a summary; its head is
written last, so that a cut leaves the old half in force, and then the head of the old one is zeroed. An entry
that was cut short does not check, and the next one stands behind it: entries are looked for every 16 bytes.
The zero of an entry is written once all the rest was read back: so a cut and later damage can be told apart.
"""

import binascii
import struct

SECTOR = 4096
GRAIN = 16
_MAGIC = 0x314C4741  # "AGL1"
_ENTRY = "<HHIII"
_BLANK = b"\xff" * GRAIN
_VOID = bytes(2 * GRAIN)  # a head, and in a half that of the entry behind it
_MARK = b"\0\0\0\0"
_MARK_AT = 12
_PIECE = 256
_FAILURES = (OSError, MemoryError)  # made once: where memory is out, naming two takes some


class Log:
    """Over ``partition`` (esp32.Partition, an even number of sectors). Read it once by entries()."""

    def __init__(self, partition):
        self._flash = partition
        self._size = partition.ioctl(4, 0) // 2 * SECTOR
        numbers = [self._number(half) for half in (0, 1)]
        for half in (0, 1):
            # A spoiled head before a whole summary, and none that checks: what came later than the old half,
            # such as a card taken back, stands nowhere else.
            if not any(numbers) and self._begins(half):
                numbers[half] = 1
        self._half = 1 if numbers[1] > numbers[0] else 0
        self._generation = numbers[self._half]
        if all(numbers):
            # The power went before the old one was made void.
            self._zero(1 - self._half, 0, _VOID)
        self._sequence = 0
        self._next = self._size  # a new half is begun before the first entry
        # Entries missing between others, or spoiled: not those that a cut left at the end.
        self.damaged = 0
        if not self._generation and not (self._is_blank(0) and self._is_blank(1)):
            # There was a log, and nothing of it can be read: a cut in its first entry leaves blank heads.
            self.damaged = 1

    def entries(self):
        """Each ``(kind, content)``, oldest first."""
        at, end = GRAIN, GRAIN
        before, is_behind_good, is_last_spoiled = 0, True, False
        head = bytearray(GRAIN)
        while self._generation and at < self._size:
            self._read(at, head)
            if head == _BLANK:
                at += GRAIN
                continue
            kind, length, sequence, check, mark = struct.unpack(_ENTRY, head)
            end = at + GRAIN
            if at + GRAIN + length <= self._size and sequence > before:
                content = bytearray(length)
                self._read(at + GRAIN, content)
                if binascii.crc32(content, binascii.crc32(memoryview(head)[:8])) == check:
                    # A cut leaves a gap too, but the number that it spent is given again.
                    self.damaged += sequence - before - 1
                    before, is_behind_good, is_last_spoiled = sequence, True, False
                    yield kind, content
                    at = end = at + GRAIN + (length + GRAIN - 1) // GRAIN * GRAIN
                    continue
            # Behind a cut entry the next one stands where a cut can have left anything: it looks like one.
            is_next = sequence == before + 1 and 0 < kind < 3 and at + GRAIN + length <= self._size
            if is_behind_good or is_next:
                is_behind_good = False
                is_last_spoiled = is_last_spoiled or check and not mark
            at += GRAIN
        self.damaged += bool(is_last_spoiled)
        self._sequence = before
        self._next = end if self._generation else self._size

    def room(self):
        """How long the content of one more entry can be; below 0 where there is no room."""
        return self._size - self._next - GRAIN

    def append(self, kind, content):
        """Keep an entry; on return it outlives a power cut. Raises OSError, and it is as never written."""
        size = GRAIN + (len(content) + GRAIN - 1) // GRAIN * GRAIN
        if self._next + size > self._size:
            raise OSError(28)
        at = self._next
        entry = self._entry(kind, content, self._sequence + 1)
        entry[_MARK_AT:GRAIN] = _BLANK[_MARK_AT:]
        # What failed half way is skipped: flash is not written twice.
        self._next += size
        self._put(self._half, at, entry)
        self._sequence += 1
        self._zero(self._half, at + _MARK_AT, _MARK)

    def begin(self, kind, content):
        """Begin the other half with a summary of all that holds; raises OSError, and the old one stays."""
        other = 1 - self._half
        if GRAIN + GRAIN + len(content) > self._size:
            raise OSError(28)
        entry = self._entry(kind, content, 1)
        head = struct.pack("<III", _MAGIC, self._generation + 1, 0)
        head += struct.pack("<I", binascii.crc32(head))
        for sector in range(self._size // SECTOR):
            self._flash.ioctl(6, other * self._size // SECTOR + sector)
        self._put(other, GRAIN, entry)
        self._put(other, 0, head)
        self._half, self._generation, self._sequence = other, self._generation + 1, 1
        self._next = GRAIN + len(entry)
        self._zero(1 - other, 0, _VOID)

    def _entry(self, kind, content, sequence):
        size = GRAIN + (len(content) + GRAIN - 1) // GRAIN * GRAIN
        entry = bytearray(size)
        struct.pack_into("<HHI", entry, 0, kind, len(content), sequence)
        check = binascii.crc32(content, binascii.crc32(memoryview(entry)[:8]))
        struct.pack_into("<I", entry, 8, check)
        entry[GRAIN : GRAIN + len(content)] = content
        return entry

    def _put(self, half, at, entry):
        """Write and read back. Where that fails it must not be there at the next start: it was refused."""
        try:
            self._write(half, at, entry)
            self._check(half, at, entry)
        except _FAILURES:
            self._zero(half, at, _VOID)
            raise

    def _zero(self, half, at, zeros):
        try:
            self._write(half, at, zeros)
        except OSError:
            # Worn: what lies there is known, and holds or does not without it.
            return

    def _check(self, half, at, entry):
        back = bytearray(min(_PIECE, len(entry)))
        for start in range(0, len(entry), _PIECE):
            piece = memoryview(back)[: min(_PIECE, len(entry) - start)]
            self._read(at + start, piece, half)
            if piece != memoryview(entry)[start : start + len(piece)]:
                raise OSError(5)

    def _is_blank(self, half):
        head = bytearray(GRAIN)
        self._read(0, head, half)
        return head == _BLANK

    def _begins(self, half):
        """Whether a half has its first entry."""
        head = bytearray(GRAIN)
        self._read(GRAIN, head, half)
        _, length, sequence, check, _ = struct.unpack(_ENTRY, head)
        if sequence != 1 or 2 * GRAIN + length > self._size:
            return False
        content = bytearray(length)
        self._read(2 * GRAIN, content, half)
        return binascii.crc32(content, binascii.crc32(memoryview(head)[:8])) == check

    def _number(self, half):
        head = bytearray(GRAIN)
        self._read(0, head, half)
        magic, number, _, check = struct.unpack("<IIII", head)
        return number if magic == _MAGIC and binascii.crc32(memoryview(head)[:12]) == check else 0

    def _read(self, at, buf, half=None):
        start = (self._half if half is None else half) * self._size + at
        self._flash.readblocks(start // SECTOR, buf, start % SECTOR)

    def _write(self, half, at, data):
        start = half * self._size + at
        self._flash.writeblocks(start // SECTOR, data, start % SECTOR)
