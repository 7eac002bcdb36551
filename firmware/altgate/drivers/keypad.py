"""Matrix keypad: rows are driven low one at a time, columns are read; a key counts when two scans agree.

Beside it is one key on a pin of its own, the face key: "F" when it was pressed, "H" when it was held.
"""

import asyncio
import time

from machine import Pin

SCAN_MS = 10
HELD_MS = 1000
PRESSED, HELD = "F", "H"


class Keypad:
    """A 4 x 3 or 4 x 4 matrix; ``keys`` holds one string a row. extra: the pin of the face key, which reads
    ``extra_pressed`` while it is down."""

    def __init__(self, rows, columns, keys, extra, extra_pressed):
        self._extra = Pin(extra, Pin.IN, Pin.PULL_UP)
        self._extra_pressed = extra_pressed
        self._extra_ms = None  # since when it is down
        self._is_told = False
        # Rows rest as inputs: two keys pressed at once must not short two outputs.
        self._rows = [Pin(number, Pin.OPEN_DRAIN, value=1) for number in rows]
        self._columns = [Pin(number, Pin.IN, Pin.PULL_UP) for number in columns]
        self._keys = keys
        self._down = None

    async def key(self):
        """Wait for a key to go down and return it as one character; the face key counts when it comes up,
        or has been held for a second."""
        seen = None
        while True:
            now = self._scan()
            if now == seen and now != self._down:
                self._down = now
                if now is not None:
                    return now
            seen = now
            extra = self._extra_key()
            if extra:
                return extra
            await asyncio.sleep_ms(SCAN_MS)

    def _extra_key(self):
        if self._extra.value() != self._extra_pressed:
            since_ms, self._extra_ms = self._extra_ms, None
            was_told, self._is_told = self._is_told, False
            # Two scans of being down, as for any key: less is a spark.
            is_press = since_ms is not None and time.ticks_diff(time.ticks_ms(), since_ms) >= SCAN_MS
            return PRESSED if is_press and not was_told else None
        if self._extra_ms is None:
            self._extra_ms = time.ticks_ms()
        elif not self._is_told and time.ticks_diff(time.ticks_ms(), self._extra_ms) >= HELD_MS:
            self._is_told = True
            return HELD
        return None

    def _scan(self):
        # A hundred times a second: by index, because zip() would leave garbage each time.
        found = None
        for row in range(len(self._rows)):
            self._rows[row].value(0)
            for column in range(len(self._columns)):
                if self._columns[column].value() == 0:
                    # Two keys at once are nobody's intention: neither counts.
                    found = self._keys[row][column] if found is None else ""
            self._rows[row].value(1)
        return found or None
