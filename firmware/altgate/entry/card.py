"""Cards: NTAG 424 DNA by proof of its key; anything else as a UID, which the door refuses by default."""

import asyncio

from altgate.crypto import tags
from altgate.drivers.pn532 import ReaderError
from altgate.entry import claim, ntag424
from altgate.entry.channel import Channel
from protocol import messages, reasons

LOOK_MS = 100


class CardChannel(Channel):
    """Claims from a PN532. ``keys`` gives index_key, zone_key and zone; ``random(n)`` fresh bytes.

    takes(claim): whether a genuine card names somebody for another way in and is not to open by itself.
    """

    name = "card"

    def __init__(self, submit, failed, reader, keys, random, takes):
        super().__init__(submit, failed)
        self._takes = takes
        self.reader = reader
        self._keys = keys
        self._random = random

    async def start(self):
        await self.reader.start()

    async def claim(self):
        while True:
            found = await self.reader.find()
            if found:
                self.is_claiming = True
                made = await self._prove(found[0], found[1])
                if not self._takes(made):
                    return made
                self.is_claiming = False
                await self.after()
            await asyncio.sleep_ms(LOOK_MS)

    async def after(self):
        """Wait until the card has left the field: one tap is one claim."""
        while True:
            await self.reader.release()
            if await self.reader.find() is None:
                return
            await asyncio.sleep_ms(LOOK_MS)

    async def _prove(self, uid, is_iso):
        keys = self._keys
        if not is_iso:
            tag = tags.credential_tag(keys.index_key, messages.TYPE_LEGACY_UID, uid)
            return claim.by_tag(messages.METHOD_LEGACY_UID, messages.TYPE_LEGACY_UID, tag)
        if len(uid) != 7:
            # A phone or a card with a random number: nothing that this zone could have keyed.
            return claim.failed(messages.METHOD_CARD, reasons.CARD_NOT_GENUINE)
        try:
            is_genuine = await ntag424.is_genuine(
                self.reader, uid, keys.zone_key, keys.zone, self._random
            )
        except ReaderError as error:
            if error.reason != reasons.CARD_LOST:
                raise
            return claim.failed(messages.METHOD_CARD, reasons.CARD_LOST)
        # A card that speaks ISO 14443-4 and fails is never tried as a mere UID: that would be a downgrade.
        if not is_genuine:
            return claim.failed(messages.METHOD_CARD, reasons.CARD_NOT_GENUINE)
        tag = tags.credential_tag(keys.index_key, messages.TYPE_CARD, uid)
        return claim.by_tag(messages.METHOD_CARD, messages.TYPE_CARD, tag)
