"""Sipeed MF1 face module over UART, 115200 8N1: JSON lines that carry a vector for each face it sees.

Source: Sipeed, "MF1 serial port protocol", 2.0.1. With out_fea 2 and auto_out_fea 1 it compares with nobody
and sends what it sees; settings count after a restart. It gives no verdict on liveness. In this mode its own
relay closes for any face: that relay must never be wired to a lock.
"""

import asyncio
import json

from protocol import limits, reasons

GIVES_LIVENESS = False
LINE_BYTES = 640
_FEATURE = b'"feature"'
_FEATURE_TEXT = (limits.FACE_VECTOR_BYTES + 2) // 3 * 4
_PADDING = -limits.FACE_VECTOR_BYTES % 3
_ASK = b'{"version":2,"type":"brd_soft_cfg","cfg":{"get_cfg":1}}\r\n'
_SET = (
    b'{"version":2,"type":"brd_soft_cfg","cfg":{"get_cfg":0,"out_fea":2,"auto_out_fea":1,"pkt_fix":0,'
    b'"out_interval_ms":100,"relay_open_s":1,"port_baud":115200}}\r\n'
)
_RESTART = b'{"version":2,"type":"reset","key":"teser"}\r\n'


class Mf1:
    """One module, just powered. ``uart`` is a machine.UART; ``dropped(reason)`` is told of bad lines."""

    def __init__(self, uart, dropped):
        self._uart = uart
        self._stream = asyncio.StreamReader(uart)
        self._dropped = dropped
        self._line = bytearray(LINE_BYTES)
        self._view = memoryview(self._line)
        self._have = 0
        self._is_skipping = False
        self._has_spoken = False
        self._bad_lines = 0

    async def start(self):
        """Wait until it runs and sends vectors; for ever, if it never does."""
        await self._wait("init")
        self._uart.write(_ASK)
        settings = await self._wait("brd_soft_cfg_ret")
        wanted = settings.get("cfg")
        if type(wanted) is dict and (wanted.get("out_fea"), wanted.get("auto_out_fea")) == (2, 1):
            return
        self._uart.write(_SET)
        await self._wait("brd_soft_cfg_ret")
        self._uart.write(_RESTART)
        await self._wait("init")

    async def face(self, into):
        """Put the vector of the next single face into ``into`` (limits.FACE_VECTOR_BYTES).

        A picture with several faces is passed over: nobody can say which of them claims entry.
        """
        while True:
            message = await self._wait("face_info", into)
            info = message.get("info")
            if (
                type(info) is dict
                and message.get("code") == 0
                and info.get("total") == 1
                and "vector" in message
            ):
                return

    def wipe(self):
        """Forget what was received."""
        for at in range(LINE_BYTES):
            self._line[at] = 0
        self._have = 0

    async def _wait(self, kind, into=None):
        while True:
            message = await self._message(into)
            if message.get("type") == kind:
                return message

    async def _message(self, into):
        """The next line as a dict; bad lines are counted and passed over."""
        while True:
            end = self._line.find(b"\n", 0, self._have)
            if end >= 0:
                message = self._parsed(end, into) if not self._is_skipping else None
                self._is_skipping = False
                self._drop(end + 1)
                if message is not None:
                    self._has_spoken = True
                    return message
                # Many short lines at once are many steps.
                await asyncio.sleep_ms(0)
                continue
            if self._have == LINE_BYTES:
                self._count_bad(reasons.TOO_LONG)
                self._is_skipping = True
                self._drop(LINE_BYTES)
            # The stream reads into the buffer itself: a copy of a vector could not be wiped.
            self._have += await self._stream.readinto(self._view[self._have :]) or 0

    def silence(self):
        """Why there was no face, once whoever waited has given up: a code of protocol.reasons."""
        if self._has_spoken and not self._bad_lines:
            return reasons.NO_FACE
        return reasons.MODULE_NONSENSE if self._bad_lines else reasons.MODULE_SILENT

    def _parsed(self, end, into):
        """The message in the first ``end`` bytes; its vector goes to ``into`` and not through a string."""
        start = self._line.find(_FEATURE, 0, end)
        try:
            if start < 0:
                return self._checked(json.loads(bytes(self._view[:end])), into is None)
            first = self._line.find(b'"', start + len(_FEATURE), end) + 1
            last = self._line.find(b'"', first, end)
            if not first or last < 0:
                # Not a line that ends where its vector does: nothing of it may get into a string.
                self._count_bad(reasons.BAD_FRAME)
                return None
            has_vector = (
                into is not None and last - first == _FEATURE_TEXT and _decode(self._view[first:last], into)
            )
            rest = bytes(self._view[: first - 1]) + b"0" + bytes(self._view[last + 1 : end])
            return self._checked(json.loads(rest), into is None, has_vector)
        except ValueError:
            self._count_bad(reasons.BAD_FRAME)
            return None

    def _checked(self, message, is_vector_unwanted, has_vector=False):
        if type(message) is not dict or message.get("version") != 2:
            self._count_bad(reasons.BAD_SHAPE)
            return None
        if has_vector:
            message["vector"] = True
        elif message.get("type") == "face_info" and not is_vector_unwanted:
            self._count_bad(reasons.BAD_SHAPE)
            return None
        return message

    def _count_bad(self, reason):
        self._bad_lines += 1
        self._dropped(reason)

    def _drop(self, count):
        # Moved within the buffer: a copy of it would leave a vector on the heap.
        self._view[: self._have - count] = self._view[count : self._have]
        for at in range(self._have - count, self._have):
            self._line[at] = 0
        self._have -= count


def _decode(text, into):
    """Base64 into a buffer that can be wiped; False for anything that is not the vector's one spelling."""
    at = bits = held = 0
    count = len(text)
    for position in range(count):
        letter = text[position]
        if 65 <= letter <= 90:
            value = letter - 65
        elif 97 <= letter <= 122:
            value = letter - 71
        elif 48 <= letter <= 57:
            value = letter + 4
        elif letter == 43:
            value = 62
        elif letter == 47:
            value = 63
        elif letter == 61 and position >= count - _PADDING:
            continue
        else:
            return False
        held = (held << 6 | value) & 0xFFFF
        bits += 6
        if bits >= 8:
            if at == limits.FACE_VECTOR_BYTES:
                return False
            bits -= 8
            into[at] = held >> bits & 0xFF
            at += 1
    # What is left over of the last letter must be nothing.
    return at == limits.FACE_VECTOR_BYTES and not held & (1 << bits) - 1
