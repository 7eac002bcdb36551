"""What is watched around the door: its contact, the exit contact, the case.

A level counts when it has stood for two looks (under the 400 ms in which IEC 60839-11-1 wants an input
processed). Whether an opening was forced is judged here, because only here is known who was let out.
"""

import asyncio
import time

from machine import Pin

from altgate import pins
from protocol import messages

LOOK_MS = 20
# The exit contact has cut the lock's supply in hardware: an opening so soon after it is a way out.
EXIT_GRACE_MS = 10000


class _Input:
    """One contact, debounced: ``changed()`` is True once for each change that has stood for two looks."""

    def __init__(self, number, active):
        self._pin = Pin(number, Pin.IN, Pin.PULL_UP)
        self._active = active
        self._last = self.is_active = self._pin.value() == active

    def changed(self):
        now = self._pin.value() == self._active
        is_change = now == self._last and now != self.is_active
        self._last = now
        if is_change:
            self.is_active = now
        return is_change


class Contacts:
    """``report(kind)`` is told of each event; ``strike`` says whether an opening was let happen."""

    def __init__(self, strike, report, held_open_s):
        self._strike = strike
        self._report = report
        self._held_open_s = held_open_s
        self.door = _Input(pins.DOOR_CONTACT, pins.DOOR_OPEN)
        self.exit = _Input(pins.EXIT_CONTACT, pins.EXIT_PRESSED)
        self.tamper = _Input(pins.TAMPER, pins.TAMPER_OPEN)
        self._opened_ms = None
        self._let_out_ms = None

    async def run(self):
        """For ever: look at all contacts every 20 ms."""
        while True:
            self.look(time.ticks_ms())
            await asyncio.sleep_ms(LOOK_MS)

    def look(self, now_ms):
        """One look; split from run() so that its rules can be tested without waiting."""
        # The exit contact first: whoever presses it and opens in the same moment forced nothing.
        if self.exit.changed() and self.exit.is_active:
            self._report(messages.KIND_EXIT)
        if self.exit.is_active or self._strike.is_released:
            self._let_out_ms = now_ms
        if self.door.changed():
            self._door_moved(now_ms)
        if self._opened_ms is not None:
            if time.ticks_diff(now_ms, self._opened_ms) >= self._held_open_s() * 1000:
                self._opened_ms = None
                self._report(messages.KIND_HELD_OPEN)
        if self.tamper.changed() and self.tamper.is_active:
            self._report(messages.KIND_TAMPER)

    def _door_moved(self, now_ms):
        if not self.door.is_active:
            self._opened_ms = None
            self._report(messages.KIND_DOOR_CLOSED)
            return
        self._opened_ms = now_ms
        let_out = self._let_out_ms
        is_free = let_out is not None and time.ticks_diff(now_ms, let_out) < EXIT_GRACE_MS
        self._report(messages.KIND_DOOR_OPENED if is_free else messages.KIND_FORCED_OPEN)
