"""Lamp and tones: what a person at the door sees and hears. Alike for every key and every way in."""

import asyncio

from machine import PWM, Pin
from neopixel import NeoPixel

from altgate import pins
from protocol import limits

_GREEN, _RED, _OFF = (0, 60, 0), (60, 0, 0), (0, 0, 0)
_AMBER, _BLUE, _CYAN, _WHITE = (60, 30, 0), (0, 0, 60), (0, 40, 40), (40, 40, 40)
_LOUD, _SILENT = 32768, 0


class Signals:
    """One lamp and one sounder."""

    def __init__(self):
        self._lamp = NeoPixel(Pin(pins.LAMP, Pin.OUT), 1)
        self._tone = PWM(Pin(pins.TONE, Pin.OUT), freq=1000, duty_u16=_SILENT)
        self._task = None
        self._prompt = _OFF  # what the lamp returns to
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

    def wait_for_next(self, seconds):
        """A card is to name who claims by face, or a second credential is needed: blue while that holds."""
        self._start(((_BLUE, 1200, 60), (_BLUE, 0, seconds * 1000)))

    def face_notice(self):
        """A camera may look next: two seconds of amber and a pulsing tone, alike for everyone."""
        pulse = ((_AMBER, 900, 100), (_AMBER, 0, 400))
        self._start(pulse * (limits.FACE_NOTICE_MS // 500) + ((_AMBER, 0, limits.FACE_SHOT_S * 1000),))

    def ask(self):
        """A door PIN is to be typed: blue until something else is shown."""
        self._prompt = _BLUE
        self._start(((_BLUE, 1200, 60),))

    def present(self):
        """The door knows who stands there: cyan until quiet()."""
        self._prompt = _CYAN
        self._start(((_CYAN, 1600, 60), (_CYAN, 1900, 60)))

    def noted(self):
        """A step is done, and more is to come: white."""
        self._start(((_WHITE, 1900, 200),))

    def acknowledged(self):
        """The host has recorded it: two green blinks."""
        self._start(((_GREEN, 2200, 150), (_OFF, 0, 150)) * 2)

    def withdrawn(self):
        """Taken back: white and green, a falling tone."""
        self._start(((_WHITE, 1600, 150), (_GREEN, 1200, 150), (_WHITE, 800, 300)))

    def resetting(self, each_ms):
        """The board's button is held, and the board is about to forget everything: red and a high tone."""
        self._start(((_RED, 2600, each_ms), (_RED, 0, each_ms)))

    def quiet(self):
        """Nothing is asked any more; the sign that is shown just now ends by itself."""
        self._prompt = _OFF
        if self._task is None:
            self._show(_OFF)

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
        self._show(self._prompt)
        self._task = None

    def _show(self, colour):
        self._lamp[0] = colour
        self._lamp.write()

    def _sound(self, hertz):
        if hertz:
            self._tone.freq(hertz)
        self._tone.duty_u16(_LOUD if hertz else _SILENT)
