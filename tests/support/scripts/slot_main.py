"""The firmware's main.py in an image for tests.

Takes the image that lies in the partition ``parked`` (support/image.py) when the rig says so: ``{"update":
"signed"}`` where it has to be signed. Prints ``UPDATE`` and what came of it, and starts anew.
"""

import asyncio
import struct

import machine
import simctl
from esp32 import Partition

from altgate import app
from protocol import names

PIECE = 1024
_main = app.main


def _parked():
    flash = Partition.find(Partition.TYPE_DATA, label="parked")[0]
    lengths = bytearray(12)
    flash.readblocks(0, lengths)
    parts, at = [], len(lengths)
    for length in struct.unpack("<III", lengths):
        part = bytearray(length)
        flash.readblocks(at // 4096, part, at % 4096)
        parts.append(part)
        at += length
    return parts


async def _update(is_signed_needed):
    from altgate import update

    manifest, signature, rom = _parked()
    new = update.Update(update.running())
    try:
        for _ in new.begin(manifest, signature, is_signed_needed):
            await asyncio.sleep_ms(0)
        for at in range(0, len(rom), PIECE):
            new.write(at, memoryview(rom)[at : at + PIECE])
            await asyncio.sleep_ms(0)
        for _ in new.finish():
            await asyncio.sleep_ms(0)
    except update.Unfit as error:
        print("UPDATE", names.REASONS[error.reason])
        return
    print("UPDATE is taken")
    machine.reset()


async def _wait():
    while True:
        await asyncio.sleep_ms(20)
        if "update" in simctl.config:
            await _update(simctl.config.pop("update") == "signed")


async def _both(door):
    asyncio.create_task(_wait())
    await _main(door)


app.main = _both
app.run()
