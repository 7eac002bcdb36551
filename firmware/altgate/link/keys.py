"""What proves a door to its broker and its host: a certificate with its private key, and keys of MACs.

The private key was made on the board and stays; the others renew. A renewal has a number, the generation,
and lies beside what the door has until the host was heard under it; until then a broker that refuses the one
is tried with the other. Keys of the MACs come from the board's key and the generation, so that a host that
was restored from a backup can still follow.
"""

import asyncio
import os

from altgate import rooms
from altgate.crypto import cbor, siv
from altgate.crypto.hkdf import door_subkey, hkdf
from altgate.store import files
from altgate.store.draft import Refused
from protocol import provisioning, reasons, renewal

PATH = files.ROOT + "/renewal.bin"
_MOST = 4096

FAILURES = (OSError, MemoryError, files.Damaged, ValueError)  # of what is kept; SivError is a ValueError


class LinkKeys:
    """``who``: store.identity.Identity; ``page``: the esp32.Partition of the wrapping key.

    door_id, generation, up_key, down_key, and pair(): ``(certificate, private key)``, DER each, are those to
    be used now.
    """

    def __init__(self, who, page):
        self.door_id = who.door_id
        self._door_key = who.door_key
        self._page = page
        # (generation, pair), the newest first; a second one is what held before.
        self._held = [(who.generation, (who.certificate, who.private_key))]
        newer = self._kept()
        if newer and newer[0] > who.generation:
            self._held.insert(0, self._paired(newer))
        self._use(0)

    def pair(self):
        """The same object for as long as it is to be used."""
        return self._held[self._at][1]

    @property
    def is_undecided(self):
        """Whether there are two, because the host was not yet heard under the newest."""
        return len(self._held) > 1

    def refused(self):
        """A connection did not come about: the other one is next, where there are two."""
        self._use((self._at + 1) % len(self._held))

    def lost(self):
        """A connection that had come about has ended: the newest is next."""
        self._use(0)

    async def take(self, sealed):
        """Keep a renewal, to be used from the next connection on; True, or False where it is there already.

        sealed: AES-256-SIV under the door's key. Raises Refused; OSError where the flash refuses.
        """
        key = hkdf(self._door_key, b"", renewal.LABEL, siv.KEY_BYTES)
        try:
            content = siv.open_(key, sealed, self._associated())
        except ValueError:
            raise Refused(reasons.BAD_MAC)
        await asyncio.sleep_ms(0)
        row = _row(content)
        newest = self._held[0]
        if row == (newest[0], newest[1][0]):
            return False
        if row[0] != newest[0] + 1:
            raise Refused(reasons.VERSION_MISMATCH)
        sealed = siv.seal(self._wrapping_key(), content, self._associated())
        await asyncio.sleep_ms(0)
        files.write(PATH, sealed)
        await asyncio.sleep_ms(0)
        if self._kept() != row:
            raise OSError(5)
        # What is in use stays so until this connection ends, and is what the other one is tried with.
        self._held[:] = [self._paired(row), self._held[self._at]]
        self._at = 1
        return True

    async def confirmed(self):
        """The host was heard: where that was under the newest, what held before is forgotten.

        Raises OSError, and both stay.
        """
        if self._at or len(self._held) == 1:
            return
        from altgate.store import identity

        generation, pair = self._held[0]
        try:
            await identity.renew(self._page, generation, pair[0])
        finally:
            rooms.forget("altgate.store.identity")
        del self._held[1:]
        os.remove(PATH)

    def _paired(self, row):
        return row[0], (row[1], self._held[-1][1][1])

    def _use(self, at):
        self._at = at
        self.generation = self._held[at][0]
        self.up_key, self.down_key = [
            door_subkey(self._door_key, b"%s/%d" % (way, self.generation)) for way in (b"up", b"down")
        ]

    def _kept(self):
        """``(generation, certificate)`` of the file, or None; one that does not check is none."""
        try:
            sealed = files.read(PATH, _MOST)
            return sealed and _row(siv.open_(self._wrapping_key(), sealed, self._associated()))
        except (OSError, files.Damaged, ValueError, Refused):
            # The host brings it again: it was not heard under it yet.
            return None

    def _wrapping_key(self):
        from altgate.store import identity

        key = identity.wrapping_key(self._page)
        rooms.forget("altgate.store.identity")
        if key is None:
            raise OSError(5)
        return key

    def _associated(self):
        return (renewal.LABEL, self.door_id.encode())


def _row(content):
    """``(generation, certificate)`` of a renewal; raises Refused."""
    try:
        fields = cbor.decode(bytes(content))
    except cbor.CborError:
        raise Refused(reasons.BAD_CBOR)
    if type(fields) is not dict or len(fields) != 2:
        raise Refused(reasons.BAD_SHAPE)
    generation, certificate = fields.get(provisioning.GENERATION), fields.get(provisioning.CERTIFICATE)
    if type(generation) is not int or not 0 < generation <= 0xFFFF:
        raise Refused(reasons.BAD_SHAPE)
    if type(certificate) is not bytes or not 32 <= len(certificate) <= 2048:
        raise Refused(reasons.BAD_SHAPE)
    return generation, certificate
