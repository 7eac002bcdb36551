"""Where link_own.py has its messages from: the real journal on a simulated flash."""

import struct

from altgate.store.counters import Counters
from altgate.store.journal import KEY_SLOT, Journal, Keys
from altgate.vault.slots import Slots
from flash import Partition, blank
from protocol import messages, reasons

SIZES = (16, 4, 4)  # sectors of journal, its keys and counters
EVENT = (1, 0, 1, messages.KIND_ENTRY, reasons.GRANTED, messages.METHOD_CARD, 7, 3, 0)


class Stored:
    """A new journal in the flash file ``path``."""

    def __init__(self, path):
        chip = blank(path, sum(SIZES))
        self._parts = [Partition(chip, sum(SIZES[:at]), size) for at, size in enumerate(SIZES)]
        keys = Keys(Slots(self._parts[1], KEY_SLOT))
        keys.set(bytes(32))
        self._journal = Journal(self._parts[0], keys, Counters(self._parts[2]))
        self.acknowledge = self._journal.acknowledge

    @property
    def head(self):
        return self._journal.head

    @property
    def acknowledged(self):
        return self._journal.acknowledged

    def next(self):
        """Store an event, and read it back: 100 bytes."""
        kept = self._journal.append(*EVENT)
        return struct.pack("<IIIBBBBIIQ68x", *self._journal.read(kept))

    def simulated_us(self):
        """What the simulated flash took until now."""
        return sum(part.us for part in self._parts)
