"""Who may enter: a hash table in a raw partition, one bucket a sector, of slots that are written once.

Sector, little-endian: magic u32, generation u32, bucket u32, CRC-32 of these; then PER_BUCKET slots of 48
bytes: tag 16, id u32, resident u32, household u32, not_before u32, not_after u32, unit u32, type and rule u8
(low and high half), schedule u8, uses u16, and a CRC-32 of all before that goes on from the generation. A
slot is free (all 0xFF), live (it checks) or gone (anything else; zeroed when it was taken back). Each key has
two buckets, and goes where more is free, so that a lookup reads two sectors at most. What is of an older
generation does not check any more: so the whole table is emptied at once, and its sectors are erased as they
are needed.

The last SCRATCHES sectors hold a bucket while it is compacted, under a magic of their own, so that a cut
leaves it there or here.
"""

import binascii
import struct

from protocol import messages

SECTOR = 4096
HEAD = 16
SLOT = 48
PER_BUCKET = (SECTOR - HEAD) // SLOT
SCRATCHES = 4
_MAGIC = 0x31544741  # "AGT1"
_SCRATCH = 0x31534741  # "AGS1"
_FORMAT = "<16sIIIIIIBBH"
ROW = SLOT - 4
_FREE = b"\xff" * SLOT
_UNIT_AT = 36
ANY_ID = 0xFFFFFFFF
EMPTY = (0, HEAD, b"")  # the step that begins a generation in which there is nobody
_BLANK_CHECK = 0xF154670A  # of a sector that is all 0xFF
_BLANK, _STALE, _GOOD = 0, 1, 2


class Full(Exception):
    """Both buckets of a key are full of credentials that are in force."""


class _Crowded(Exception):
    """There is room in this bucket once it is compacted."""


def row(tag, id_, resident, household, not_before, not_after, unit, type_, rule, schedule, uses):
    """A credential's 44 bytes."""
    return struct.pack(
        _FORMAT, tag, id_, resident, household, not_before, not_after, unit, type_ | rule << 4, schedule, uses
    )


def fields(packed):
    """What row() was given."""
    values = struct.unpack_from(_FORMAT, packed)
    return values[:7] + (values[7] & 15, values[7] >> 4) + values[8:]


