"""QR passes: checked offline, by the tag that this door alone can verify."""

import asyncio

from altgate.crypto import passes
from altgate.entry import claim
from altgate.entry.channel import Channel
from protocol import messages


class QrChannel(Channel):
    """Claims from a code scanner. ``keys`` gives pass_key and door_bytes (the door id as 4 bytes)."""

    name = "qr"

    def __init__(self, submit, failed, scanner, keys):
        super().__init__(submit, failed)
        self._scanner = scanner
        self._keys = keys

    async def claim(self):
        text = await self._scanner.code()
        await asyncio.sleep_ms(0)
        try:
            return claim.by_pass(passes.check(text, self._keys.pass_key, self._keys.door_bytes))
        except passes.PassError as error:
            return claim.failed(messages.METHOD_QR, error.reason)
