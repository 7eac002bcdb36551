"""What the keypad offers to whoever has just shown their card: to say yes to face, or to take it back."""

import asyncio
import time

from altgate.consent.ceremony import Ceremony
from protocol import limits, messages, reasons


class Menu:
    """Open for limits.MENU_S after a card that proved its key. gate: consent.gate.Gate; camera:
    drivers.camera.Camera; signals: door.signals.Signals."""

    def __init__(self, gate, camera, signals):
        self._gate = gate
        self._camera = camera
        self._signals = signals
        self._shown = None  # Record, claim's tag, whether it opened, ticks_ms
        self._awaited = None  # tag of the card that is to be shown once more
        self._again = asyncio.Event()

    def card(self, claim, record, is_granted):
        """A claim was decided: a card that is on the register opens the menu, anything else closes it."""
        self._shown = None
        if claim.method == messages.METHOD_CARD and claim.fault == reasons.NONE and record:
            self._shown = (record, claim.tag, is_granted, time.ticks_ms())

    def takes(self, claim):
        """Whether a card that was just proved is the one that is to be shown once more; it opens nothing."""
        if self._awaited is None or claim.fault != reasons.NONE or claim.tag != self._awaited:
            return False
        self._again.set()
        return True

    async def _card_again(self, tag):
        """Wait for the same card once more; False where it does not come in time."""
        self._again.clear()
        self._awaited = tag
        try:
            await asyncio.wait_for_ms(self._again.wait(), limits.FACE_CLAIM_S * 1000)
            return True
        except asyncio.TimeoutError:
            return False
        finally:
            self._awaited = None

    def withdraw(self):
        """Three stars: whoever showed their card takes their consent back. False with no card shown."""
        shown = self._holder()
        if shown is None:
            return False
        # Also with a card that does not open at this hour: out is easier than in.
        try:
            is_done, reason = self._gate.withdraw(shown[0].resident), reasons.NO_CONSENT
        except OSError:
            # What could be erased is erased; that it ended could not be written down.
            is_done, reason = False, reasons.STORAGE_FAILED
        if is_done:
            self._signals.withdrawn()
        else:
            self._refuse(reason, shown[0])
        return True

    async def ceremony(self, keys):
        """The face key was held: say yes, or enrol. ``keys``: entry.pin.Keys.

        Returns the digits of a unit number that somebody began to type instead, or "".
        """
        shown, self._shown = self._holder(), None
        if shown is None or not shown[2]:
            self._refuse(reasons.NOT_PRESENT, shown and shown[0])
            return ""
        parts = (self._gate, self._camera, self._signals, keys, self._card_again)
        return await Ceremony(*parts, shown[0], shown[1]).run()

    def _holder(self):
        shown = self._shown
        if shown and time.ticks_diff(time.ticks_ms(), shown[3]) <= limits.MENU_S * 1000:
            return shown
        return None

    def _refuse(self, reason, record):
        self._gate.refused(reason, record.id if record else 0, record.resident if record else 0)
        self._signals.refused()
