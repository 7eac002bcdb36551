"""What a running door finds out about its own parts, for somebody with a service key (protocol.service).

Loaded for one check and forgotten after it. The door goes on meanwhile, and each check ends by itself.
"""

import asyncio
import os
import time

import machine
import network
from altgate import board, pins
from altgate.console.service import until, way_in
from altgate.drivers.pn532 import GET_FIRMWARE_VERSION, ReaderError
from altgate.store import files
from protocol import messages, reasons, service

TURN_MS = 3000  # until a way in has had its turn; a reader that is dead has one every half second
SCRATCH = files.ROOT + "/check.bin"
RUNS_MS = 1200
RECORD_BYTES = 128  # of the journal


class _Turn:
    """Stands where the reader stood, until the card channel's next turn: two may not speak to the chip."""

    def __init__(self, way):
        self._way, self._reader = way, way.reader
        self.found = None  # bytes, or a reason
        way.reader = self

    def end(self):
        """Put the reader back."""
        self._way.reader = self._reader

    async def start(self):
        """See Pn532."""
        try:
            answer = await self._reader.start()
            self.found = self.found or answer
            return answer
        except ReaderError as error:
            self.found = self.found or error.reason
            raise

    async def find(self):
        """See Pn532."""
        if self.found is None:
            try:
                self.found = await self._reader.command(GET_FIRMWARE_VERSION, b"", 500)
            except ReaderError as error:
                self.found = error.reason
        return await self._reader.find()

    async def release(self):
        """See Pn532."""
        await self._reader.release()

    async def exchange(self, apdu):
        """See Pn532."""
        return await self._reader.exchange(apdu)


async def _reader(door, seconds):
    turn = _Turn(way_in(door, "card"))
    try:
        await until(lambda: turn.found is not None, TURN_MS)
    finally:
        turn.end()
    if turn.found is None:
        return [reasons.TIMED_OUT]
    if type(turn.found) is int:
        return [turn.found]
    return [reasons.DONE] + list(turn.found[:4])


async def _contacts(door, seconds):
    watched = (door.contacts.door, door.contacts.exit, door.contacts.tamper)
    return [reasons.DONE] + [int(one.is_active) for one in watched]


async def _face(door, seconds):
    is_on = machine.Pin(pins.FACE_SUPPLY).value() == pins.FACE_SUPPLY_ON
    is_chosen = door.credentials.setting(messages.SETTING_FACE)
    # Not switched on to try it: no reason but a resident's claim ever does that.
    is_at_rest = not is_on or way_in(door, "face").is_claiming
    return [reasons.DONE if is_at_rest else reasons.SELF_TEST_FAILED, int(is_on), is_chosen]


async def _flash(door, seconds):
    journal = door.journal
    # The newest record is that of this line's opening, or younger: it was written a moment ago.
    content, reason = os.urandom(32), reasons.DONE if journal.read(journal.head) else reasons.DAMAGED
    try:
        files.write(SCRATCH, content)
        await asyncio.sleep_ms(0)
        if files.read(SCRATCH, len(content)) != content:
            reason = reasons.DAMAGED
        await asyncio.sleep_ms(0)
        os.remove(SCRATCH)
    except (OSError, files.Damaged):
        reason = reasons.STORAGE_FAILED
    except MemoryError:
        # A file takes some that a small board has not; the record was tried all the same.
        pass
    places = board.partition("journal").info()[3] // RECORD_BYTES
    return [
        reason, places, journal.head - journal.acknowledged, journal.damaged + door.credentials.damaged,
    ]  # fmt: skip


async def _clock(door, seconds):
    now = door.clock.now() if door.clock.is_trusted else 0
    try:
        chip = board.clock_chip()
        first = chip.read()
        await asyncio.sleep_ms(RUNS_MS)
        second = chip.read()
    except OSError:
        return [reasons.MODULE_SILENT, 0, now, door.clock.quality]
    if first is None or second is None:
        # Its battery was empty, or it was never set.
        return [reasons.TIME_UNKNOWN, 0, now, door.clock.quality]
    is_running = 1 <= second - first <= 2
    reason = reasons.DONE if is_running else reasons.MODULE_NONSENSE
    return [reason, first, now, door.clock.quality]


async def _wifi(door, seconds):
    if not door.identity.wifi_ssid:
        return [reasons.DONE, 0, 0]
    wlan = network.WLAN(network.STA_IF)
    if not await until(wlan.isconnected, seconds * 1000):
        return [reasons.TIMED_OUT, 1, 0]
    return [reasons.DONE, 1, wlan.status("rssi")]


async def _host(door, seconds):
    journal, began = door.journal, time.ticks_ms()
    owed, head = journal.head - journal.acknowledged, journal.head
    is_heard = await until(lambda: journal.acknowledged >= head, seconds * 1000)
    return [
        reasons.DONE if is_heard else reasons.TIMED_OUT, owed, journal.head - journal.acknowledged,
        time.ticks_diff(time.ticks_ms(), began), door.uplink.said_of_broker or "",
    ]  # fmt: skip


CHECKS = {
    service.CHECK_READER: _reader,
    service.CHECK_CONTACTS: _contacts,
    service.CHECK_FACE: _face,
    service.CHECK_FLASH: _flash,
    service.CHECK_CLOCK: _clock,
    service.CHECK_WIFI: _wifi,
    service.CHECK_HOST: _host,
}
