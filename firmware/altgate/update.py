"""Takes an image of the firmware into the code slot that is not running. Imported only for that.

Knows nothing of how the bytes arrive. begin() and finish() are generators of short steps; what they refuse
raises Unfit, and the slot that runs is never touched:

    new = Update(running(), floor)
    for _ in new.begin(manifest, signature, True): ...
    offset = new.write(offset, data)   # until everything is there
    for _ in new.finish(): ...         # on trial from the next start on
"""

import sys
from hashlib import sha256

from altgate import pins, release_key
from altgate.crypto import cbor, lms
from altgate.slots import LABELS, Slot, head
from protocol import limits, reasons, update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SECTOR = 4096
_KINDS = {
    update.FORMAT: int, update.VERSION: str, update.BOARD: str, update.LAYOUT: int,
    update.SIZE: int, update.SHA256: bytes, update.SECURITY: int, update.CREATED: int,
}  # fmt: skip


class Unfit(Exception):
    """An image that is not taken; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def running():
    """The label of the slot that this firmware was started from, or None: it was not."""
    return sys.argv[0] if sys.argv and sys.argv[0] in LABELS else None


def manifest_of(data):
    """The fields of a manifest of this format; raises Unfit."""
    if len(data) > update.MANIFEST_BYTES:
        raise Unfit(reasons.TOO_LONG)
    try:
        fields = cbor.decode(data)
    except cbor.CborError:
        raise Unfit(reasons.BAD_CBOR)
    if type(fields) is not dict or len(fields) != len(_KINDS):
        raise Unfit(reasons.BAD_SHAPE)
    for key, kind in _KINDS.items():
        value: Any = fields.get(key)
        if type(value) is not kind or kind is int and not 0 <= value < 1 << 32:
            raise Unfit(reasons.BAD_SHAPE)
    if (
        fields[update.FORMAT] != update.MANIFEST_FORMAT
        or len(fields[update.SHA256]) != 32
        or not fields[update.SIZE]
    ):
        raise Unfit(reasons.BAD_SHAPE)
    return fields


class Update:
    """One update. ``slot``: the label of the slot that runs, or None; ``floor``: the security number below
    which this door takes nothing (KEY_SECURITY of its counters). Raises OSError where there are no slots."""

    def __init__(self, slot, floor=0):
        self._from = Slot(slot) if slot else None
        self._to = Slot(LABELS[0] if slot == LABELS[1] else LABELS[1])
        self._floor = floor
        self._manifest = self._signature = b""
        self._size = self._next = 0
        self._digest = b""
        self.is_signed = False  # whether the image that was begun bears the release key's signature
        # Set before begin() erases, and before finish() makes the image one that is started.
        self.is_judged = self.is_whole = False
        self.number = self._from.number + 1 if self._from else 1

    def begin(self, manifest, signature, is_signed_needed):
        """Judge an image and make room for it. An image with a signature must have a right one, needed or
        not; without a release key none is right."""
        self._size, self.is_judged, self.is_whole = 0, False, False
        fields = manifest_of(manifest)
        self._judge(fields)
        self.is_signed = False
        if signature:
            yield from self._check_signature(manifest, signature)
        elif is_signed_needed:
            raise Unfit(reasons.NOT_SIGNED)
        self._manifest, self._signature, self._digest = (
            bytes(manifest),
            bytes(signature),
            fields[update.SHA256],
        )
        self.is_judged = True
        yield
        # The head goes first: what is left of the old image behind it is then never started.
        for sector in range((update.HEAD_BYTES + fields[update.SIZE] + SECTOR - 1) // SECTOR):
            _kept(self._to.flash.ioctl, 6, sector)
            yield
        self._size, self._next = fields[update.SIZE], 0

    def is_of(self, manifest, signature):
        """Whether this image was begun and is still taken."""
        return self._size > 0 and self._manifest == manifest and self._signature == signature

    @property
    def next(self):
        """Offset of the bytes that are wanted next."""
        return self._next

    @property
    def digest(self):
        """SHA-256 of the image that was begun."""
        return self._digest

    def write(self, offset, data):
        """Take the next bytes of the ROMFS, at most a sector of them; returns the offset of what is wanted
        next. What is there already may come again."""
        end = offset + len(data)
        if not self._size:
            raise Unfit(reasons.BAD_SHAPE)
        if len(data) > SECTOR:
            raise Unfit(reasons.TOO_LONG)
        if offset < 0 or offset > self._next or end > self._size or offset < self._next < end:
            raise Unfit(reasons.OVERRUN)
        if end > self._next:
            self._program(update.HEAD_BYTES + offset, data)
            self._next = end
        return self._next

    def finish(self):
        """Read everything back, and put the image on trial."""
        if not self._size or self._next != self._size:
            raise Unfit(reasons.BAD_SHAPE)
        total, buffer = sha256(), bytearray(SECTOR)
        for at in range(0, self._size, SECTOR):
            piece = memoryview(buffer)[: min(SECTOR, self._size - at)]
            _kept(self._to.flash.readblocks, (update.HEAD_BYTES + at) // SECTOR, piece)
            total.update(piece)
            yield
        if total.digest() != self._digest:
            self._size = 0
            raise Unfit(reasons.IMAGE_DAMAGED)
        self.is_whole = True
        yield
        first, content = head(self.number, self._manifest, self._signature, self._size, self._digest)
        self._program(update.CONTENT_AT, content)
        yield
        self._program(0, first)
        # The image exists from this word on.
        if not _kept(self._to.say, update.WRITTEN_AT):
            raise Unfit(reasons.STORAGE_FAILED)
        self._size = 0

    def _judge(self, fields):
        # An image on trial may go back to the one before it, so that one must stay.
        if self._from and not self._from.says(update.GOOD_AT):
            raise Unfit(reasons.ON_TRIAL)
        if fields[update.BOARD] != pins.BOARD:
            raise Unfit(reasons.OTHER_BOARD)
        if fields[update.LAYOUT] != limits.FLASH_LAYOUT:
            raise Unfit(reasons.OTHER_LAYOUT)
        if fields[update.SIZE] > self._to.room:
            raise Unfit(reasons.IMAGE_TOO_LARGE)
        floor = self._floor
        for slot in (self._from, self._to):
            if slot and slot.number and slot.says(update.GOOD_AT):
                floor = max(floor, security_of(slot))
        if fields[update.SECURITY] < floor:
            raise Unfit(reasons.SECURITY_LOWER)

    def _check_signature(self, manifest, signature):
        key, start = release_key.PUBLIC_KEY, update.KEY_ID_BYTES
        if len(signature) > update.SIGNATURE_BYTES or len(manifest) + len(signature) > _content_bytes():
            raise Unfit(reasons.TOO_LONG)
        if not key or signature[:start] != key[8 : 8 + start]:
            raise Unfit(reasons.OTHER_RELEASE_KEY)
        is_right = yield from lms.verify(key, bytes(manifest), bytes(signature[start:]))
        if not is_right:
            raise Unfit(reasons.BAD_SIGNATURE)
        self.is_signed = True

    def _program(self, at, data):
        flash = self._to.flash
        _kept(flash.writeblocks, at // SECTOR, data, at % SECTOR)
        back = bytearray(len(data))
        _kept(flash.readblocks, at // SECTOR, back, at % SECTOR)
        if back != data:
            self._size = 0
            raise Unfit(reasons.STORAGE_FAILED)


def security_of(slot):
    """The security number of the image in a slot, 0 where its manifest does not check."""
    try:
        return manifest_of(slot.manifest)[update.SECURITY]
    except Unfit:
        return 0


def _content_bytes():
    return update.HEAD_BYTES - update.CONTENT_AT


def _kept(operation, *arguments):
    """Do something with the flash; where that fails, the image is not taken."""
    try:
        return operation(*arguments)
    except OSError:
        raise Unfit(reasons.STORAGE_FAILED)
