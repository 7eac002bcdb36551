"""What the scripts of updates share: two code slots on a simulated chip, images for them, and the loader."""

import sys
from hashlib import sha256

from vault_flash import blank



class _Esp32:
    """In the place of the board's module: its partitions are given by Board."""

    Partition = None


sys.modules["esp32"] = _Esp32
import altgate.slots
from altgate import pins, update
from altgate.crypto import cbor
from protocol import limits
from protocol import update as said

# The loader has its own copy; and the door lets go of this one.
_slots = sys.modules["slots"] = altgate.slots
sys.path.insert(0, [path for path in sys.path if path.endswith("/firmware")][0] + "/loader")
import loader

SECTOR = 4096
SLOT_SECTORS = 4
WRITE = 700


class Locked(Exception):
    """The loader found nothing to start."""


class Board:
    """Two slots, of which the first has an image that is good."""

    def __init__(self, path, rom):
        self.flash = blank(path, 2 * SLOT_SECTORS)
        self.started = None
        loader._mount, loader._stay_locked = self._mount, self._stay_locked
        self.off()
        self.put("code_a", 1, rom)

    def off(self):
        """The supply goes and comes again."""
        self.flash.off()
        parts = {
            label: self.flash.partition(at * SLOT_SECTORS, SLOT_SECTORS)
            for at, label in enumerate(("code_a", "code_b"))
        }
        self.parts = parts

        class Partition:
            TYPE_DATA = 1

            @staticmethod
            def find(kind, label):
                return [parts[label]] if label in parts else []

        _slots.Partition = _Esp32.Partition = Partition

    def boot(self):
        """What a start runs: the slot's label and its ROMFS; raises Locked."""
        self.off()
        self.started = None
        loader.load()
        return self.started

    def put(self, label, number, rom, words=(said.WRITTEN_AT, said.GOOD_AT)):
        """Write a slot as it would be flashed."""
        flash = self.parts[label]
        for sector in range(SLOT_SECTORS):
            flash.ioctl(6, sector)
        first, content = _slots.head(number, manifest(rom), b"", len(rom), sha256(rom).digest())
        flash.writeblocks(0, first, 0)
        flash.writeblocks(0, content, said.CONTENT_AT)
        flash.writeblocks(1, rom, 0)
        for word in words:
            flash.writeblocks(0, b"\0\0\0\0", word)

    def update(self, label, rom, **fields):
        """Bring an image into the other slot."""
        new = update.Update(label)
        for _ in new.begin(manifest(rom, **fields), b"", False):
            pass
        for at in range(0, len(rom), WRITE):
            new.write(at, rom[at : at + WRITE])
        for _ in new.finish():
            pass

    def _mount(self, label, image):
        self.started = label, bytes(image)

    def _stay_locked(self):
        raise Locked


def manifest(rom, **changed):
    fields = {
        said.FORMAT: 1, said.VERSION: "1", said.BOARD: pins.BOARD, said.LAYOUT: limits.FLASH_LAYOUT,
        said.SIZE: len(rom), said.SHA256: sha256(rom).digest(), said.SECURITY: 1, said.CREATED: 0,
    }  # fmt: skip
    for name, value in changed.items():
        fields[getattr(said, name)] = value
    return cbor.encode(fields)


def rom(number, size):
    """Bytes that stand for an image."""
    return bytes((number * 31 + at * 7 + (at >> 8)) & 0xFF for at in range(size))
