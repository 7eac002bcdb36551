"""The two code slots: what lies in them, and what is said of it in place.

The loader has a copy of this module of its own, so nothing of altgate may be imported here.
"""

import binascii
import struct
from hashlib import sha256

from esp32 import Partition
from protocol import update

LABELS = ("code_a", "code_b")
# Magic, number, bytes of the ROMFS, of the manifest and of the signature, CRC-32 of the last two one after
# the other, SHA-256 of the ROMFS.
_HEAD = "<IIIIII32s"
_HEAD_BYTES = 56
_SET = b"\0\0\0\0"
_STEP = 4096


class Slot:
    """One slot, as its head tells; ``number`` is 0 where no image lies whole in it. Raises OSError."""

    def __init__(self, label):
        found = Partition.find(Partition.TYPE_DATA, label=label)
        if not found:
            raise OSError(2)
        self.label, self.flash = label, found[0]
        self.room = self.flash.ioctl(4, 0) * _STEP - update.HEAD_BYTES
        self.number = self.size = self.manifest_bytes = self.signature_bytes = 0
        self.digest, self._check = b"", 0
        head = bytearray(_HEAD_BYTES + 4)
        self.flash.readblocks(0, head)
        magic, number, size, manifest_bytes, signature_bytes, content, digest, check = struct.unpack(
            _HEAD + "I", head
        )
        if magic != update.HEAD_MAGIC or binascii.crc32(memoryview(head)[:_HEAD_BYTES]) != check:
            return
        if not 0 < size <= self.room or not self.says(update.WRITTEN_AT):
            return
        if manifest_bytes + signature_bytes > update.HEAD_BYTES - update.CONTENT_AT:
            return
        self.number, self.size, self.digest = number, size, digest
        self.manifest_bytes, self.signature_bytes, self._check = manifest_bytes, signature_bytes, content

    def says(self, word):
        """Whether the word at this offset of the head was programmed, and whole."""
        found = bytearray(4)
        self.flash.readblocks(0, found, word)
        return found == _SET

    def say(self, word):
        """Program a word; whether it stands there now."""
        self.flash.writeblocks(0, _SET, word)
        return self.says(word)

    @property
    def manifest(self):
        """The manifest as it lies there; empty where it does not check."""
        content = bytearray(self.manifest_bytes + self.signature_bytes)
        self.flash.readblocks(0, content, update.CONTENT_AT)
        return bytes(content[: self.manifest_bytes]) if binascii.crc32(content) == self._check else b""

    def image(self):
        """The ROMFS in one buffer, or None where it is not what the head says."""
        image = bytearray(self.size)
        view = memoryview(image)
        for at in range(0, self.size, _STEP):
            self.flash.readblocks((update.HEAD_BYTES + at) // _STEP, view[at : at + _STEP])
        return image if sha256(image).digest() == self.digest else None


def head(number, manifest, signature, size, digest):
    """The bytes of a head up to its words, and behind these from ``CONTENT_AT`` on."""
    content = manifest + signature
    lengths = (size, len(manifest), len(signature))
    first = struct.pack(_HEAD, update.HEAD_MAGIC, number, *lengths, binascii.crc32(content), digest)
    return first + struct.pack("<I", binascii.crc32(first)), content
