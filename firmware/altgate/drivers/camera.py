"""The face module and its supply. Nothing else on the door switches that supply."""

import asyncio

from protocol import limits, reasons


class CameraError(Exception):
    """No face was got; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Camera:
    """``supply(is_on)`` switches the module; ``module()`` makes the driver of it, just powered."""

    def __init__(self, supply, module):
        self._supply = supply
        self._module = module
        self._is_busy = False
        self._is_late = False

    async def face(self, permit, into):
        """Put the vector of one face into ``into``; raises CameraError. The supply is low again after.

        permit(): reasons.NONE where a face may be looked at now; asked in the moment before the supply
        rises. What the driver holds is wiped, whatever happens.
        """
        if self._is_busy:
            raise CameraError(reasons.MODULE_BUSY)
        reason = permit()
        if reason != reasons.NONE:
            raise CameraError(reason)
        self._is_busy, self._is_late = True, False
        module = alarm = None
        try:
            self._supply(True)
            # Not wait_for(): whoever waits there is woken a turn of the loop after the face is there.
            alarm = asyncio.create_task(self._give_up(asyncio.current_task()))
            module = self._module()
            await module.start()
            await module.face(into)
        except asyncio.CancelledError:
            if not self._is_late:
                raise
            raise CameraError(module.silence() if module else reasons.MODULE_SILENT)
        finally:
            self._supply(False)
            self._is_busy = False
            if alarm:
                alarm.cancel()
            if module:
                module.wipe()

    async def _give_up(self, waiting):
        await asyncio.sleep(limits.FACE_SHOT_S)
        self._is_late = True
        waiting.cancel()
