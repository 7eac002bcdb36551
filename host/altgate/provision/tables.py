"""A board's partition table, read: rows of 32 bytes, ended by the MD5 of these under a mark.

Format: ESP-IDF, "Partition Tables". Shapes: the table lies at 0x8000 and has 0xC00 bytes.
"""

import hashlib
import struct
from dataclasses import dataclass

OFFSET, BYTES = 0x8000, 0xC00
SECTOR = 0x1000
APP, DATA = 0, 1
_ROW = struct.Struct("<2sBBLL16sL")
_MAGIC, _MARK = b"\xaa\x50", b"\xeb\xeb" + b"\xff" * 14


@dataclass(frozen=True)
class Partition:
    """One row; ``kind``: APP or DATA, ``offset`` and ``size`` in bytes."""

    kind: int
    subtype: int
    offset: int
    size: int


def parse(table: bytes) -> dict[str, Partition]:
    """Label to partition; empty where these bytes are no whole table."""
    rows: dict[str, Partition] = {}
    for at in range(0, len(table) - _ROW.size + 1, _ROW.size):
        row = table[at : at + _ROW.size]
        if row.startswith(_MARK):
            return rows if row[len(_MARK) :] == hashlib.md5(table[:at]).digest() else {}
        magic, kind, subtype, offset, size, label, _ = _ROW.unpack(row)
        if magic != _MAGIC:
            break
        rows[label.rstrip(b"\0").decode("ascii", "replace")] = Partition(kind, subtype, offset, size)
    return {}
