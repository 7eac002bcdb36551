"""A board's partition table, read: rows of 32 bytes, ended by the MD5 of these under a mark.

Format: ESP-IDF, "Partition Tables"; it is written by hardware/make_partitions.py.
"""

import hashlib
from dataclasses import dataclass

from altgate.hardware.make_partitions import MAGIC, MD5_MARK, ROW, TABLE_BYTES
from altgate.provision.image import SECTOR, TABLE_AT

__all__ = ["APP", "DATA", "OFFSET", "BYTES", "SECTOR", "Partition", "parse"]
OFFSET, BYTES = TABLE_AT, TABLE_BYTES
APP, DATA = 0, 1


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
    for at in range(0, len(table) - ROW.size + 1, ROW.size):
        row = table[at : at + ROW.size]
        if row.startswith(MD5_MARK):
            return rows if row[len(MD5_MARK) :] == hashlib.md5(table[:at]).digest() else {}
        magic, kind, subtype, offset, size, label, _ = ROW.unpack(row)
        if magic != MAGIC:
            break
        rows[label.rstrip(b"\0").decode("ascii", "replace")] = Partition(kind, subtype, offset, size)
    return {}
