"""Small secrets on raw flash that can be destroyed: fixed slots, written once and zeroed in place.

Slot, little-endian: sequence u32, length u16, the content, 0xFF, and in the last 4 bytes the CRC-32 of all
before. A slot is free (all 0xFF), live (it checks), or gone (all zero); what is none of these was cut short
and is zeroed at the next start. Gone slots become free by erasing their sector, after its live ones were
moved; for that as many slots as a sector has always stay free. Because contents move, they are known by their
sequence number and not by their place.
"""

import binascii
import struct

SECTOR = 4096
_HEAD = "<IH"
_HEAD_BYTES = 6
_CHECK_BYTES = 4
_STEP = 256  # bytes zeroed or read back at once
FREE, LIVE, GONE = 0, 1, 2
FAILURES = (OSError, MemoryError)  # made once: where memory is out, naming two takes some


class Slots:
    """Slots of ``size`` bytes (a power of two up to 4096) over ``partition`` (esp32.Partition, from two
    sectors on). Every method raises OSError where the flash refuses or does not read back as it should."""

    def __init__(self, partition, size):
        self._flash = partition
        self._size = size
        self._per = SECTOR // size
        self._state = bytearray(partition.ioctl(4, 0) * self._per)
        self._at = {}  # sequence: slot, of the live ones
        # slot: sequence, of further copies, whole or cut short, that could not be zeroed at once
        self._twins = {}
        self._buffer = bytearray(size)
        self._sequence = 0
        # Slots are taken and sectors erased in turn, so that they wear alike.
        self._next = 0
        self._erased = -1
        self._load()

    @property
    def capacity(self):
        """How many contents fit at the most."""
        return len(self._state) - self._per

    @property
    def longest(self):
        """Bytes that one content may have."""
        return self._size - _HEAD_BYTES - _CHECK_BYTES

    def live(self):
        """Sequence numbers of the contents, oldest first."""
        return sorted(self._at)

    def read(self, sequence):
        """A content, in a bytearray that the caller can wipe; raises KeyError for one that is not there."""
        slot = self._at[sequence]
        self._flash.readblocks(slot // self._per, self._buffer, slot % self._per * self._size)
        length = struct.unpack(_HEAD, self._buffer)[1]
        content = bytearray(memoryview(self._buffer)[_HEAD_BYTES : _HEAD_BYTES + length])
        self._forget_buffer()
        return content

    def put(self, content):
        """Keep a content; returns its sequence number. Raises OSError(28) where everything is taken."""
        if len(content) > self.longest:
            raise ValueError("too long for a slot")
        while self._count(FREE) <= self._per:
            self._compact()
        slot = self._free_slot(None)
        self._sequence += 1
        self._write(slot, self._sequence, content)
        return self._sequence

    def erase(self, sequence):
        """Zero a content in place and read it back; nothing where it is not there."""
        slot = self._at.get(sequence)
        if slot is not None:
            self._erase(slot)
            del self._at[sequence]
        for slot in [slot for slot, of in self._twins.items() if of == sequence]:
            self._erase(slot)
            del self._twins[slot]

    def wipe(self):
        """Zero everything and read it back, whatever it holds; what refuses does not keep the rest."""
        self._at.clear()
        self._twins.clear()
        failed = None
        for sector in range(len(self._state) // self._per):
            try:
                self._zero(sector * SECTOR, SECTOR)
            except OSError as error:
                failed = error
            for slot in range(sector * self._per, (sector + 1) * self._per):
                self._state[slot] = GONE
        if failed:
            raise failed

    def _erase(self, slot):
        self._zero(slot * self._size, self._size)
        self._state[slot] = GONE

    def _clear(self, slot, sequence):
        """Zero a copy that nobody needs. Where it is worn, whoever erases the content is told."""
        self._twins[slot] = sequence
        try:
            self._erase(slot)
            del self._twins[slot]
        except OSError:
            self._state[slot] = GONE

    def _load(self):
        for slot in range(len(self._state)):
            state, sequence = self._look(slot)
            if state is None:
                self._clear(slot, sequence)
                continue
            self._state[slot] = state
            if state == LIVE:
                if sequence > self._sequence:
                    self._sequence, self._next = sequence, slot + 1
                if sequence in self._at:
                    # It was being moved when the power went: one of the two is enough.
                    self._clear(slot, sequence)
                else:
                    self._at[sequence] = slot
        self._forget_buffer()

    def _look(self, slot):
        """``(state, sequence)``; the state of a slot that was cut short is None."""
        buffer = self._buffer
        self._flash.readblocks(slot // self._per, buffer, slot % self._per * self._size)
        if buffer == b"\xff" * self._size:
            return FREE, 0
        if buffer == bytes(self._size):
            return GONE, 0
        end = self._size - _CHECK_BYTES
        check = struct.unpack_from("<I", buffer, end)[0]
        sequence, length = struct.unpack(_HEAD, buffer)
        is_good = binascii.crc32(memoryview(buffer)[:end]) == check and length <= self.longest
        return (LIVE if is_good else None), sequence

    def _write(self, slot, sequence, content):
        buffer = self._buffer
        end = self._size - _CHECK_BYTES
        for at in range(self._size):
            buffer[at] = 0xFF
        struct.pack_into(_HEAD, buffer, 0, sequence, len(content))
        buffer[_HEAD_BYTES : _HEAD_BYTES + len(content)] = content
        struct.pack_into("<I", buffer, end, binascii.crc32(memoryview(buffer)[:end]))
        # All that takes memory comes before the flash changes: a content that is there and not known could
        # not be erased.
        back, is_new = bytearray(self._size), sequence not in self._at
        if is_new:
            self._at[sequence] = slot
        # Whatever happens from here on, the slot is not free any more.
        self._state[slot] = GONE
        try:
            self._flash.writeblocks(slot // self._per, buffer, slot % self._per * self._size)
            self._flash.readblocks(slot // self._per, back, slot % self._per * self._size)
            if back != buffer:
                raise OSError(5)
        except FAILURES:
            if is_new:
                del self._at[sequence]
            self._clear(slot, sequence)
            raise
        self._state[slot] = LIVE
        self._at[sequence] = slot
        for at in range(self._size):
            back[at] = 0
        self._forget_buffer()

    def _compact(self):
        """Erase the sector with the most gone slots, its live ones moved to free slots elsewhere."""
        sectors = len(self._state) // self._per
        gone, sector = 0, 0
        for step in range(1, sectors + 1):
            candidate = (self._erased + step) % sectors
            if self._count(GONE, candidate) > gone:
                gone, sector = self._count(GONE, candidate), candidate
        if not gone:
            raise OSError(28)
        first = sector * self._per
        for sequence, slot in list(self._at.items()):
            if slot // self._per == sector:
                content = self.read(sequence)
                self._move(sequence, slot, self._free_slot(sector), content)
                for at in range(len(content)):
                    content[at] = 0
        twins = {slot: of for slot, of in self._twins.items() if slot // self._per != sector}
        self._flash.ioctl(6, sector)
        self._twins = twins
        self._erased = sector
        for slot in range(first, first + self._per):
            self._state[slot] = FREE

    def _move(self, sequence, slot, to, content):
        """Write a content elsewhere and zero it here; raises OSError, and erase() finds both."""
        self._twins[slot] = sequence
        try:
            self._write(to, sequence, content)
        except FAILURES:
            del self._twins[slot]
            raise
        self._erase(slot)
        del self._twins[slot]

    def _free_slot(self, outside):
        """The next free slot in turn, in any sector but one; raises OSError(28) where there is none."""
        count = len(self._state)
        for step in range(count):
            slot = (self._next + step) % count
            if self._state[slot] == FREE and slot // self._per != outside:
                self._next = slot + 1
                return slot
        raise OSError(28)

    def _count(self, state, sector=None):
        states = self._state if sector is None else self._state[sector * self._per : (sector + 1) * self._per]
        return sum(1 for one in states if one == state)

    def _zero(self, start, count):
        zeros, back = bytes(_STEP), bytearray(_STEP)
        if count < _STEP:
            zeros, back = bytes(count), bytearray(count)
        for at in range(start, start + count, _STEP):
            self._flash.writeblocks(at // SECTOR, zeros, at % SECTOR)
            self._flash.readblocks(at // SECTOR, back, at % SECTOR)
            if back != zeros:
                raise OSError(5)

    def _forget_buffer(self):
        for at in range(self._size):
            self._buffer[at] = 0
