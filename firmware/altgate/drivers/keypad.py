"""Matrix keypad: rows are driven low one at a time, columns are read; a key counts when two scans agree."""

import asyncio

from machine import Pin

SCAN_MS = 10


class Keypad:
    """A 4 x 3 or 4 x 4 matrix; ``keys`` holds one string a row."""

    def __init__(self, rows, columns, keys):
        # Rows rest as inputs: two keys pressed at once must not short two outputs.
        self._rows = [Pin(number, Pin.OPEN_DRAIN, value=1) for number in rows]
        self._columns = [Pin(number, Pin.IN, Pin.PULL_UP) for number in columns]
        self._keys = keys
        self._down = None

    async def key(self):
        """Wait for a key to go down and return it as one character."""
        seen = None
        while True:
            now = self._scan()
            if now == seen and now != self._down:
                self._down = now
                if now is not None:
                    return now
            seen = now
            await asyncio.sleep_ms(SCAN_MS)

    def _scan(self):
        found = None
        for row, keys in zip(self._rows, self._keys):
            row.value(0)
            for column, key in zip(self._columns, keys):
                if column.value() == 0:
                    # Two keys at once are nobody's intention: neither counts.
                    found = key if found is None else ""
            row.value(1)
        return found or None
