"""The strike: released for a set time, safe at every other moment.

The exit button, break-glass and fire contacts cut the lock's supply in hardware; nothing here can hold
somebody in.
"""

import asyncio

from machine import Pin

from altgate import pins


class Strike:
    """One lock on one pin. A second release while one runs starts its time again."""

    def __init__(self):
        self._pin = Pin(pins.STRIKE, Pin.OUT, value=1 - pins.STRIKE_RELEASED)
        self._task = None

    @property
    def is_released(self):
        """Whether the lock is open just now."""
        return self._pin.value() == pins.STRIKE_RELEASED

    def release(self, seconds):
        """Release now and secure again after so many seconds; returns at once."""
        self._pin.value(pins.STRIKE_RELEASED)
        if self._task:
            self._task.cancel()
        self._task = asyncio.create_task(self._later(seconds))

    def secure(self):
        """Back to the safe side now."""
        if self._task:
            self._task.cancel()
            self._task = None
        self._pin.value(1 - pins.STRIKE_RELEASED)

    async def _later(self, seconds):
        await asyncio.sleep(seconds)
        self._task = None
        self._pin.value(1 - pins.STRIKE_RELEASED)
