"""The serial line of a bare door: provisioning by lines, Wi-Fi by Improv. No provisioned door loads it."""

import asyncio
import sys

import altgate
import machine
from altgate import board
from altgate.console import stream
from altgate.console.improv import Improv
from altgate.console.line import Provisioning
from altgate.store import identity

PAUSE_MS = 250  # in which nothing comes: what has begun as a frame is then none
LAST_WORD_MS = 200  # from the last answer to the start as a provisioned door


async def console(door):
    """Heed whoever is on the line, until it ends; a board that has just been provisioned starts anew.

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
        self._has_heard = False
        self._talk = Provisioning(board.hardware_id(), self._save, False)
        self._keep(None)
        name = "altgate " + board.hardware_id()
        # "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3": the chip is what comes last.
        chip = sys.implementation._machine.split(" with ")[-1]
        self._improv = Improv(("altgate", altgate.VERSION, chip, name), sys.stdout.buffer.write, self._keep)

    async def run(self):
        line_in = asyncio.StreamReader(sys.stdin.buffer)
        while not self._talk.is_provisioned:
            # One at a time: a read of more would hold the whole door until so many have come.
            byte = await line_in.read(1)
            if not byte:
                return
            self._has_heard = True
            self._stream.feed(byte)
            self._heed()
        await asyncio.sleep_ms(LAST_WORD_MS)
        machine.reset()

    async def watch_pauses(self):
        """Give up frames that were cut short, for ever."""
        while True:
            self._has_heard = False
            await asyncio.sleep_ms(PAUSE_MS)
            if not self._has_heard and self._stream.give_up():
                self._heed()

    def _heed(self):
        found = self._stream.next()
        while found:
            kind, content = found
            if kind == stream.LINE:
                sys.stdout.buffer.write(self._talk.answer(content) or b"")
            elif kind == stream.FRAME:
                self._improv.take(content)
            else:
                self._improv.spoilt()
            found = self._stream.next()

    def _keep(self, given):
        self._door.wifi_given = given

    def _save(self, content, journal_key):
        # The identity last: a cut before it leaves a bare board, to be provisioned again.
        self._door.journal_keys.set(journal_key)
        identity.save(board.wrapping_page(), content)
