"""What every way in has in common: it waits, makes claims, and an error in it never ends it."""

import asyncio
import gc

PAUSE_MS = 500


class Channel:
    """A way in. ``submit(claim)`` is awaited for each claim; ``failed(name, error)`` is told of errors."""

    name = "channel"

    def __init__(self, submit, failed):
        self.submit = submit
        self._failed = failed
        self.is_claiming = False  # somebody has begun to show what lets them in

    async def start(self):
        """Set up the hardware; raises on failure and is then called again."""

    async def claim(self):
        """Wait for the next Claim."""
        raise NotImplementedError  # abstract

    async def after(self):
        """Called when a claim has been decided, before the next is waited for."""

    async def run(self):
        """For ever: set up, wait, submit. Whatever breaks is reported, and set up again after a pause."""
        is_started = False
        while True:
            try:
                if not is_started:
                    await self.start()
                    is_started = True
                claim = await self.claim()
                await self.submit(claim)
                self.is_claiming = False
                await asyncio.sleep_ms(0)
                gc.collect()
                await self.after()
            except Exception as error:
                is_started = self.is_claiming = False
                self._failed(self.name, error)
                await asyncio.sleep_ms(PAUSE_MS)
