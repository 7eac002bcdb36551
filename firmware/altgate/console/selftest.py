"""Tries the parts of a running door, one at a time, for somebody with a service key (protocol.service).

Loaded for one check and forgotten after it. The door goes on meanwhile: a card that is shown for a check is
decided as any other, and only the check of the strike opens anything. Each ends by itself.
"""

import asyncio
import os
import time

import machine
import network
from altgate import board, pins
from altgate.console.line import Bad
from altgate.drivers.pn532 import GET_FIRMWARE_VERSION, ReaderError
from altgate.store import files
from protocol import messages, reasons, service

LOOK_MS = 20
TURN_MS = 3000  # until a way in has had its turn; a reader that is dead has one every half second
SCRATCH = files.ROOT + "/check.bin"
RUNS_MS = 1200
RECORD_BYTES = 128  # of the journal


async def run(door, arguments):
    """The answer to VERB_CHECK. door: app.Door; raises Bad for what is no check."""
    if len(arguments) != 2 or [type(value) for value in arguments] != [int, int]:
        raise Bad(reasons.BAD_SHAPE)
    number, seconds = arguments
    if number not in _CHECKS or not 0 <= seconds <= service.CHECK_S:
        raise Bad(reasons.UNKNOWN_VERB)
    return [reasons.DONE] + await _CHECKS[number](door, seconds)


async def strike(door, arguments):
    """The answer to VERB_CHECK_STRIKE: released as for somebody who may enter, and recorded as this."""
    usual_s = door.credentials.setting(messages.SETTING_RELEASE_S)
    began = time.ticks_ms()
    door.record(messages.KIND_SERVICE, reasons.GRANTED, detail=service.SCOPE_STRIKE)
    door.strike.release(usual_s)
    door.signals.granted()
    if not door.strike.is_released:
        return [reasons.DONE, reasons.SELF_TEST_FAILED, 0]
    # Somebody may have been let in meanwhile, and then it takes longer.
    is_shut = await _until(lambda: not door.strike.is_released, (usual_s + service.CHECK_S) * 1000)
    took_s = (time.ticks_diff(time.ticks_ms(), began) + 500) // 1000
    return [reasons.DONE, reasons.DONE if is_shut else reasons.TIMED_OUT, took_s]


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
    turn = _Turn(_way(door, "card"))
    try:
        await _until(lambda: turn.found is not None, TURN_MS)
    finally:
        turn.end()
    if turn.found is None:
        return [reasons.TIMED_OUT]
    if type(turn.found) is int:
        return [turn.found]
    return [reasons.DONE] + list(turn.found[:4])


async def _card(door, seconds):
    return await _shown(_way(door, "card"), seconds)


async def _scanner(door, seconds):
    return await _shown(_way(door, "qr"), seconds)


async def _shown(way, seconds):
    """Whether something is shown there; it is decided as ever, and who showed it is not told."""
    seen, submit = [], way.submit

    async def noted(claim):
        seen.append(claim)
        return await submit(claim)

    way.submit = noted
    try:
        await _until(lambda: seen, seconds * 1000)
    finally:
        way.submit = submit
    return [reasons.DONE, seen[0].method, seen[0].fault] if seen else [reasons.TIMED_OUT]


async def _keys(door, seconds):
    pad = _way(door, "pin").pad
    seen, pressed = [], pad.pressed

    def noted():
        seen.append(True)
        pressed()

    pad.pressed = noted
    try:
        await _until(lambda: seen, seconds * 1000)
    finally:
        pad.pressed = pressed
    return [reasons.DONE if seen else reasons.TIMED_OUT]


async def _signals(door, seconds):
    signals = door.signals
    for sign, milliseconds in (
        (signals.refused, 1700), (lambda: signals.wait_for_next(1), 1300), (signals.acknowledged, 800),
    ):  # fmt: skip
        sign()
        await asyncio.sleep_ms(milliseconds)
    return [reasons.DONE]


async def _contacts(door, seconds):
    watched = (door.contacts.door, door.contacts.exit, door.contacts.tamper)
    return [reasons.DONE] + [int(one.is_active) for one in watched]


async def _way_out(door, seconds):
    was = [0, 0, 0]  # pressed, opened, shut again

    def is_whole():
        was[0] |= door.contacts.exit.is_active
        was[1] |= door.contacts.door.is_active
        was[2] |= was[1] and not door.contacts.door.is_active
        return all(was)

    is_done = await _until(is_whole, seconds * 1000)
    return [reasons.DONE if is_done else reasons.TIMED_OUT] + [int(one) for one in was]


async def _face(door, seconds):
    is_on = machine.Pin(pins.FACE_SUPPLY).value() == pins.FACE_SUPPLY_ON
    is_chosen = door.credentials.setting(messages.SETTING_FACE)
    # Not switched on to try it: no reason but a resident's claim ever does that.
    is_at_rest = not is_on or _way(door, "face").is_claiming
    return [reasons.DONE if is_at_rest else reasons.SELF_TEST_FAILED, int(is_on), is_chosen]


async def _flash(door, seconds):
    content, reason = os.urandom(32), reasons.DONE
    try:
        files.write(SCRATCH, content)
        await asyncio.sleep_ms(0)
        if files.read(SCRATCH, len(content)) != content:
            reason = reasons.DAMAGED
        await asyncio.sleep_ms(0)
        os.remove(SCRATCH)
    except (OSError, files.Damaged):
        reason = reasons.STORAGE_FAILED
    journal = door.journal
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
    if not await _until(wlan.isconnected, seconds * 1000):
        return [reasons.TIMED_OUT, 1, 0]
    return [reasons.DONE, 1, wlan.status("rssi")]


async def _host(door, seconds):
    journal, began = door.journal, time.ticks_ms()
    owed, head = journal.head - journal.acknowledged, journal.head
    is_heard = await _until(lambda: journal.acknowledged >= head, seconds * 1000)
    return [
        reasons.DONE if is_heard else reasons.TIMED_OUT, owed, journal.head - journal.acknowledged,
        time.ticks_diff(time.ticks_ms(), began), door.uplink.said_of_broker or "",
    ]  # fmt: skip


def _way(door, name):
    return [way for way in door.ways_in if way.name == name][0]


async def _until(is_so, milliseconds):
    """Wait until that is so; False when time is up."""
    end = time.ticks_add(time.ticks_ms(), milliseconds)
    while not is_so():
        if time.ticks_diff(end, time.ticks_ms()) <= 0:
            return False
        await asyncio.sleep_ms(LOOK_MS)
    return True


_CHECKS = {
    service.CHECK_READER: _reader,
    service.CHECK_CARD: _card,
    service.CHECK_KEYS: _keys,
    service.CHECK_SCANNER: _scanner,
    service.CHECK_SIGNALS: _signals,
    service.CHECK_CONTACTS: _contacts,
    service.CHECK_WAY_OUT: _way_out,
    service.CHECK_FACE: _face,
    service.CHECK_FLASH: _flash,
    service.CHECK_CLOCK: _clock,
    service.CHECK_WIFI: _wifi,
    service.CHECK_HOST: _host,
}
