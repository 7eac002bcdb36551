"""What lies under flash encryption is noise once it is programmed twice: why raw stores stay outside it.

Argument: path of a flash file to make.
"""

import sys

import simctl
from altgate.store import identity
from altgate.store.copies import Copies, Damaged
from altgate.store.counters import Counters
from altgate.store.journal import Journal
from altgate.store.table import HEAD, SLOT, Table, row
from altgate.vault.slots import Slots
from flashcrypt import Encrypted
from protocol import messages
from vault_flash import Partition, blank

SECTORS = 12


def encrypted(sectors=2):
    flash = blank(sys.argv[1], SECTORS)
    chip = Encrypted(flash.chip)
    # As from the factory: erased under the encryption, which reads as noise.
    return flash, Partition(chip, 0, sectors)


def refuses(act, *kinds):
    try:
        act()
    except kinds:
        return True
    return False


# The simulation itself: any place can be read, whole units written, and a second time gives noise.
flash, part = encrypted()
part.writeblocks(0, b"sixteen bytes..." * 3, 32)
back = bytearray(20)
part.readblocks(0, back, 40)
assert back == b"bytes...sixteen byte"
assert b"sixteen" not in flash.image()
assert refuses(lambda: part.writeblocks(0, b"odd", 0), OSError)
assert refuses(lambda: part.writeblocks(0, bytes(16), 8), OSError)
part.writeblocks(0, bytes(16), 32)
part.readblocks(0, back, 32)
assert back[:16] != bytes(16) and back[16:] == b"sixt"
part.ioctl(6, 0)
part.readblocks(0, back, 0)
assert back != b"\xff" * 20

# The wrapping key is made for it: written once, in one piece.
flash, part = encrypted()
key = identity.make_wrapping_key(part)
assert identity.wrapping_key(part) == key and flash.chip.raised == 0
assert key not in flash.image()
part.ioctl(6, 0)
assert identity.wrapping_key(part) is None
# And a cut while it is written leaves none.
flash.chip.cut(3, "half")
try:
    identity.make_wrapping_key(part)
except SystemExit:
    simctl._end = None
assert identity.wrapping_key(part) is None

# None of the raw stores could do there what it is for.
_, part = encrypted(4)
slots = Slots(part, 128)
secret = slots.put(b"a secret")
assert refuses(lambda: slots.erase(secret), OSError)
_, part = encrypted()
assert refuses(lambda: Copies(part).read(), Damaged)
flash, part = encrypted(4)
log = Journal(part, None, Counters(flash.partition(SECTORS - 2, 2)))
assert log.append(1, 2, 0, messages.KIND_BOOT) == 1
assert refuses(lambda: log.acknowledge(1), OSError)
_, part = encrypted(8)
held = Table(part, 1)
one = row(bytes(range(16)), 1, 1, 0, 0, 0, 0, messages.TYPE_CARD, 0, 0, 0)
(step,) = held.plan([one], ())
held.do(step)
for step in held.plan((), [(messages.TYPE_CARD, 0, 1, one[:16])]):
    held.do(step)
back = bytearray(SLOT)
part.readblocks(step[0], back, HEAD)
assert held.find(messages.TYPE_CARD, one[:16], 0) is None and back != bytes(SLOT)
print("ok")
