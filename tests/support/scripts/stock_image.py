"""Starts as a stock MicroPython image does, with the simulated board's modules from a ROMFS image."""

import json
import os
import sys

import vfs

with open(os.getenv("ALTGATE_SIM")) as _file:
    _path = json.load(_file)["image"]
_image = bytearray(os.stat(_path)[6])
with open(_path, "rb") as _file:
    _file.readinto(_image)
vfs.mount(vfs.VfsRom(_image), "/pc")
sys.path[:] = ["/pc", ".frozen"]

import stock  # noqa: F401
