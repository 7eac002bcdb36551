"""Contents too long for one line: taken in chunks and checked as a whole, read in chunks."""

import hashlib

from altgate.console.line import Bad, check
from protocol import provisioning, reasons


class Contents:
    """``await take(kind, content)`` acts on a whole one and returns what can be read then, as bytes."""

    def __init__(self, take, readable=b""):
        self._take = take
        self.readable = readable
        self._kind = self._length = 0
        self._digest = b""
        self._content = None

    async def said(self, said):
        """The answer to one of SAY_BEGIN, SAY_CHUNK, SAY_COMMIT and SAY_READ; raises Bad."""
        handler = _HANDLERS.get(said[0])
        if handler is None:
            raise Bad(reasons.UNKNOWN_VERB)
        return await handler(self, said)

    async def _begin(self, said):
        check(said[1:], (int, int, bytes))
        if not 0 < said[2] <= provisioning.CONTENT_BYTES or len(said[3]) != 32:
            raise Bad(reasons.TOO_LONG)
        self._kind, self._length, self._digest = said[1:]
        self._content = bytearray()
        return [provisioning.SAY_CHUNK, 0]

    async def _chunk(self, said):
        check(said[1:], (int, bytes))
        if self._content is None:
            raise Bad(reasons.BAD_SHAPE)
        if said[1] != len(self._content) or said[1] + len(said[2]) > self._length:
            raise Bad(reasons.OVERRUN)
        self._content.extend(said[2])
        return [provisioning.SAY_CHUNK, len(self._content)]

    async def _commit(self, said):
        check(said[1:], ())
        if self._content is not None:
            if len(self._content) != self._length:
                raise Bad(reasons.BAD_SHAPE)
            content, self._content = bytes(self._content), None
            if hashlib.sha256(content).digest() != self._digest:
                raise Bad(reasons.BAD_CHECKSUM)
            self.readable = await self._take(self._kind, content)
        return [provisioning.SAY_COMMIT, len(self.readable)]

    async def _read(self, said):
        check(said[1:], (int,))
        if not 0 <= said[1] <= len(self.readable):
            raise Bad(reasons.OVERRUN)
        chunk = self.readable[said[1] : said[1] + provisioning.CHUNK_BYTES]
        return [provisioning.SAY_READ, said[1], chunk]


_HANDLERS = {
    provisioning.SAY_BEGIN: Contents._begin,
    provisioning.SAY_CHUNK: Contents._chunk,
    provisioning.SAY_COMMIT: Contents._commit,
    provisioning.SAY_READ: Contents._read,
}
