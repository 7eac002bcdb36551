"""Runs the firmware, and says which modules it holds, and how much memory, once it has settled."""

import asyncio
import gc
import sys

from altgate import app

SETTLED_MS = 1500
run_door = app.main


async def tell():
    await asyncio.sleep_ms(SETTLED_MS)
    gc.collect()
    print("holds %d bytes: %s." % (gc.mem_alloc(), " ".join(sorted(sys.modules))))


async def main(door):
    asyncio.create_task(tell())
    await run_door(door)


app.main = main
import main  # noqa: E402, F401, F811
