"""An image as it lies in a code slot: a head with the manifest and its signature, then the ROMFS.

Format: docs/formats.md. The door has its own code for it (firmware/altgate/slots.py), so that each checks the
other.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cbor2

from altgate.errors import CheckFailed, Refused
from altgate.protocol import update

_HEAD = struct.Struct("<IIIIII32s")
_CHECK = struct.Struct("<I")
_SET = bytes(4)
_KINDS: dict[int, type] = {
    update.FORMAT: int,
    update.VERSION: str,
    update.BOARD: str,
    update.LAYOUT: int,
    update.SIZE: int,
    update.SHA256: bytes,
    update.SECURITY: int,
    update.CREATED: int,
}
Manifest = dict[int, Any]


@dataclass(frozen=True)
class Image:
    """``manifest``: its CBOR, which is what is signed; ``signature``: empty for an unsigned image."""

    manifest: bytes
    signature: bytes
    rom: bytes

    @property
    def fields(self) -> Manifest:
        """The manifest's keys of altgate.protocol.update; raises CheckFailed where it is none."""
        return read_manifest(self.manifest)

    def in_slot(self, number: int = 1) -> bytes:
        """The bytes of a slot with it, written whole and good: for a board on which nothing runs yet."""
        content = self.manifest + self.signature
        room = update.HEAD_BYTES - update.CONTENT_AT
        if len(self.manifest) > update.MANIFEST_BYTES or len(content) > room:
            raise Refused("The manifest or its signature is too long for a slot: choose a shorter version.")
        digest = hashlib.sha256(self.rom).digest()
        head = bytearray(b"\xff" * update.HEAD_BYTES)
        sizes = (number, len(self.rom), len(self.manifest), len(self.signature))
        first = _HEAD.pack(update.HEAD_MAGIC, *sizes, zlib.crc32(content), digest)
        first += _CHECK.pack(zlib.crc32(first))
        head[: len(first)] = first
        for word in (update.WRITTEN_AT, update.GOOD_AT):
            head[word : word + len(_SET)] = _SET
        head[update.CONTENT_AT : update.CONTENT_AT + len(content)] = content
        return bytes(head) + self.rom


def from_slot(data: bytes) -> Image:
    """The image in a slot's bytes, or in a file of them; raises CheckFailed where it is not whole."""
    first = data[: _HEAD.size]
    if len(data) < update.HEAD_BYTES or _CHECK.unpack_from(data, _HEAD.size)[0] != zlib.crc32(first):
        raise CheckFailed("This is no image of the firmware, or its head is damaged: build it again.")
    magic, _, size, manifest_bytes, signature_bytes, check, digest = _HEAD.unpack(first)
    start, end = update.CONTENT_AT, update.CONTENT_AT + manifest_bytes
    if magic != update.HEAD_MAGIC or end + signature_bytes > update.HEAD_BYTES:
        raise CheckFailed("This is no image of the firmware: build one with altgate release build.")
    rom = data[update.HEAD_BYTES : update.HEAD_BYTES + size]
    image = Image(data[start:end], data[end : end + signature_bytes], rom)
    fields = image.fields
    is_whole = zlib.crc32(image.manifest + image.signature) == check
    is_whole = is_whole and len(rom) == size == fields[update.SIZE] and hashlib.sha256(rom).digest() == digest
    if not is_whole or digest != fields[update.SHA256]:
        raise CheckFailed("The image is damaged: it is not what its manifest says. Build it again.")
    return image


def manifest(rom: bytes, version: str, board: str, layout: int, security: int, created: int) -> bytes:
    """The manifest of a ROMFS, as CBOR."""
    return cbor2.dumps(
        {
            update.FORMAT: update.MANIFEST_FORMAT,
            update.VERSION: version,
            update.BOARD: board,
            update.LAYOUT: layout,
            update.SIZE: len(rom),
            update.SHA256: hashlib.sha256(rom).digest(),
            update.SECURITY: security,
            update.CREATED: created,
        },
        canonical=True,
    )


def read_manifest(data: bytes) -> Manifest:
    """The fields of a manifest; raises CheckFailed where it is none of this format."""
    try:
        fields = cbor2.loads(data)
        is_canonical = cbor2.dumps(fields, canonical=True) == data
    except (cbor2.CBORError, ValueError, TypeError, RecursionError):
        raise CheckFailed("The image's manifest cannot be read: build it again.") from None
    kinds = {key: type(value) for key, value in fields.items()} if isinstance(fields, dict) else {}
    if kinds != _KINDS or not is_canonical or fields[update.FORMAT] != update.MANIFEST_FORMAT:
        raise CheckFailed("The image's manifest has another format: build it with this version of altgate.")
    return dict(fields)
