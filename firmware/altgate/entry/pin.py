"""Unit number and PIN at the keypad: ``101 # 246813 #``; ``*`` starts again."""

import asyncio

from altgate.crypto import tags
from altgate.entry import claim
from altgate.entry.channel import Channel
from protocol import limits, messages, reasons


class PinChannel(Channel):
    """Claims from a keypad. ``feedback()`` sounds for every key, whatever the key is."""

    name = "pin"

    def __init__(self, submit, failed, keypad, keys, feedback):
        super().__init__(submit, failed)
        self._keypad = keypad
        self._keys = keys
        self._feedback = feedback

    async def claim(self):
        while True:
            self.is_claiming = False
            unit = await self._digits(limits.UNIT_DIGITS_MAX, None)
            if not unit:
                continue
            pin = await self._digits(limits.PIN_DIGITS_MAX, limits.KEYPAD_IDLE_MS)
            if pin is None:
                continue
            return self._made(unit, pin)

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

    async def _digits(self, most, first_timeout_ms):
        """Digits up to ``#``; None after ``*``, too many digits, or a pause that was too long."""
        digits = ""
        timeout = first_timeout_ms
        while True:
            try:
                if timeout is None:
                    key = await self._keypad.key()
                else:
                    key = await asyncio.wait_for_ms(self._keypad.key(), timeout)
            except asyncio.TimeoutError:
                return None
            self._feedback()
            self.is_claiming = True
            timeout = limits.KEYPAD_IDLE_MS
            if key == "#":
                return digits
            digits += key
            if key == "*" or len(digits) > most:
                return None
