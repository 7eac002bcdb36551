"""Mounts a ROMFS image at /rom and runs the job that is in it. Argument: path of the image."""

import os
import sys

import vfs

# Read into a buffer of its very size: a growing one would leave holes in the heap that is measured.
image = bytearray(os.stat(sys.argv[1])[6])
with open(sys.argv[1], "rb") as _file:
    _file.readinto(image)
vfs.mount(vfs.VfsRom(image), "/rom")
sys.path[:] = ["/rom", ".frozen"]

import job  # noqa: F401
