"""Runs the firmware with a line that is closed after 4 s of silence, and deaf to strangers for 300 ms.

It tells what it has loaded for the line, ``ROOMS names``, at each change, and ``HEAP bytes in use`` twice a
second.
"""

import asyncio
import gc
import sys

from altgate import app, rooms
from protocol import service

LOOK_MS = 20

service.SILENCE_S, app.DEAF_MS = 4, 300
_main, _forget = app.main, rooms.forget


def _keep_numbers(*names):
    # These would come back as they were.
    _forget(*[name for name in names if name != "protocol.service"])


rooms.forget = _keep_numbers


async def _look():
    said, looks = None, 0
    while True:
        rooms = " ".join(sorted(name for name in sys.modules if name.startswith("altgate.console.")))
        if rooms != said:
            said = rooms
            print("ROOMS", rooms)
        looks += 1
        if looks % 25 == 0:
            gc.collect()
            print("HEAP", gc.mem_alloc())
        await asyncio.sleep_ms(LOOK_MS)


async def _watched(door):
    asyncio.create_task(_look())
    await _main(door)


app.main = _watched

import main  # noqa: F401
