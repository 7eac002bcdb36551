"""The firmware's main.py for the bench: says ``FREE bytes`` of its heap once the door is ready."""

import asyncio
import gc

import micropython

micropython.kbd_intr(-1)
gc.threshold(4096)

from altgate import app

_main = app.main


async def _look():
    await asyncio.sleep_ms(500)
    gc.collect()
    print("FREE", gc.mem_free())


async def _both(door):
    asyncio.create_task(_look())
    await _main(door)


app.main = _both
app.run()
