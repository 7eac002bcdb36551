"""Events, kept until the host has acknowledged them: a ring of 64-byte records in a raw partition.

Record, little-endian: sequence u32, boot u32, time u32, quality u8, kind u8, reason u8, method u8,
credential u32, resident u32, detail u64, 24 bytes of 0xFF, CRC-32 of all before; the last 4 bytes are the
mark: 0xFFFFFFFF until the host has acknowledged everything up to this record, then zeroed in place.

A sector is erased only when all its records are acknowledged. While the ring is full the door keeps
opening: events are counted, and a gap record says how many were lost as soon as there is room.
"""

import binascii
import struct
from collections import namedtuple

from protocol import messages, reasons

RECORD = 64
SECTOR = 4096
PER_SECTOR = SECTOR // RECORD
_HEAD = "<IIIBBBBIIQ"
_HEAD_BYTES = 32
_EMPTY = b"\xff" * RECORD

Event = namedtuple(
    "Event",
    ("sequence", "boot", "time", "quality", "kind", "reason", "method", "credential", "resident", "detail"),
)


def unpack(record):
    """The Event in 64 bytes, or None where they hold no whole record."""
    if binascii.crc32(record[:56]) != struct.unpack("<I", record[56:60])[0]:
        return None
    return Event(*struct.unpack(_HEAD, record[:_HEAD_BYTES]))


class Journal:
    """The ring over ``partition`` (esp32.Partition of whole sectors)."""

    def __init__(self, partition):
        self._flash = partition
        self._slots = partition.info()[3] // RECORD
        self._buffer = bytearray(RECORD)
        self.head = 0  # newest sequence number, 0 for none
        self.acknowledged = 0
        self._lost = 0
        self._slot = 0  # where the next record goes
        self._find_head()

    def append(
        self, boot, time, quality, kind, reason=reasons.NONE, method=0, credential=0, resident=0, detail=0
    ):
        """Keep an event; returns its sequence number, or 0 where the ring is full and it counts as lost."""
        if self._lost and self._has_room(2):
            lost, self._lost = self._lost, 0
            self._write(boot, time, quality, messages.KIND_GAP, reasons.NONE, 0, 0, 0, lost)
        if self._lost or not self._has_room(1):
            self._lost += 1
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
        self._flash.writeblocks(slot // PER_SECTOR, b"\0\0\0\0", slot % PER_SECTOR * RECORD + 60)
        self.acknowledged = sequence

    def _has_room(self, count):
        # The sector that would be erased next must hold nothing that is still owed to the host.
        used = self.head - self.acknowledged
        return used + count <= self._slots - PER_SECTOR

    def _write(self, boot, time, quality, kind, reason, method, credential, resident, detail):
        sequence = self.head + 1
        if self._slot % PER_SECTOR == 0:
            self._flash.ioctl(6, self._slot // PER_SECTOR)
        head = struct.pack(
            _HEAD, sequence, boot, time, quality, kind, reason, method, credential, resident, detail
        )
        body = head + b"\xff" * 24
        record = body + struct.pack("<I", binascii.crc32(body))
        self._flash.writeblocks(self._slot // PER_SECTOR, record, self._slot % PER_SECTOR * RECORD)
        self._slot = (self._slot + 1) % self._slots
        self.head = sequence
        return sequence

    def _read(self, slot):
        self._flash.readblocks(slot // PER_SECTOR, self._buffer, slot % PER_SECTOR * RECORD)

    def _find_head(self):
        newest = None
        for slot in range(0, self._slots, PER_SECTOR):
            event = self._first_good(slot)
            if event and event[1] > self.head:
                self.head, newest = event[1], slot
        if newest is None:
            return
        self._slot = newest
        self.head -= 1
        for slot in range(newest, newest + PER_SECTOR):
            self._read(slot)
            if self._buffer == _EMPTY:
                break
            event = unpack(self._buffer)
            # A record cut short keeps its place: the number is spent, and the host sees the gap.
            self.head = event.sequence if event else self.head + 1
            self._slot = (slot + 1) % self._slots
        self._find_acknowledged()

    def _first_good(self, first):
        for slot in range(first, first + PER_SECTOR):
            self._read(slot)
            if self._buffer == _EMPTY:
                return None
            event = unpack(self._buffer)
            if event:
                return slot, event.sequence - (slot - first)
        return None

    def _find_acknowledged(self):
        for back in range(min(self.head, self._slots)):
            self._read((self._slot - 1 - back) % self._slots)
            if self._buffer[60:64] == b"\0\0\0\0":
                self.acknowledged = self.head - back
                return
