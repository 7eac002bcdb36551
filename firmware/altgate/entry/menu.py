"""What the keypad offers to whoever has just shown their card: to say yes to face, or to take it back."""

import sys
import time

from protocol import limits, messages, reasons


class Menu:
    """Open for limits.MENU_S after a card that proved its key. gate: consent.gate.Gate; camera:
    drivers.camera.Camera; signals: door.signals.Signals."""

    def __init__(self, gate, camera, signals):
        self._gate = gate
        self._camera = camera
        self._signals = signals
        self._shown = None  # Record, claim's tag, whether it opened, ticks_ms

    def card(self, claim, record, is_granted):
        """A claim was decided: a card that is on the register opens the menu, anything else closes it."""
        self._shown = None
        if claim.method == messages.METHOD_CARD and claim.fault == reasons.NONE and record:
            self._shown = (record, claim.tag, is_granted, time.ticks_ms())

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
        # Needed a few times in a door's life, so it does not stay in memory.
        from altgate.consent.ceremony import Ceremony

        try:
            return await Ceremony(self._gate, self._camera, self._signals, keys, shown[0], shown[1]).run()
        finally:
            for name in ("altgate.consent.ceremony", "altgate.vault.match"):
                sys.modules.pop(name, None)

    def _holder(self):
        shown = self._shown
        if shown and time.ticks_diff(time.ticks_ms(), shown[3]) <= limits.MENU_S * 1000:
            return shown
        return None

    def _refuse(self, reason, record):
        self._gate.refused(reason, record.id if record else 0, record.resident if record else 0)
        self._signals.refused()
