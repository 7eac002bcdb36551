"""Mounts the ROMFS image that the board's settings name, and runs the firmware in it."""

import json
import os
import sys

import vfs

with open(os.getenv("ALTGATE_SIM")) as file:
    path = json.load(file)["image"]
with open(path, "rb") as file:
    vfs.mount(vfs.VfsRom(file.read()), "/rom")
# The simulated modules come from the image too: source would be compiled on the heap that is measured.
sys.path[:] = ["/rom", ".frozen"]

import main  # noqa: F401
