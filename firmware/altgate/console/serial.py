"""The serial line of a board without an identity: tickets by lines, and of a bare one Wi-Fi by Improv.

No provisioned door loads it.
"""

import asyncio
import sys

import altgate
import machine
from altgate import board
from altgate.console import stream
from altgate.console.bare import Desk
from altgate.console.improv import Improv
from altgate.console.line import Line

PAUSE_MS = 250  # in which nothing comes: what has begun as a frame is then none
LAST_WORD_MS = 200  # from the last answer to the start as something else
ALONE_MS = 60_000  # until a board that was given a ticket, and with which nobody speaks, asks for admission


async def console(door):
    """Heed whoever is on the line, until it ends; a board that has become something else starts anew.

    ``door.wifi_given`` is ``(ssid, password)`` of the network that was joined by Improv, or None.
    """
    heard = _Console(door)
    pauses = asyncio.create_task(heard.watch_pauses())
    try:
        await heard.run()
    finally:
        pauses.cancel()


class _Console:
    def __init__(self, door):
        self._door = door
        self._stream = stream.Stream()
        self._has_heard = self._is_heeding = False
        self._desk = Desk(door, lambda: door.wifi_given)
        self._line = Line(self._desk)
        self._keep(None)
        name = "altgate " + board.hardware_id()
        # "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3": the chip is what comes last.
        chip = sys.implementation._machine.split(" with ")[-1]
        self._improv = Improv(("altgate", altgate.VERSION, chip, name), sys.stdout.buffer.write, self._keep)

    async def run(self):
        line_in = asyncio.StreamReader(sys.stdin.buffer)
        while not self._desk.is_done:
            # One at a time: a read of more would hold the whole door until so many have come.
            byte = await line_in.read(1)
            if not byte:
                return
            self._has_heard = True
            self._stream.feed(byte)
            await self._heed()
        await asyncio.sleep_ms(LAST_WORD_MS)
        machine.reset()

    async def watch_pauses(self):
        """Give up frames that were cut short, and start anew where whoever brought a ticket has gone."""
        alone_ms = 0
        while True:
            self._has_heard = False
            await asyncio.sleep_ms(PAUSE_MS)
            alone_ms = 0 if self._has_heard or self._is_heeding else alone_ms + PAUSE_MS
            if not self._has_heard and not self._is_heeding and self._stream.give_up():
                await self._heed()
            if self._desk.has_changed and alone_ms >= ALONE_MS:
                machine.reset()

    async def _heed(self):
        if self._is_heeding:
            return
        self._is_heeding = True
        found = self._stream.next()
        while found:
            kind, content = found
            if kind == stream.LINE:
                sys.stdout.buffer.write(await self._line.answer(content) or b"")
            elif self._door.enrolment:
                # Whoever has the cable alone does not change the network of a board that waits.
                pass
            elif kind == stream.FRAME:
                self._improv.take(content)
            else:
                self._improv.spoilt()
            found = self._stream.next()
        self._is_heeding = False

    def _keep(self, given):
        self._door.wifi_given = given