class Table:
    """Over ``partition`` (esp32.Partition); ``generation``: of the credentials in force, or 0 where that is
    not known: then the newest that is there, and still 0 where there is none."""

    def __init__(self, partition, generation):
        self._flash = partition
        self._buckets = partition.ioctl(4, 0) - SCRATCHES
        self._buffer = bytearray(SECTOR)
        self._scratch = 0
        self.generation = generation
        self.bad = 0  # slots and sectors that do not check, each time they are met
        # (bucket, place) of slots that are to be zeroed, as long as they are not. Not a set: MicroPython's is
        # broken once it found no memory to grow, and its dict is not.
        self._dead = {}
        self._is_unfinished = True  # whether a scratch sector may hold a bucket
        self._load(0)  # a flash that does not answer at all is for the caller
        if not generation:
            self.generation = self._newest()
        try:
            self._finish_compaction()
        except OSError:
            # Worn: lookups go on, and nothing changes before it is done.
            self.bad += 1

    def find(self, type_, tag, unit):
        """fields() of the credential of this type and tag, or None; ``unit`` counts for a PIN only."""
        for bucket in self._pair(type_, tag, unit):
            if self._load(bucket) == _GOOD:
                at = self._search(type_, tag)
                while at and (bucket, at) in self._dead:
                    at = self._search(type_, tag, at + SLOT)
                if at:
                    return fields(memoryview(self._buffer)[at : at + SLOT])
        return None

    def has_unit(self, unit):
        """Whether there is a PIN of this unit."""
        wanted = struct.pack("<I", unit)
        for bucket in self._pair(messages.TYPE_PIN, b"", unit):
            if self._load(bucket) != _GOOD:
                continue
            at = self._buffer.find(wanted)
            while at >= 0:
                start = at - _UNIT_AT
                if start >= HEAD and (start - HEAD) % SLOT == 0 and self._is_live(start):
                    if self._buffer[start + 40] & 15 == messages.TYPE_PIN:
                        return True
                at = self._buffer.find(wanted, at + 1)
        return False

    def plan(self, puts, deletes):
        """The steps, each a tuple for do(), that bring these rows in and take these keys out: bucket, place,
        and the slot to write, or the id of the credential to zero.

        puts: credentials as row() makes them; deletes: (type, unit, id or ANY_ID, tag). Rows that are there
        already take no step, so a plan can be made again after a cut. Changes nothing but where slots lie;
        raises Full, OSError.
        """
        self._finish_compaction()
        while True:
            try:
                return self._planned(puts, deletes)
            except _Crowded as error:
                self._compact(error.args[0])

    def do(self, step):
        """Carry out one step of a plan; raises OSError where the flash refuses, and the rest must be planned
        anew."""
        bucket, at, slot = step
        if type(slot) is int:
            self._zero(bucket, at)
        else:
            self._put(bucket, at, slot)

    def _planned(self, puts, deletes):
        steps, zeros, taken = [], [], {}
        for packed in puts:
            values = fields(packed)
            slot = packed + struct.pack("<I", binascii.crc32(packed, self.generation))
            buckets = self._pair(values[7], values[0], values[6])
            found = [self._met(bucket, values, slot, zeros, taken.get(bucket, 0)) for bucket in buckets]
            if any(is_there for _, _, is_there in found):
                continue
            used, bucket = self._roomiest(buckets, found, taken)
            taken[bucket] = taken.get(bucket, 0) + 1
            steps.append((bucket, HEAD + used * SLOT, slot))
        for type_, unit, id_, tag in deletes:
            for bucket in self._pair(type_, tag, unit):
                at = self._search(type_, tag) if self._load(bucket) == _GOOD else 0
                while at:
                    if id_ in (ANY_ID, self._id(at)):
                        zeros.append((bucket, at, self._id(at)))
                    at = self._search(type_, tag, at + SLOT)
        return steps + zeros

    def _met(self, bucket, values, slot, zeros, more):
        """``(slots used, slots live, whether it is there)``; what else has its key goes to ``zeros``.

        more: slots that the plan takes already.
        """
        if self._load(bucket) != _GOOD:
            return 0, 0, False
        fill, is_there, cut_short = self._fill(), False, []
        # To the end: behind a slot that only looks taken others may stand.
        at = self._search(values[7], values[0], HEAD, cut_short)
        while at:
            if self._buffer[at : at + SLOT] == slot and not is_there:
                is_there = True
            else:
                zeros.append((bucket, at, self._id(at)))
            at = self._search(values[7], values[0], at + SLOT, cut_short)
        zeros.extend([(bucket, at, 0) for at in cut_short])
        # Counted only where it matters: it takes a look at every slot.
        return fill, self._live() if fill + more >= PER_BUCKET else fill, is_there

    @staticmethod
    def _roomiest(buckets, found, taken):
        """``(slots used, bucket)`` of where most is free; raises _Crowded, Full."""
        rooms = sorted([(found[n][0] + taken.get(buckets[n], 0), buckets[n], found[n][1]) for n in (0, 1)])
        if rooms[0][0] < PER_BUCKET:
            return rooms[0][:2]
        for _, bucket, live in rooms:
            if live + taken.get(bucket, 0) < PER_BUCKET:
                raise _Crowded(bucket)
        raise Full

    def _put(self, bucket, at, slot):
        """Write a slot; the first of a sector brings the sector's head with it."""
        data, start = slot, at
        if at == HEAD:
            state = self._load(bucket)
            if state != _GOOD:
                if state == _STALE:
                    self._flash.ioctl(6, bucket)
                data, start = self._head(_MAGIC, bucket) + slot, 0
        self._flash.writeblocks(bucket, data, start)
        back = bytearray(len(data))
        self._flash.readblocks(bucket, back, start)
        if back != data:
            raise OSError(5)
        # What was to be zeroed there is of an older generation.
        self._dead.pop((bucket, at), None)

    def _zero(self, bucket, at):
        # From here on it opens nothing, whatever the flash does.
        self._dead[bucket, at] = True
        self._flash.writeblocks(bucket, bytes(SLOT), at)
        self._load(bucket)
        if self._is_live(at):
            # Worn: the sector is written anew without it. What else was planned lies elsewhere now.
            self._compact(bucket, at)
            raise OSError(5)
        self._dead.pop((bucket, at))

    def _pair(self, type_, tag, unit):
        """The two buckets of a key; all PINs of a unit share theirs, so that a unit can be looked up."""
        if type_ == messages.TYPE_PIN:
            name = struct.pack("<I", unit)
            first, second = binascii.crc32(name), binascii.crc32(name, 1)
        else:
            first, second = struct.unpack_from("<II", tag)
        first %= self._buckets
        return first, (first + 1 + second % (self._buckets - 1)) % self._buckets

    def _load(self, bucket):
        """Read a bucket's sector; whether it is _GOOD, _BLANK, or _STALE: to be erased before it is used."""
        buffer = self._buffer
        self._flash.readblocks(bucket, buffer)
        magic, generation, number, check = struct.unpack_from("<IIII", buffer)
        if magic == _MAGIC and binascii.crc32(memoryview(buffer)[:12]) == check:
            if generation == self.generation and number == bucket:
                return _GOOD
            if generation < self.generation:
                return _STALE
        if magic == 0xFFFFFFFF and binascii.crc32(buffer) == _BLANK_CHECK:
            return _BLANK
        if not self._live():
            return _STALE
        # Only the head is spoiled: what checks in there is in force.
        self.bad += 1
        return _GOOD

    def _newest(self):
        newest, head = 0, bytearray(HEAD)
        for bucket in range(self._buckets):
            self._flash.readblocks(bucket, head)
            magic, generation, _, check = struct.unpack("<IIII", head)
            if magic == _MAGIC and binascii.crc32(memoryview(head)[:12]) == check and generation > newest:
                newest = generation
        return newest

    def _head(self, magic, bucket):
        head = struct.pack("<III", magic, self.generation, bucket)
        return head + struct.pack("<I", binascii.crc32(head))

    def _is_live(self, at):
        check = binascii.crc32(memoryview(self._buffer)[at : at + ROW], self.generation)
        return check == struct.unpack_from("<I", self._buffer, at + ROW)[0]

    def _search(self, type_, tag, start=HEAD, cut_short=None):
        """Where a live slot of this key lies in the buffer, from ``start`` on; 0 for nowhere.

        Slots with this tag that do not check are put into ``cut_short``, or counted where there is none.
        """
        buffer = self._buffer
        at = buffer.find(tag, start)
        while at >= 0:
            if (at - HEAD) % SLOT == 0:
                if not self._is_live(at):
                    if cut_short is None:
                        self.bad += 1
                    else:
                        cut_short.append(at)
                elif buffer[at + 40] & 15 == type_:
                    return at
            at = buffer.find(tag, at + 1)
        return 0

    def _id(self, at):
        return struct.unpack_from("<I", self._buffer, at + 16)[0]

    def _fill(self):
        """How many slots of the buffer are not free: those that are follow one another to the end."""
        low, high = 0, PER_BUCKET
        view = memoryview(self._buffer)
        while low < high:
            middle = (low + high) // 2
            start = HEAD + middle * SLOT
            if view[start : start + SLOT] == _FREE:
                high = middle
            else:
                low = middle + 1
        return low

    def _live(self):
        return sum(1 for at in range(HEAD, SECTOR - SLOT + 1, SLOT) if self._is_live(at))

    def _compact(self, bucket, without=0):
        """Write a bucket's sector anew with its live slots only, but for the one at ``without``."""
        buffer = self._buffer
        self._load(bucket)
        to = HEAD
        for at in range(HEAD, SECTOR - SLOT + 1, SLOT):
            if at != without and self._is_live(at):
                buffer[to : to + SLOT] = buffer[at : at + SLOT]
                to += SLOT
        for at in range(to, SECTOR):
            buffer[at] = 0xFF
        sector = self._buckets + self._scratch
        self._scratch = (self._scratch + 1) % SCRATCHES
        # The head goes last, with a check over everything: from then on the old sector may go.
        check = binascii.crc32(memoryview(buffer)[HEAD:])
        head = struct.pack("<III", _SCRATCH, bucket, check)
        self._flash.ioctl(6, sector)
        self._flash.writeblocks(sector, memoryview(buffer)[HEAD:], HEAD)
        self._is_unfinished = True
        self._flash.writeblocks(sector, head + struct.pack("<I", binascii.crc32(head)), 0)
        self._replace(bucket, sector)
        self._is_unfinished = False

    def _replace(self, bucket, sector):
        """Put what is in the buffer into a bucket, and let go of the scratch sector that has it too."""
        buffer = self._buffer
        buffer[:HEAD] = self._head(_MAGIC, bucket)
        self._flash.ioctl(6, bucket)
        self._flash.writeblocks(bucket, buffer, 0)
        check = binascii.crc32(buffer)
        self._flash.readblocks(bucket, buffer)
        if binascii.crc32(buffer) != check:
            raise OSError(5)
        self._dead = {one: True for one in self._dead if one[0] != bucket}
        self._flash.writeblocks(sector, bytes(HEAD), 0)
        head = bytearray(HEAD)
        self._flash.readblocks(sector, head)
        if head != bytes(HEAD):
            # A scratch sector that stayed would bring back, at each start, what was taken out since.
            self._flash.ioctl(6, sector)
            self._flash.readblocks(sector, head)
            if head != b"\xff" * HEAD:
                raise OSError(5)

    def _finish_compaction(self):
        """A bucket that was being written anew when power or flash failed is in a scratch sector.

        Before that is done nothing in the table may change; raises OSError.
        """
        if not self._is_unfinished:
            return
        buffer = self._buffer
        for number in range(SCRATCHES):
            sector = self._buckets + number
            self._flash.readblocks(sector, buffer)
            magic, bucket, check, head_check = struct.unpack_from("<IIII", buffer)
            if magic != _SCRATCH or binascii.crc32(memoryview(buffer)[:12]) != head_check:
                continue
            if bucket < self._buckets and binascii.crc32(memoryview(buffer)[HEAD:]) == check:
                self._replace(bucket, sector)
        self._is_unfinished = False
