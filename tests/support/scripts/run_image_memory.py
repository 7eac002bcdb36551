"""Runs the firmware from its image and tells how much heap is in use: ``MEM bytes`` at each new highest.

The heap is collected before each look, so that what is told is in use and not garbage. It begins
anew with every key that is pressed, so each figure belongs to what was done since.
"""

import asyncio
import gc

import rom_image  # noqa: F401

LOOK_MS = 4


async def _look():
    highest = shown = 0
    while True:
        gc.collect()
        highest = max(highest, gc.mem_alloc())
        if highest > shown + 256:
            shown = highest
            print("MEM", shown)
        await asyncio.sleep_ms(LOOK_MS)
        if _begin:
            _begin.clear()
            highest = shown = 0


_begin = []

from altgate import app

_main, _feedback = app.main, app.Signals.key


async def _watched(door):
    asyncio.create_task(_look())
    await _main(door)


def _key(signals):
    _begin.append(True)
    _feedback(signals)


app.main, app.Signals.key = _watched, _key

import main  # noqa: F401
