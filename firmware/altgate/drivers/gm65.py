"""GM65 or GM67 code scanner over UART, 9600 8N1: it sends a decoded code and a carriage return."""

import asyncio

from protocol import limits, reasons


class Scanner:
    """Lines from the scanner. ``dropped(reason)`` is told of every line that is thrown away."""

    def __init__(self, uart, dropped):
        self._uart = uart
        self._reader = asyncio.StreamReader(uart)
        self._dropped = dropped
        self._line = bytearray()
        self._is_skipping = False
        self._rest = b""

    async def code(self):
        """Wait for the next whole code and return its bytes, at most limits.PASS_TEXT_BYTES."""
        while True:
            while self._rest:
                line = self._take()
                if line:
                    return line
            self._rest = await self._reader.read(64)

    def _take(self):
        """Consume up to the next line end; the line, or None where there is none yet or it was dropped."""
        end = -1
        for at, byte in enumerate(self._rest):
            if byte in (10, 13):
                end = at
                break
        part = self._rest if end < 0 else self._rest[:end]
        self._rest = b"" if end < 0 else self._rest[end + 1 :]
        if not self._is_skipping:
            self._line.extend(part)
        if len(self._line) > limits.PASS_TEXT_BYTES:
            self._is_skipping = True
            self._line = bytearray()
            self._dropped(reasons.TOO_LONG)
        if end < 0:
            return None
        line, self._line = bytes(self._line), bytearray()
        was_skipping, self._is_skipping = self._is_skipping, False
        return None if was_skipping or not line else line
