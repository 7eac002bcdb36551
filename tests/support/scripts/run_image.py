"""Mounts the ROMFS image that the board's settings name, and runs the firmware in it."""

import json
import os
import sys

import vfs

with open(os.getenv("ALTGATE_SIM")) as file:
    path = json.load(file)["image"]
# Read into a buffer of its very size: a growing one would leave holes in the heap that is measured.
image = bytearray(os.stat(path)[6])
with open(path, "rb") as file:
    file.readinto(image)
vfs.mount(vfs.VfsRom(image), "/rom")
# The simulated modules come from the image too: source would be compiled on the heap that is measured.
sys.path[:] = ["/rom", ".frozen"]

import main  # noqa: F401
