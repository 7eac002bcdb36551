"""Somebody on a door's serial line who may know a service key: loaded for them, and forgotten with them."""

import asyncio
import gc
import sys
import time

from altgate import rooms
from protocol import service

LOOK_MS = 1000
_ROOMS = (
    "altgate.console.caller", "altgate.console.service", "altgate.console.content", "altgate.console.line",
    "altgate.console.maintenance", "altgate.reset", "altgate.erasure", "altgate.console",
    "protocol.provisioning", "protocol.service",
)  # fmt: skip


async def heard(door, text):
    """Answer one line, ``text``; whether it proved a key. Raises MemoryError, and nobody is known then."""
    is_known = False
    try:
        if door.caller is None:
            door.caller = await _load(door)
        is_known = await door.caller.answer(text)
    finally:
        if door.caller and not door.caller.is_known:
            _forget(door)
    return is_known


async def _load(door):
    # Each is a step of its own: the door opens for somebody in between.
    gc.collect()
    await asyncio.sleep_ms(0)
    from protocol import provisioning  # noqa: F401

    await asyncio.sleep_ms(0)
    from altgate.console.line import Line

    await asyncio.sleep_ms(0)
    from altgate.console.service import Desk

    await asyncio.sleep_ms(0)
    return Caller(door, Line, Desk)


def _forget(door):
    # The memory is free once the door collects it next, which is within a second, while nobody waits.
    door.caller = None
    rooms.forget(*_ROOMS)


class Caller:
    """One who speaks on the line; ``is_known`` once they proved a key, until they leave or fall silent."""

    def __init__(self, door, line_kind, desk_kind):
        self._door = door
        self._desk = desk_kind(door)
        self._line = line_kind(self._desk)
        self._heard_ms = None  # None: at work for them
        self.is_known = False

    async def answer(self, text):
        """See heard()."""
        self._heard_ms, before = None, self._heard_ms
        answer = await self._line.answer(text)
        self._heard_ms = time.ticks_ms() if answer else before
        if answer is None:
            return False
        sys.stdout.buffer.write(answer)
        if self._desk.has_left:
            self.is_known = False
        elif not self.is_known:
            self.is_known = True
            asyncio.create_task(self._wait())
        return True

    async def _wait(self):
        """Forget them once they have been silent for long."""
        while self.is_known and self._door.caller is self:
            silent_ms = self._heard_ms and time.ticks_diff(time.ticks_ms(), self._heard_ms)
            if silent_ms and silent_ms > service.SILENCE_S * 1000:
                self.is_known = False
                _forget(self._door)
            await asyncio.sleep_ms(LOOK_MS)
