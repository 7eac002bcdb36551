"""Face: somebody names themselves, a lamp warns for two seconds, and only then one face is looked at.

Whoever is named, with consent or without, the two seconds are alike. The supply rises only where the gate
says so, and the vector is compared with the template of the one who was named; it is wiped in any case.
"""

import asyncio
import time

from altgate.entry import claim
from altgate.drivers.camera import CameraError
from altgate.entry.channel import Channel
from protocol import limits, messages, reasons


class FaceChannel(Channel):
    """gate: consent.gate.Gate. camera: drivers.camera.Camera. signals: door.signals.Signals."""

    name = "face"

    def __init__(self, submit, failed, gate, camera, signals):
        super().__init__(submit, failed)
        self._gate = gate
        self._camera = camera
        self._signals = signals
        self._named = asyncio.Event()
        self._resident = None
        self._armed_ms = None
        self._is_cancelled = False

    def by_number(self, number):
        """Somebody typed a personal number and pressed the face key."""
        self._name(self._gate.named(number))

    def arm(self):
        """The face key was pressed alone: the next card names who claims, and does not open by itself."""
        if not self.is_claiming:
            self._armed_ms = time.ticks_ms()
            self._signals.wait_for_next(limits.FACE_CLAIM_S)

    def takes_card(self, claim, credentials):
        """Whether a card that was just proved names a claim by face rather than opening the door."""
        armed_ms, self._armed_ms = self._armed_ms, None
        if armed_ms is None or time.ticks_diff(time.ticks_ms(), armed_ms) > limits.FACE_CLAIM_S * 1000:
            return False
        if claim.method != messages.METHOD_CARD or claim.fault != reasons.NONE or self.is_claiming:
            return False
        record = credentials.find(claim.type, claim.tag)
        self._name(record.resident if record else None)
        return True

    def cancel(self):
        """A key was pressed: whoever stands there wants something else."""
        self._armed_ms = None
        self._is_cancelled = True

    def _name(self, resident):
        if not self.is_claiming:
            self._resident, self._is_cancelled = resident, False
            self.is_claiming = True
            self._named.set()

    async def claim(self):
        await self._named.wait()
        self._named.clear()
        resident, self._resident = self._resident, None
        self._signals.face_notice()
        until_ms = time.ticks_add(time.ticks_ms(), limits.FACE_NOTICE_MS)
        while time.ticks_diff(until_ms, time.ticks_ms()) > 0:
            if self._is_cancelled:
                return self._made(resident, reasons.CANCELLED)
            await asyncio.sleep_ms(20)
        if resident is None:
            return self._made(None, reasons.UNKNOWN_CREDENTIAL)
        return await self._looked_at(resident)

    async def _looked_at(self, resident):
        from altgate.vault import match

        vector = bytearray(limits.FACE_VECTOR_BYTES)
        template = None
        try:
            reason = self._refusal(resident)
            if reason != reasons.NONE:
                return self._made(resident, reason)
            # Opened ahead, so that nothing but the comparison is left when the face is there.
            template = self._gate.template(resident)
            if template is None:
                return self._made(resident, reasons.NOT_ENROLLED)
            await asyncio.sleep_ms(0)
            await self._camera.face(lambda: self._refusal(resident), vector)
            # The try is stored before anything is compared.
            self._gate.count_try(resident)
            is_alike = match.is_alike(vector, template, limits.FACE_ACCEPT_THOUSANDTHS)
            return self._made(resident, reasons.NONE if is_alike else reasons.FACE_MISMATCH)
        except CameraError as error:
            return self._made(resident, error.reason)
        except OSError:
            # The try could not be stored, or the template not be read: nothing is compared.
            return self._made(resident, reasons.STORAGE_FAILED)
        finally:
            _wipe(vector)
            if template is not None:
                _wipe(template)

    def _refusal(self, resident):
        return reasons.CANCELLED if self._is_cancelled else self._gate.look_refusal(resident)

    def _made(self, resident, fault):
        tag = self._gate.card_tag(resident) if resident is not None else None
        return claim.Claim(messages.METHOD_FACE, messages.TYPE_CARD, tag, 0, fault, None)


def _wipe(vector):
    for at in range(len(vector)):
        vector[at] = 0
