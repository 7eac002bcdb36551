"""Events, kept until the host has acknowledged them: a ring of 128-byte records in a raw partition.

Record, little-endian: sequence u32, boot u32, time u32, quality u8, kind u8, reason u8, method u8, credential
u32, resident u32, detail u64; epoch u32, place in the epoch u16, 0xFFFF; SHA-256 of the first 104 bytes of
the record before it; HMAC-SHA-256 of the 72 bytes before that; 16 bytes of 0xFF; CRC-32 of all before. The
last 4 bytes are the mark: 0xFFFFFFFF until the host has acknowledged everything up to this record, then
zeroed in place.

The key of the HMAC moves on by a hash with each record, and with each epoch by another one. An epoch begins
at each start and in each sector; the key of the next is stored and that of this one zeroed before its first
record: so whoever reads the flash can forge nothing that is older. The first record of an epoch seals, by the
hash and a key that was never stored beside it, all that came before.

A sector is erased only when all its records are acknowledged. While the ring is full the door keeps
opening: events are counted, through a restart too, and a gap record says how many were lost as soon as there
is room.
"""

import binascii
import hashlib
import struct
from collections import namedtuple

from altgate.crypto.hmac256 import hmac256
from altgate.store.counters import KEY_LOST
from protocol import messages, reasons

RECORD = 128
SECTOR = 4096
PER_SECTOR = SECTOR // RECORD
_HEAD = "<IIIBBBBIIQ"
_HEAD_BYTES = 32
_EPOCH = "<IHH"
_MACED = 72
_CHAINED = 104
_CHECKED = 120
_MARK = 124
_EMPTY = b"\xff" * RECORD
_TRIES = 3
KEY_SLOT = 64
_KEY = "<I32s"

Event = namedtuple(
    "Event",
    ("sequence", "boot", "time", "quality", "kind", "reason", "method", "credential", "resident", "detail"),
)


def unpack(record):
    """The Event in a record, or None where it is no whole one."""
    if binascii.crc32(record[:_CHECKED]) != struct.unpack("<I", record[_CHECKED:_MARK])[0]:
        return None
    return Event(*struct.unpack(_HEAD, record[:_HEAD_BYTES]))


def next_key(key):
    """The key of the record after."""
    return hashlib.sha256(b"altgate/journal/record" + key).digest()


def next_epoch(key):
    """The first key of the epoch after, from the first one of this."""
    return hashlib.sha256(b"altgate/journal/epoch" + key).digest()


class Keys:
    """The first key of the epoch to come, in ``slots`` (vault.slots.Slots of KEY_SLOT bytes)."""

    def __init__(self, slots):
        self._slots = slots

    def set(self, key):
        """Begin with this key and forget every other one; raises OSError."""
        for sequence in self._slots.live():
            self._slots.erase(sequence)
        self._slots.put(struct.pack(_KEY, 1, key))

    def begin(self):
        """``(epoch, its first key)``, after that of the next was stored and this one zeroed.

        None where there is none yet; raises OSError where the flash refuses.
        """
        live = self._slots.live()
        if not live:
            return None
        epoch, key = struct.unpack(_KEY, self._slots.read(live[-1]))
        self._slots.put(struct.pack(_KEY, epoch + 1, next_epoch(key)))
        for sequence in live:
            self._slots.erase(sequence)
        return epoch, key


