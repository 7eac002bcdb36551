"""Files on the door's littlefs: whole or not at all, and checked when read.

A file is its content and a CRC-32 (little-endian) of it. It is written beside the old one and renamed over
it; measured with a power cut at every flash operation, the result is always the old or the new one.
"""

import binascii
import os
import struct

# Code lives elsewhere (frozen, or on the partition that the interpreter mounts itself).
ROOT = "/data"


class Damaged(Exception):
    """The file is there but does not check."""


def read(path, most):
    """The content, at most ``most`` bytes; None where there is no file; raises Damaged."""
    try:
        size = os.stat(path)[6]
    except OSError:
        return None
    if not 4 <= size <= most + 4:
        raise Damaged(path)
    # littlefs over a Python block device must not be left for the collector to close.
    with open(path, "rb") as file:
        data = file.read()
    if binascii.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise Damaged(path)
    return data[:-4]


def write(path, content):
    """Replace the file; raises OSError where the flash refuses, and the old content stays."""
    temporary = path + ".new"
    with open(temporary, "wb") as file:
        file.write(content)
        file.write(struct.pack("<I", binascii.crc32(content)))
    try:
        is_whole = read(temporary, len(content)) == content
    except Damaged:
        is_whole = False
    if not is_whole:
        raise OSError(5)
    os.rename(temporary, path)
