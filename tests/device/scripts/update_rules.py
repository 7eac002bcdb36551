"""What an update takes and refuses.

Standard input: a JSON object of hexadecimal ``key``, ``other_key``, ``rom``, ``manifest`` and ``signature``,
the last two as the host made them; argv[1]: path of a flash file.
"""

import json
import sys
from binascii import unhexlify

from slot_flash import SECTOR, SLOT_SECTORS, WRITE, Board, manifest, rom, update

from altgate import release_key
from altgate.slots import Slot
from protocol import reasons
from protocol import update as said

given = {name: unhexlify(text) for name, text in json.load(sys.stdin).items()}
board = Board(sys.argv[1], rom(1, 5000))
board.boot()
MANIFEST, SIGNATURE, ROM = given["manifest"], given["signature"], given["rom"]


def refused(reason, manifest_, signature=b"", is_signed_needed=False, label="code_a", floor=0):
    """Refused for this reason, with not one operation on the flash that changes it."""
    before = board.flash.operations()
    try:
        new = update.Update(label, floor)
        for _ in new.begin(manifest_, signature, is_signed_needed):
            pass
    except update.Unfit as error:
        assert error.reason == reason, (error.reason, reason)
        assert board.flash.operations() == before
        for act in (lambda: new.write(0, b"x"), lambda: list(new.finish())):
            assert reason_of(act) == reasons.BAD_SHAPE
        return
    raise AssertionError(reason)


def reason_of(act):
    try:
        act()
    except update.Unfit as error:
        return error.reason
    return None


def flipped(data, at):
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


# The manifest.
refused(reasons.BAD_CBOR, b"")
refused(reasons.BAD_CBOR, MANIFEST[:-1])
refused(reasons.BAD_CBOR, MANIFEST + b"\0")
refused(reasons.TOO_LONG, bytes(513))
refused(reasons.BAD_SHAPE, b"\xa0")
refused(reasons.BAD_SHAPE, b"\x80")
refused(reasons.OTHER_BOARD, manifest(ROM, BOARD="another"))
refused(reasons.OTHER_LAYOUT, manifest(ROM, LAYOUT=1))
refused(reasons.IMAGE_TOO_LARGE, manifest(ROM, SIZE=(SLOT_SECTORS - 1) * SECTOR + 1))
for name, value in (
    ("FORMAT", 2), ("FORMAT", "1"), ("VERSION", b"1"), ("BOARD", 1), ("LAYOUT", True), ("SIZE", 0),
    ("SIZE", -1), ("SIZE", 1 << 32), ("SHA256", bytes(31)), ("SHA256", "x" * 32), ("SECURITY", None),
    ("CREATED", -1),
):  # fmt: skip
    refused(reasons.BAD_SHAPE, manifest(ROM, **{name: value}))

# The security number: of the door's own memory, and of the images in the slots.
refused(reasons.SECURITY_LOWER, manifest(ROM, SECURITY=4), floor=5)
refused(reasons.SECURITY_LOWER, manifest(ROM, SECURITY=0))

# Signatures.
release_key.PUBLIC_KEY = b""
refused(reasons.NOT_SIGNED, MANIFEST, b"", True)
refused(reasons.OTHER_RELEASE_KEY, MANIFEST, SIGNATURE, True)
refused(reasons.OTHER_RELEASE_KEY, MANIFEST, SIGNATURE, False)
release_key.PUBLIC_KEY = given["other_key"]
refused(reasons.OTHER_RELEASE_KEY, MANIFEST, SIGNATURE, True)
release_key.PUBLIC_KEY = given["key"]
refused(reasons.NOT_SIGNED, MANIFEST, b"", True)
refused(reasons.BAD_SIGNATURE, MANIFEST, flipped(SIGNATURE, -1), True)
refused(reasons.BAD_SIGNATURE, MANIFEST, flipped(SIGNATURE, 40), False)
refused(reasons.BAD_SIGNATURE, MANIFEST, SIGNATURE[:-1], True)
refused(reasons.BAD_SIGNATURE, MANIFEST, SIGNATURE[:16], True)
refused(reasons.OTHER_RELEASE_KEY, MANIFEST, flipped(SIGNATURE, 0), True)
refused(reasons.OTHER_RELEASE_KEY, MANIFEST, b"x", True)
refused(reasons.BAD_SIGNATURE, manifest(ROM), SIGNATURE, True)
refused(reasons.TOO_LONG, MANIFEST, SIGNATURE + bytes(3073), True)

# Bytes: in their order, none twice, none too many; a piece may come again.
new = update.Update("code_a")
assert not new.is_signed
for _ in new.begin(MANIFEST, SIGNATURE, True):
    pass
assert new.is_signed and Slot("code_b").number == 0
assert new.write(0, ROM[:WRITE]) == WRITE == new.write(0, ROM[:WRITE]) == new.write(WRITE, b"")
for offset, data in ((WRITE + 1, b"x"), (1, ROM[:WRITE]), (-1, b"x"), (1 << 40, b"")):
    assert reason_of(lambda: new.write(offset, data)) == reasons.OVERRUN, offset
assert reason_of(lambda: new.write(WRITE, bytes(SECTOR + 1))) == reasons.TOO_LONG
assert reason_of(lambda: list(new.finish())) == reasons.BAD_SHAPE
for at in range(WRITE, len(ROM), WRITE):
    new.write(at, ROM[at : at + WRITE])
assert reason_of(lambda: new.write(len(ROM), b"x")) == reasons.OVERRUN
for _ in new.finish():
    pass
assert reason_of(lambda: list(new.finish())) == reasons.BAD_SHAPE
assert board.boot() == ("code_b", ROM)
slot = Slot("code_b")
assert slot.manifest == MANIFEST and slot.signature_bytes == len(SIGNATURE)

# On trial: the image before it must stay, so nothing else is taken.
refused(reasons.ON_TRIAL, MANIFEST, SIGNATURE, True, "code_b")
slot.say(said.GOOD_AT)
refused(reasons.SECURITY_LOWER, manifest(ROM, SECURITY=6), b"", False, "code_b")

# What is spoiled on the way, or does not stick, is never started.
other = rom(4, 6000)
new = update.Update("code_b")
for _ in new.begin(manifest(other, SECURITY=7), b"", False):
    pass
for at in range(0, len(other), WRITE):
    new.write(at, other[at : at + WRITE])
board.parts["code_a"].writeblocks(1, b"\0", 77)
assert reason_of(lambda: list(new.finish())) == reasons.IMAGE_DAMAGED
assert board.boot() == ("code_b", ROM)
new = update.Update("code_b")
for _ in new.begin(manifest(other, SECURITY=7), b"", False):
    pass
board.parts["code_a"].writeblocks(1, b"\0", 3)
assert reason_of(lambda: new.write(0, other[:WRITE])) == reasons.STORAGE_FAILED
board.parts["code_a"].is_dead = True
assert reason_of(lambda: new.write(0, other[:WRITE])) == reasons.BAD_SHAPE
assert board.boot() == ("code_b", ROM)
print("ok")
