"""Write a board's partition table from flash.toml: as ESP-IDF's CSV, or as what is flashed at 0x8000.

    python hardware/make_partitions.py mb16 table.csv
    python hardware/make_partitions.py mb16 table.bin

Also imported, by what makes a board's whole image (host/altgate/provision/image.py).
Format: ESP-IDF, "Partition Tables"; rows of 32 bytes, then the MD5 of these under a mark, then 0xFF.
"""

import hashlib
import struct
import sys
import tomllib
from pathlib import Path
from typing import Any

FLASH = Path(__file__).resolve().parent / "flash.toml"
TABLE_BYTES = 0xC00
ROW = struct.Struct("<2sBBLL16sL")
MAGIC, MD5_MARK = b"\xaa\x50", b"\xeb\xeb" + b"\xff" * 14
ENDINGS = (".csv", ".bin")
ENCRYPTED = 1  # a row's flag; a board without flash encryption does not mind it
Partitions = dict[str, list[int]]


def flash_map() -> dict[str, Any]:
    """flash.toml as it is: ``boards`` by size, ``encrypted``, ``table``."""
    return tomllib.loads(FLASH.read_text(encoding="utf-8"))


def csv(partitions: Partitions, encrypted: list[str]) -> str:
    """The table as text for ESP-IDF's own tools."""
    rows = (
        f"{label},{('app', 'data')[kind]},{subtype:#04x},{offset:#x},{size:#x},"
        f"{'encrypted' if label in encrypted else ''}"
        for label, (kind, subtype, offset, size) in partitions.items()
    )
    return "# Name,Type,SubType,Offset,Size,Flags\n" + "".join(f"{row}\n" for row in rows)


def binary(partitions: Partitions, encrypted: list[str]) -> bytes:
    """The table as it lies in the flash at 0x8000."""
    rows = b"".join(
        ROW.pack(MAGIC, kind, subtype, offset, size, label.encode(), ENCRYPTED if label in encrypted else 0)
        for label, (kind, subtype, offset, size) in partitions.items()
    )
    return (rows + MD5_MARK + hashlib.md5(rows).digest()).ljust(TABLE_BYTES, b"\xff")


def main(arguments: list[str]) -> int:
    """Write one file; returns the exit code."""
    flash = flash_map()
    boards, encrypted = flash["boards"], flash["encrypted"]
    if len(arguments) != 2 or arguments[0] not in boards or not arguments[1].endswith(ENDINGS):
        ends = " or ".join(ENDINGS)
        print(f"Give one of {', '.join(boards)} and a file that ends with {ends}.", file=sys.stderr)
        return 2
    partitions, target = boards[arguments[0]]["partitions"], Path(arguments[1])
    try:
        if target.suffix == ".csv":
            target.write_text(csv(partitions, encrypted), encoding="utf-8")
        else:
            target.write_bytes(binary(partitions, encrypted))
    except OSError as error:
        print(f"{target} cannot be written ({error.strerror}): choose another name.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
