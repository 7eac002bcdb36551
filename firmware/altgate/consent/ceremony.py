"""Saying yes at the door: a resident who has just shown their card, their door PIN, the notice's code; then,
once the host has acknowledged it, three pictures. A presence lasts limits.PRESENCE_S and ends with a reboot.
"""

import asyncio
import time

from altgate.consent.register import Full
from altgate.drivers.camera import CameraError
from altgate.vault import match
from protocol import limits, reasons

_STEP_S = 30  # for typing the door PIN
_WRONG_CODES = 3


class _Refused(Exception):
    """A step was refused; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Ceremony:
    """One presence. gate: consent.gate.Gate; camera: drivers.camera.Camera; signals: door.signals.Signals;
    keys: entry.pin.Keys; card_again(tag): awaits the same card once more and says whether it came; record:
    the card's access.record.Record; tag: the card's tag at this door."""

    def __init__(self, gate, camera, signals, keys, card_again, record, tag):
        self._card_again = card_again
        self._gate = gate
        self._camera = camera
        self._signals = signals
        self._keys = keys
        self._record = record
        self._tag = tag
        self._resident = record.resident
        self._shots = []
        self._wrong_codes = 0
        self._until_ms = 0
        self._is_over = False

    async def run(self):
        """Until it is done, cancelled or over; whatever is refused is recorded with its reason.

        Returns the digits of a unit number that somebody began to type instead, or "".
        """
        self._gate.on_acknowledged = self._acknowledged
        try:
            await self._door_pin()
            return await self._present()
        except _Refused as error:
            self._refuse(error.reason)
        except (OSError, Full):
            self._refuse(reasons.STORAGE_FAILED)
        finally:
            self._gate.on_acknowledged = None
            self._forget_shots()
            self._signals.quiet()
        return ""

    async def _door_pin(self):
        is_set, locked_s = self._gate.pin_state(self._resident)
        if locked_s:
            raise _Refused(reasons.LOCKED_OUT)
        pin = await self._typed()
        if len(pin) < limits.PIN_DIGITS_MIN:
            raise _Refused(reasons.DOOR_PIN_WRONG)
        if is_set:
            if not self._gate.check_pin(self._resident, pin):
                raise _Refused(reasons.DOOR_PIN_WRONG)
        elif await self._typed() != pin:
            raise _Refused(reasons.DOOR_PINS_DIFFER)
        else:
            # Whoever opened with this card may have gone in long ago: a stranger at the keypad has no card.
            self._signals.ask()
            if not await self._card_again(self._tag):
                raise _Refused(reasons.NOT_PRESENT)
            self._gate.set_pin(self._resident, pin)
        self._until_ms = time.ticks_add(time.ticks_ms(), limits.PRESENCE_S * 1000)

    async def _typed(self):
        self._signals.ask()
        digits, end = await self._keys.digits(limits.PIN_DIGITS_MAX, _STEP_S * 1000)
        if end != "#":
            raise _Refused(reasons.CANCELLED if end else reasons.PRESENCE_EXPIRED)
        return digits

    async def _present(self):
        """The door knows who stands there: codes and pictures, until the presence is over."""
        self._signals.present()
        while not self._is_over:
            left_ms = self._left_ms()
            if left_ms <= 0:
                raise _Refused(reasons.PRESENCE_EXPIRED)
            digits, end = await self._keys.digits(limits.NOTICE_CODE_DIGITS, left_ms)
            if end == "*":
                raise _Refused(reasons.CANCELLED)
            if end == "#" and len(digits) < limits.NOTICE_CODE_DIGITS:
                # No code is so short: whoever stands there wants in by PIN, and need not wait for that.
                return digits
            try:
                if end == "F":
                    await self._shot()
                elif end == "#":
                    self._code(digits)
            except _Refused as error:
                if self._wrong_codes >= _WRONG_CODES:
                    raise
                self._refuse(error.reason)
        return ""

    def _code(self, digits):
        reason = self._absence()
        if reason != reasons.NONE:
            raise _Refused(reason)
        reason = self._gate.code_refusal(digits)
        if reason == reasons.NOTICE_CODE_WRONG:
            self._wrong_codes += 1
        if reason != reasons.NONE:
            raise _Refused(reason)
        if self._gate.enrol_refusal(self._resident) == reasons.FACE_OFF:
            raise _Refused(reasons.FACE_OFF)
        self._forget_shots()
        self._gate.give(self._resident, self._record.id, self._tag)
        self._signals.noted()

    def _acknowledged(self, resident):
        if resident == self._resident:
            self._signals.acknowledged()

    async def _shot(self):
        shot = bytearray(limits.FACE_VECTOR_BYTES)
        self._shots.append(shot)
        self._signals.face_notice()
        try:
            await asyncio.sleep_ms(limits.FACE_NOTICE_MS)
            await self._camera.face(self._permit, shot)
        except CameraError as error:
            self._wipe(self._shots.pop())
            raise _Refused(error.reason)
        self._signals.noted()
        if len(self._shots) == limits.FACE_SHOTS:
            await self._enrol()

    def _left_ms(self):
        return time.ticks_diff(self._until_ms, time.ticks_ms())

    def _absence(self):
        """Why this is no presence any more: its time is over, or the host has forgotten the door PIN."""
        if self._left_ms() <= 0:
            return reasons.PRESENCE_EXPIRED
        return reasons.NONE if self._gate.pin_state(self._resident)[0] else reasons.NOT_PRESENT

    def _permit(self):
        reason = self._absence()
        return reason if reason != reasons.NONE else self._gate.enrol_refusal(self._resident)

    async def _enrol(self):
        shots = self._shots
        for at in range(limits.FACE_SHOTS):
            await asyncio.sleep_ms(0)
            if not match.is_alike(shots[at], shots[at - 1], limits.FACE_AGREE_THOUSANDTHS):
                self._forget_shots()
                raise _Refused(reasons.SHOTS_DIFFER)
        template = match.mean(shots)
        try:
            reason = self._permit()
            if reason != reasons.NONE:
                raise _Refused(reason)
            if not await self._gate.enrol(self._resident, template):
                raise _Refused(reasons.NO_CONSENT)
        finally:
            self._wipe(template)
            self._forget_shots()
        self._is_over = True
        self._signals.granted()

    def _refuse(self, reason):
        self._gate.refused(reason, self._record.id, self._resident)
        self._signals.refused()

    def _forget_shots(self):
        while self._shots:
            self._wipe(self._shots.pop())

    @staticmethod
    def _wipe(vector):
        for at in range(len(vector)):
            vector[at] = 0
