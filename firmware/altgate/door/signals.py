"""Lamp and tones: what a person at the door sees and hears. Alike for every key and every way in."""

import asyncio

from machine import PWM, Pin
from neopixel import NeoPixel

from altgate import pins

_GREEN, _RED, _OFF = (0, 60, 0), (60, 0, 0), (0, 0, 0)
_LOUD, _SILENT = 32768, 0


class Signals:
    """One lamp and one sounder."""

    def __init__(self):
        self._lamp = NeoPixel(Pin(pins.LAMP, Pin.OUT), 1)
        self._tone = PWM(Pin(pins.TONE, Pin.OUT), freq=1000, duty_u16=_SILENT)
        self._task = None
        self._show(_OFF)

    def key(self):
        """A key went down."""
        self._start(((None, 1800, 30),))

    def granted(self):
        """Come in: green, one high tone."""
        self._start(((_GREEN, 2200, 250), (_GREEN, 0, 2000)))

    def refused(self):
        """Not now: red, three low tones."""
        self._start(((_RED, 400, 150), (_RED, 0, 100)) * 3 + ((_RED, 0, 800),))

    def _start(self, steps):
        if self._task:
            self._task.cancel()
        self._task = asyncio.create_task(self._play(steps))

    async def _play(self, steps):
        for colour, hertz, milliseconds in steps:
            if colour:
                self._show(colour)
            self._sound(hertz)
            await asyncio.sleep_ms(milliseconds)
        self._sound(0)
        self._show(_OFF)
        self._task = None

    def _show(self, colour):
        self._lamp[0] = colour
        self._lamp.write()

    def _sound(self, hertz):
        if hertz:
            self._tone.freq(hertz)
        self._tone.duty_u16(_LOUD if hertz else _SILENT)
