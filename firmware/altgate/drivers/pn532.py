"""PN532 contactless reader over UART (HSU), as an ISO 14443-4 reader of type A cards.

Source: NXP UM0701-02, PN532 user manual: frames 6.2.1, InListPassiveTarget 7.3.5, InDataExchange 7.3.8.
The chip does ISO-DEP itself, so a card is spoken to in plain APDUs.
"""

import asyncio
import time

from protocol import reasons

_WAKE = b"\x55\x55" + b"\0" * 14
_ACK = b"\0\0\xff\0\xff\0"
_HOST, _CHIP = 0xD4, 0xD5
_BUFFER = 300

GET_FIRMWARE_VERSION = 0x02
SAM_CONFIGURATION = 0x14
RF_CONFIGURATION = 0x32
IN_LIST_PASSIVE_TARGET = 0x4A
IN_DATA_EXCHANGE = 0x40
IN_RELEASE = 0x52


class ReaderError(Exception):
    """The chip or the card did not answer as it should; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Pn532:
    """One chip. ``uart`` is a machine.UART; ``dropped(reason)`` is told of every frame thrown away."""

    def __init__(self, uart, dropped):
        self._uart = uart
        self._dropped = dropped
        self._buffer = bytearray(_BUFFER)
        self._have = 0

    async def start(self):
        """Wake the chip and set it up; returns its firmware version (4 bytes); raises ReaderError."""
        self._uart.write(_WAKE)
        await self.command(SAM_CONFIGURATION, b"\x01\x00\x01", 500)
        # MaxRtyPassiveActivation 0: one look for a card, so that a list answers at once.
        await self.command(RF_CONFIGURATION, b"\x05\xff\x01\x00", 500)
        return await self.command(GET_FIRMWARE_VERSION, b"", 500)

    async def find(self):
        """The card in the field as ``(uid, is_iso14443_4)``, or None."""
        answer = await self.command(IN_LIST_PASSIVE_TARGET, b"\x01\x00", 300)
        if not answer or answer[0] == 0:
            return None
        # NbTg, Tg, SENS_RES 2, SEL_RES, NFCID1 length, NFCID1, then ATS where the card has one
        if len(answer) < 6 or answer[5] not in (4, 7, 10) or len(answer) < 6 + answer[5]:
            raise ReaderError(reasons.BAD_SHAPE)
        return answer[6 : 6 + answer[5]], bool(answer[4] & 0x20)

    async def exchange(self, apdu):
        """Send an APDU to the card and return its answer with both status bytes; raises ReaderError."""
        answer = await self.command(IN_DATA_EXCHANGE, b"\x01" + apdu, 400)
        if not answer:
            raise ReaderError(reasons.BAD_SHAPE)
        if answer[0] & 0x3F:
            raise ReaderError(reasons.CARD_LOST)
        return answer[1:]

    async def release(self):
        """Let go of the card, so that the next look finds it anew."""
        await self.command(IN_RELEASE, b"\x00", 300)

    async def command(self, code, data, timeout_ms):
        """Send one command and return the data of its answer; raises ReaderError."""
        self._forget()
        self._uart.write(frame(_HOST, code, data))
        deadline = time.ticks_add(time.ticks_ms(), timeout_ms)
        while True:
            got = await self._frame(deadline)
            if len(got) >= 2 and got[0] == _CHIP and got[1] == code + 1:
                return got[2:]
            self._dropped(reasons.BAD_FRAME)

    def _forget(self):
        """Throw away what an earlier command left on the line."""
        self._have = 0
        while self._uart.any():
            self._uart.read(self._uart.any())

    async def _frame(self, deadline):
        while True:
            body, used, reason = parse(self._buffer, self._have)
            if used:
                self._buffer[: self._have - used] = self._buffer[used : self._have]
                self._have -= used
            if reason:
                self._dropped(reason)
            elif body is not None:
                return body
            elif not used:
                await self._more(deadline)

    async def _more(self, deadline):
        # Looking costs less than a task with a timeout, and saves two turns of the loop before the strike.
        while not self._uart.any():
            if time.ticks_diff(deadline, time.ticks_ms()) <= 0:
                raise ReaderError(reasons.TIMED_OUT)
            await asyncio.sleep_ms(1)
        if self._have == _BUFFER:
            self._have = 0
            self._dropped(reasons.TOO_LONG)
        chunk = self._uart.read(_BUFFER - self._have) or b""
        self._buffer[self._have : self._have + len(chunk)] = chunk
        self._have += len(chunk)


def frame(direction, code, data):
    """A normal information frame (UM0701-02, 6.2.1.1)."""
    length = len(data) + 2
    body = bytes((direction, code)) + data
    check = -sum(body) & 0xFF
    return b"\0\0\xff" + bytes((length, -length & 0xFF)) + body + bytes((check, 0))


def parse(buffer, have):
    """Find the first frame: ``(body or None, bytes to drop from the front, reason of dropping or 0)``.

    An acknowledge frame is dropped without a reason. (None, 0, 0) means that more bytes are needed.
    """
    start = buffer.find(b"\0\xff", 0, have)
    if start < 0:
        # The last byte may be the first half of a start code.
        return None, max(0, have - 1), 0
    if have < start + 4:
        # What stands before it goes: in a full buffer there would be no room for the rest.
        return None, start, 0
    length, check = buffer[start + 2], buffer[start + 3]
    if (length, check) in ((0, 0xFF), (0xFF, 0)):
        return None, start + 4, 0
    if (length + check) & 0xFF:
        return None, start + 2, reasons.BAD_CHECKSUM
    end = start + 4 + length
    if end + 1 > _BUFFER:
        # It does not fit behind what stands before it: that goes first.
        return (None, start, 0) if start else (None, start + 2, reasons.TOO_LONG)
    if have < end + 1:
        return None, 0, 0
    body = bytes(buffer[start + 4 : end])
    if (sum(body) + buffer[end]) & 0xFF:
        return None, start + 2, reasons.BAD_CHECKSUM
    return body, end + 1, 0
