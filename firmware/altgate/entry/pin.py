"""The keypad: unit number and PIN (``101 # 246813 #``; ``*`` starts again), and what the face key begins."""

import asyncio

from altgate.crypto import tags
from altgate.drivers import keypad
from altgate.entry import claim
from altgate.entry.channel import Channel
from protocol import limits, messages, reasons

_FIRST_DIGITS = max(limits.UNIT_DIGITS_MAX, limits.PERSONAL_NUMBER_DIGITS)
_STARS = 3


class Keys:
    """Digits from a keypad. ``feedback()`` sounds for every key, whatever it is; ``pressed()`` is told."""

    def __init__(self, matrix, feedback, pressed):
        self._keypad = matrix
        self._feedback = feedback
        self.pressed = pressed

    async def digits(self, most, first_timeout_ms):
        """``(digits, end)``: the key that ended them, or "" after a pause that was too long, or too many."""
        digits = ""
        timeout = first_timeout_ms
        while True:
            try:
                if timeout is None:
                    key = await self._keypad.key()
                else:
                    key = await asyncio.wait_for_ms(self._keypad.key(), timeout)
            except asyncio.TimeoutError:
                return digits, ""
            self._feedback()
            self.pressed()
            timeout = limits.KEYPAD_IDLE_MS
            if not key.isdigit():
                return digits, key
            digits += key
            if len(digits) > most:
                return digits, ""


class PinChannel(Channel):
    """Claims from a keypad. face: entry.face.FaceChannel; menu: entry.menu.Menu."""

    name = "pin"

    def __init__(self, submit, failed, pad, keys, feedback, face, menu):
        super().__init__(submit, failed)
        self.pad = Keys(pad, feedback, self._key_went_down)
        self._keys = keys
        self._face = face
        self._menu = menu

    async def claim(self):
        stars = 0
        while True:
            self.is_claiming = False
            unit, end = await self.pad.digits(_FIRST_DIGITS, None)
            stars = stars + 1 if end == "*" and not unit else 0
            if stars == _STARS:
                stars = 0
                self._menu.withdraw()
            elif end == keypad.PRESSED:
                self._named(unit)
            elif end == keypad.HELD:
                unit, end = await self._menu.ceremony(self.pad), "#"
            if end == "#" and unit and len(unit) <= limits.UNIT_DIGITS_MAX:
                pin, end = await self.pad.digits(limits.PIN_DIGITS_MAX, limits.KEYPAD_IDLE_MS)
                if end == "#":
                    return self._made(unit, pin)

    def _key_went_down(self):
        self.is_claiming = True
        self._face.cancel()

    def _named(self, digits):
        if digits:
            self._face.by_number(int(digits))
        else:
            self._face.arm()

    def _made(self, unit, pin):
        number = int(unit)
        if len(pin) < limits.PIN_DIGITS_MIN:
            # No PIN is so short: nothing to compare, and nothing to learn from it.
            return claim.Claim(
                messages.METHOD_PIN, messages.TYPE_PIN, None, number, reasons.NONE, None
            )
        value = ("%d#%s" % (number, pin)).encode()
        tag = tags.credential_tag(self._keys.index_key, messages.TYPE_PIN, value)
        return claim.by_tag(messages.METHOD_PIN, messages.TYPE_PIN, tag, number)
