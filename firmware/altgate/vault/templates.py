"""Face templates on this door: each sealed with AES-256-SIV under a key of its own, made here and kept apart.

The key lies wrapped in a page of slots (vault.slots), the sealed template in another. Content of a key slot:
consent 16 (the first bytes of its hash), pair u32, wrapped key 80. Of a template slot: consent 16, pair u32,
sealed template. The pair ties the two together: what has lost its other half is zeroed at the next start.
Associated data binds the door, the resident and the whole hash of the consent.
"""

import asyncio
import os
import struct

from altgate.crypto import siv
from altgate.vault.slots import FAILURES, Slots

KEY_SLOT = 128
TEMPLATE_SLOT = 256
VERSION = b"altgate/template/1"
_HEAD = "<16sI"
_HEAD_BYTES = 20


class Templates:
    """The templates over two raw partitions. ``wrap``: the door's 64-byte wrapping key for template keys."""

    def __init__(self, keys, templates, wrap, door_id):
        self._keys = Slots(keys, KEY_SLOT)
        self._sealed = Slots(templates, TEMPLATE_SLOT)
        self._wrap = wrap
        self._door = door_id.encode()
        # consent's first 16 bytes: numbers of the key and the template in their pages, and behind them those
        # of an earlier pair that is still to be zeroed
        self._at = {}
        self.damaged = 0
        self._pair_up()

    def has(self, consent):
        """Whether there is a template under this consent (32 bytes)."""
        return bool(self._at.get(consent[:16]))

    async def store(self, resident, consent, template):
        """Seal and keep a template, instead of an earlier one under the same consent.

        Raises OSError where the flash refuses or is full: nothing new is left then, and where the old one
        could not be zeroed nobody opens that either.
        """
        key = os.urandom(siv.KEY_BYTES)
        pair = int.from_bytes(os.urandom(4), "big")
        name = consent[:16]
        head = struct.pack(_HEAD, name, pair)
        bound = self._bound(resident, consent)
        sealed = head + siv.seal(key, template, bound)
        await asyncio.sleep_ms(0)
        wrapped = head + siv.seal(self._wrap, key, bound)
        await asyncio.sleep_ms(0)
        kept = self._sealed.put(sealed)
        await asyncio.sleep_ms(0)
        try:
            # What has to grow does so before the key lies there: then it is known, and can be erased.
            old = self._at.setdefault(name)
            at = [0, kept]
            at.extend(old or ())
            at[0] = self._keys.put(wrapped)
        except FAILURES:
            self._sealed.erase(kept)
            raise
        self._at[name] = at
        await asyncio.sleep_ms(0)
        if old:
            try:
                self._erase(old)
                del at[2:]
            except OSError:
                self.erase(consent)
                raise

    def key(self, resident, consent):
        """The key of a template, for open_(); None where there is none, or none that is genuine."""
        at = self._at.get(consent[:16])
        if not at:
            return None
        try:
            content = self._keys.read(at[0])
            return siv.open_(self._wrap, memoryview(content)[_HEAD_BYTES:], self._bound(resident, consent))
        except (siv.SivError, KeyError):
            # Not genuine, or zeroed already when erasing it did not come to its end.
            self.damaged += 1
            return None

    def open_(self, key, resident, consent):
        """The template, in a bytearray that the caller must wipe; None where it is not genuine."""
        content = self._sealed.read(self._at[consent[:16]][1])
        try:
            return siv.open_(key, memoryview(content)[_HEAD_BYTES:], self._bound(resident, consent))
        except siv.SivError:
            self.damaged += 1
            return None

    def erase(self, consent):
        """Zero key and template of a consent in place, and read them back; raises OSError if they stay."""
        name = consent[:16]
        at = self._at.get(name)
        try:
            if at:
                self._erase(at)
        except OSError:
            # Nobody opens it from here on, whatever stays.
            del self._at[name]
            raise
        self._at.pop(name, None)

    def keep_only(self, consents):
        """Erase every template whose consent is not among these: a withdrawal that the power cut short."""
        kept = {consent[:16] for consent in consents}
        failed = None
        for consent in list(self._at):
            if consent not in kept:
                try:
                    self.erase(consent)
                except OSError as error:
                    failed = error
        if failed:
            raise failed

    def wipe(self):
        """Zero all keys, then all templates, and read them back; raises OSError."""
        self._at.clear()
        try:
            self._keys.wipe()
        finally:
            self._sealed.wipe()

    def _erase(self, at):
        failed = None
        for place in range(len(at)):
            try:
                # The key first: from then on nobody opens the template any more.
                (self._sealed if place & 1 else self._keys).erase(at[place])
            except OSError as error:
                # Worn: the rest goes all the same.
                failed = error
        if failed:
            raise failed

    def _bound(self, resident, consent):
        return VERSION, self._door, struct.pack("<I", resident), consent

    def _pair_up(self):
        """Find what belongs together; zero halves, and the older of two under one consent."""
        keys, templates = self._read(self._keys), self._read(self._sealed)
        for pair, (consent, number) in keys:
            other = [row[1] for before, row in templates if before == pair and row[0] == consent]
            if not other:
                self._keys.erase(number)
                continue
            # Keys come oldest first, so a later one under the same consent took the place of this.
            if consent in self._at:
                self._erase(self._at[consent])
            self._at[consent] = [number, other[-1]]
        used = {row[1] for row in self._at.values()}
        for number in self._sealed.live():
            if number not in used:
                self._sealed.erase(number)

    def _read(self, slots):
        """``(pair, (consent, number))`` of everything in a page, oldest first."""
        rows = []
        for number in slots.live():
            content = slots.read(number)
            consent, pair = struct.unpack_from(_HEAD, content)
            rows.append((pair, (consent, number)))
            siv.wipe(content)
        return rows
