"""How often each pass with a number of uses has opened this door.

A use is stored before the strike is released. A row is kept until its pass has ended by trusted time, so
a pass cannot be used again after a power cut. Row, 13 bytes: pass id 8, not_after u32 little-endian, used u8.
"""

import struct

from altgate.store import files
from protocol import limits

PATH = files.ROOT + "/passes.bin"
ROW = 13
_MOST = limits.PASSES_IN_USE * ROW


class PassUses:
    """Counts over one small file."""

    def __init__(self, path=PATH):
        self._path = path
        self._rows = files.read(path, _MOST) or b""

    def used(self, pass_id):
        """How often this pass has opened this door."""
        at = self._find(pass_id)
        return self._rows[at + 12] if at >= 0 else 0

    def count(self, pass_id, not_after, now):
        """Count one more use; on return it is stored. Raises OSError where it cannot be kept."""
        used = self.used(pass_id) + 1
        rows = bytearray()
        for at in range(0, len(self._rows), ROW):
            row = self._rows[at : at + ROW]
            if row[:8] != pass_id and struct.unpack("<I", row[8:12])[0] > now:
                rows.extend(row)
        if len(rows) >= _MOST:
            raise OSError(28)
        rows.extend(pass_id + struct.pack("<IB", not_after, used))
        files.write(self._path, rows)
        self._rows = bytes(rows)

    def _find(self, pass_id):
        at = self._rows.find(pass_id)
        while at >= 0 and at % ROW:
            at = self._rows.find(pass_id, at + 1)
        return at
