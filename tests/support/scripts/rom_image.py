"""Mounts the ROMFS image that the board's settings name, at /rom, and takes every module from there."""

import json
import os
import sys

import vfs

with open(os.getenv("ALTGATE_SIM")) as _file:
    _path = json.load(_file)["image"]
# Read into a buffer of its very size: a growing one would leave holes in the heap that is measured.
image = bytearray(os.stat(_path)[6])
with open(_path, "rb") as _file:
    _file.readinto(image)
vfs.mount(vfs.VfsRom(image), "/rom")
# The simulated modules come from the image too: source would be compiled on the heap that is measured.
sys.path[:] = ["/rom", ".frozen"]