class Journal:
    """The ring over ``partition`` (esp32.Partition of whole sectors). keys: Keys, or None for a board that
    has none; its records carry no code. numbers: counters.Counters, for how many events were lost."""

    def __init__(self, partition, keys, numbers):
        self._flash = partition
        self._keys = keys
        self._numbers = numbers
        self._slots = partition.info()[3] // RECORD
        self._buffer = bytearray(RECORD)
        self.head = 0  # newest sequence number, 0 for none
        self.acknowledged = 0
        self.bad = 0  # records that did not read back, or sectors whose key did not move on
        self._lost = numbers.get(KEY_LOST)
        self._slot = 0  # where the next record goes
        self._before = bytes(32)  # hash of the newest record
        self._epoch, self._place, self._key = 0, 0, b""
        self._find_head()
        self._begin_epoch()

    @property
    def damaged(self):
        """Records and counters that did not check; among these are counters that a cut left half-written."""
        return self.bad + self._numbers.bad_entries

    def append(
        self, boot, time, quality, kind, reason=reasons.NONE, method=0, credential=0, resident=0, detail=0
    ):
        """Keep an event; returns its sequence number, or 0 where the ring is full and it counts as lost.

        Raises OSError where it could not be written in several places.
        """
        if self._lost and self._has_room(2):
            self._write(boot, time, quality, messages.KIND_GAP, reasons.NONE, 0, 0, 0, self._lost)
            self._keep_lost(0)
        if self._lost or not self._has_room(1):
            self._keep_lost(self._lost + 1)
            return 0
        return self._write(boot, time, quality, kind, reason, method, credential, resident, detail)

    def read(self, sequence):
        """The Event of this number, or None where it is not there or does not check."""
        if not 0 < sequence <= self.head or self.head - sequence >= self._slots:
            return None
        slot = (self._slot - 1 - (self.head - sequence)) % self._slots
        self._read(slot)
        event = unpack(self._buffer)
        return event if event and event.sequence == sequence else None

    def acknowledge(self, sequence):
        """Everything up to this number is kept by the host; older or unknown numbers change nothing."""
        if not self.acknowledged < sequence <= self.head:
            return
        slot = (self._slot - 1 - (self.head - sequence)) % self._slots
        self._flash.writeblocks(slot // PER_SECTOR, b"\0\0\0\0", slot % PER_SECTOR * RECORD + _MARK)
        self.acknowledged = sequence

    def _keep_lost(self, count):
        self._lost = count
        try:
            self._numbers.put(KEY_LOST, count)
        except OSError:
            # A worn page of counters must not stop the door: what a restart forgets then is this count.
            self.bad += 1

    def _has_room(self, count):
        # The sector that would be erased next must hold nothing that is still owed to the host.
        used = self.head - self.acknowledged
        return used + count <= self._slots - PER_SECTOR

    def _write(self, *event):
        for _ in range(_TRIES):
            slot, sequence = self._slot, self.head + 1
            if slot % PER_SECTOR == 0:
                self._flash.ioctl(6, slot // PER_SECTOR)
                self._begin_epoch()
            record = self._record(sequence, event)
            # All that takes memory comes before the flash changes: what follows must fit what lies there.
            before = hashlib.sha256(memoryview(record)[:_CHAINED]).digest()
            key = self._key and next_key(self._key)
            # The mark is another's matter: a record that checks must be one that the next follows.
            wrote, back = memoryview(record)[:_MARK], memoryview(self._buffer)[:_MARK]
            self._flash.writeblocks(slot // PER_SECTOR, record, slot % PER_SECTOR * RECORD)
            self._slot = (slot + 1) % self._slots
            self.head = sequence
            self._read(slot)
            if back == wrote:
                self._before, self._key, self._place = before, key, self._place + 1
                return sequence
            # Worn here: the number is spent, the host is told of a gap of one, and the next place is tried.
            self.bad += 1
        raise OSError(5)

    def _record(self, sequence, event):
        record = bytearray(_EMPTY)
        struct.pack_into(_HEAD, record, 0, sequence, *event)
        struct.pack_into(_EPOCH, record, _HEAD_BYTES, self._epoch, self._place, 0xFFFF)
        record[40:_MACED] = self._before
        if self._key:
            record[_MACED:_CHAINED] = hmac256(self._key, bytes(memoryview(record)[:_MACED]))
        struct.pack_into("<I", record, _CHECKED, binascii.crc32(memoryview(record)[:_CHECKED]))
        return record

    def _begin_epoch(self):
        try:
            begun = self._keys and self._keys.begin()
        except OSError:
            # The page of keys is worn: the key moves on in RAM, as it does anyway, or there is none.
            self.bad += 1
            if not self._key:
                self._epoch = 0
            return
        if begun:
            self._epoch, self._key = begun
            self._place = 0
        elif self._epoch and not self._key:
            # The key was there and is not any more: from here on records carry no code.
            self.bad, self._epoch = self.bad + 1, 0

    def _read(self, slot):
        self._flash.readblocks(slot // PER_SECTOR, self._buffer, slot % PER_SECTOR * RECORD)

    def _find_head(self):
        newest = None
        for slot in range(0, self._slots, PER_SECTOR):
            event = self._first_good(slot)
            if event and event[1] > self.head:
                self.head, newest = event[1], slot
        if newest is not None:
            self._find_newest(newest)
        if self._slot % PER_SECTOR == 0:
            # A sector of which only the first record was written, and that one is spoiled.
            self._read(self._slot)
            is_spoiled = self._buffer != _EMPTY and not unpack(self._buffer)
            self._read(self._slot + 1)
            if is_spoiled and self._buffer == _EMPTY:
                self.head, self._slot = self.head + 1, self._slot + 1
        self._find_before()
        self._find_acknowledged()

    def _find_newest(self, first):
        self._slot = first
        self.head -= 1
        for slot in range(first, first + PER_SECTOR):
            self._read(slot)
            if self._buffer == _EMPTY:
                break
            event = unpack(self._buffer)
            # A record cut short keeps its place: the number is spent, and the host sees the gap.
            self.head = event.sequence if event else self.head + 1
            self._slot = (slot + 1) % self._slots

    def _first_good(self, first):
        for slot in range(first, first + PER_SECTOR):
            self._read(slot)
            if self._buffer == _EMPTY:
                return None
            event = unpack(self._buffer)
            if event:
                return slot, event.sequence - (slot - first)
        return None

    def _find_before(self):
        """The hash of the newest record that checks."""
        for back in range(min(self.head, self._slots)):
            self._read((self._slot - 1 - back) % self._slots)
            if unpack(self._buffer):
                self._before = hashlib.sha256(memoryview(self._buffer)[:_CHAINED]).digest()
                self._epoch = struct.unpack_from(_EPOCH, self._buffer, _HEAD_BYTES)[0]
                return

    def _find_acknowledged(self):
        for back in range(min(self.head, self._slots)):
            self._read((self._slot - 1 - back) % self._slots)
            if self._buffer[_MARK:] == b"\0\0\0\0":
                self.acknowledged = self.head - back
                return
