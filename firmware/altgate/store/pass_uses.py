"""How often each pass or credential with a number of uses has opened this door.

A use is stored before the strike is released. A row is kept until its pass has ended by trusted time, so
a pass cannot be used again after a power cut. Row, 13 bytes: pass id 8, not_after u32 little-endian, used u8.
A credential has 0x80000000 and its number in place of a pass id, whose first bit is 0. The log's summary has
all rows, each other entry one that replaces that of the same pass.
"""

import struct

from altgate.store.log import Log
from protocol import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROW = 13
_SUMMARY, _USE = 1, 2
_ALL = 255
_NO_END = 0xFFFFFFFF


class PassUses:
    """Counts over ``partition`` (esp32.Partition, an even number of sectors)."""

    def __init__(self, partition):
        self._rows = bytearray()
        self.damaged = 0  # entries that were lost
        self._log: Any = None
        try:
            self._log = Log(partition)
            for kind, content in self._log.entries():
                if kind == _SUMMARY:
                    self._rows = content
                else:
                    self._set(content)
            self.damaged = self._log.damaged
        except OSError:
            # Nothing with a number of uses opens; everything else does.
            self._log, self.damaged = None, 1

    def used(self, pass_id):
        """How often this pass has opened this door."""
        at = self._find(pass_id)
        if at < 0:
            # A count may be among what was lost: then a pass that is not known counts as used up.
            return _ALL if self.damaged else 0
        return self._rows[at + 12]

    def count(self, pass_id, not_after, now):
        """Count one more use; on return it is stored. Raises OSError where it cannot be kept."""
        if self._log is None:
            raise OSError(5)
        self._forget_ended(now)
        is_new = self._find(pass_id) < 0
        if is_new and len(self._rows) >= limits.PASSES_IN_USE * ROW:
            raise OSError(28)
        row = pass_id + struct.pack("<IB", not_after, self.used(pass_id) + 1)
        if self._log.room() < ROW:
            self._log.begin(_SUMMARY, self._rows)
        self._log.append(_USE, row)
        self._set(row)

    def used_credential(self, id_):
        """How often this credential has opened this door."""
        return self.used(_key(id_))

    def count_credential(self, id_, not_after, now):
        """As count(), for a credential; ``not_after`` is 0 for one that does not end."""
        self.count(_key(id_), not_after or _NO_END, now)

    def forget_credential(self, id_):
        """It opens nothing any more: its row goes with the next use of another."""
        pass_id = _key(id_)
        if self._log is None or self._find(pass_id) < 0:
            return
        row = pass_id + struct.pack("<IB", 0, _ALL)
        try:
            self._log.append(_USE, row)
            self._set(row)
        except OSError:
            # Then the row stays, and takes the place of another one.
            pass

    def _set(self, row):
        at = self._find(row[:8])
        if at < 0:
            self._rows.extend(row)
        else:
            self._rows[at : at + ROW] = row

    def _forget_ended(self, now):
        kept = bytearray()
        for at in range(0, len(self._rows), ROW):
            if struct.unpack_from("<I", self._rows, at + 8)[0] > now:
                kept.extend(memoryview(self._rows)[at : at + ROW])
        self._rows = kept

    def _find(self, pass_id):
        at = self._rows.find(pass_id)
        while at >= 0 and at % ROW:
            at = self._rows.find(pass_id, at + 1)
        return at


def _key(id_):
    return struct.pack(">II", 0x80000000, id_)
