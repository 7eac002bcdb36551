"""Power cut at every program and erase of the counters and the journal, in three ways.

What was kept before the cut must be there after it. Each store is also run with a planted bug, which the
same check must catch. Arguments: path of a flash file to make, a seed.
"""

import os
import random
import sys

import hashlib
import struct

import norflash
import simctl
from altgate.crypto.hmac256 import hmac256
from altgate.store import counters, journal
from altgate.vault.slots import Slots
from protocol import messages

PATH, SEED = sys.argv[1], int(sys.argv[2])
SECTORS = 4
KEY_SECTORS = 2
FIRST_KEY = b"first key of the journal" + bytes(8)


class Lost(Exception):
    """Something that was kept is not there."""


class Partition:
    """What the stores use of esp32.Partition, over a chip that can be made new for each cut."""

    def __init__(self, chip, first=0):
        self.chip, self._first = chip, first

    def info(self):
        return 1, 0x40, 0, SECTORS * 4096, "test", False

    def readblocks(self, block, buf, offset=0):
        self.chip.read((self._first + block) * 4096 + offset, buf)

    def writeblocks(self, block, buf, offset=0):
        self.chip.program((self._first + block) * 4096 + offset, buf)

    def ioctl(self, op, arg):
        if op == 4:
            return 2
        assert op == 6
        return self.chip.erase((self._first + arg) * 4096)


class CountersBug(counters.Counters):
    """The header before the entries: a cut in between forgets."""

    def _compact(self):
        real, self._flash = self._flash, HeaderFirst(self._flash)
        super()._compact()
        self._flash.finish()
        self._flash = real


class HeaderFirst:
    def __init__(self, flash):
        self._flash, self._held = flash, []

    def readblocks(self, block, buf, offset=0):
        self._flash.readblocks(block, buf, offset)
        for held in self._held:
            if held[0] == block and held[2] == offset:
                buf[:] = held[1]

    def writeblocks(self, block, buf, offset):
        self._held.append((block, buf, offset))

    def ioctl(self, op, arg):
        self._flash.ioctl(op, arg)

    def finish(self):
        for row in reversed(self._held):
            self._flash.writeblocks(*row)


class JournalBug(journal.Journal):
    """Overwrites what the host has not acknowledged."""

    def _has_room(self, count):
        return True


class KeyStays(journal.Keys):
    """Leaves the key of the epoch that has begun in the flash."""

    def begin(self):
        live = self._slots.live()
        epoch, key = struct.unpack("<I32s", self._slots.read(live[-1]))
        self._slots.put(struct.pack("<I32s", epoch + 1, journal.next_epoch(key)))
        return epoch, key


def with_keys(kind, keys=journal.Keys):
    """A journal of this kind over a flash, with its page of keys; a new one gets the first key."""

    def opened(flash):
        kept = keys(Slots(Partition(flash.chip, SECTORS), journal.KEY_SLOT))
        if not kept._slots.live() and flash.chip.programs == 0:
            kept.set(FIRST_KEY)
        return kind(flash, kept, counters.Counters(Partition(flash.chip, SECTORS + KEY_SECTORS)))

    return opened


def sealed(flash):
    """Check every record in the ring by what formats.md says: hash before it, and code under its key."""
    records, keys, image = {}, {}, bytearray(128)
    for slot in range(SECTORS * 32):
        flash.readblocks(slot // 32, image, slot % 32 * 128)
        if journal.unpack(image):
            records[struct.unpack_from("<I", image)[0]] = bytes(image)
    first, epoch, before = FIRST_KEY, 1, None
    for number in sorted(records):
        record = records[number]
        of, place, _ = struct.unpack_from("<IHH", record, 32)
        while epoch < of:
            first, epoch = hashlib.sha256(b"altgate/journal/epoch" + first).digest(), epoch + 1
        key = first
        for _ in range(place):
            key = hashlib.sha256(b"altgate/journal/record" + key).digest()
        keys[of] = first
        # Epoch 0: the power went before the first key was there, as on a board that was never provisioned.
        is_sealed = not of or record[72:104] == hmac256(key, record[:72])
        if not is_sealed or before and record[40:72] != before:
            raise Lost(("seal", number, of, place))
        before = hashlib.sha256(record[:104]).digest()
    with open(PATH, "rb") as file:
        raw = file.read()
    if any(raw.find(key) >= 0 for key in keys.values()):
        raise Lost("the key of an epoch that has begun is in the flash")


def counting(store, flash, kept):
    """Tries of three units, and now and then the right PIN."""
    numbers = store(flash)
    rng = random.getrandbits
    for step in range(600):
        key = counters.KEY_UNITS + rng(2)
        value = 0 if rng(3) == 0 else numbers.get(key) + 1
        kept["before"] = (key, numbers.get(key))
        kept["next"] = (key, value)
        numbers.put(key, value)
        kept["values"][key] = value
        kept["next"] = None


def count_check(store, flash, kept):
    numbers = store(flash)
    for key, value in kept["values"].items():
        allowed = [value]
        if kept["next"] and kept["next"][0] == key:
            allowed.append(kept["next"][1])
        if numbers.get(key) not in allowed:
            raise Lost((key, numbers.get(key), allowed))
    numbers.put(counters.KEY_BOOT, 77)
    if store(flash).get(counters.KEY_BOOT) != 77:
        raise Lost("cannot go on")


def writing(store, flash, kept):
    """More events than the ring holds between two acknowledgements, and the ring goes round twice."""
    log = store(flash)
    for step in range(300):
        number = log.append(3, 1000 + step, 1, messages.KIND_ENTRY, detail=step)
        # Once there is room again, a record of the gap stands before the next one.
        kept["lost"] = 0 if number else kept["lost"] + 1
        if number:
            kept["events"][number] = step
        if step % 115 == 114:
            kept["acked"] = log.head
            log.acknowledge(log.head)
            kept["events"] = {}


def write_check(store, flash, kept):
    log = store(flash)
    sealed(flash)
    for number, step in kept["events"].items():
        event = log.read(number)
        if event is None or event.detail != step:
            raise Lost(("event", number, event, log.head, log.acknowledged))
    if log.acknowledged > max(kept["acked"], 0) or kept["events"] and log.head < max(kept["events"]):
        raise Lost(("head", log.head, log.acknowledged, kept["acked"]))
    newest = [log.read(log.head - back) for back in range(2)]
    told = max([event.detail for event in newest if event and event.kind == messages.KIND_GAP] or [0])
    if max(log._lost, told) < kept["lost"]:
        raise Lost(("gap", log._lost, told, kept["lost"]))
    number = log.append(4, 1, 1, messages.KIND_BOOT)
    if number and store(flash).read(number) is None:
        raise Lost("cannot go on")
    sealed(flash)


def run(work, check, store, every):
    """Cut at every ``every``-th operation until the work ends without one; how many cuts there were."""
    done, at = 0, 1 + SEED % every
    while True:
        for how in norflash.CUTS:
            try:
                os.unlink(PATH)
            except OSError:
                pass
            chip = norflash.NorFlash(PATH, (SECTORS + KEY_SECTORS + 2) * 4096)
            flash = Partition(chip)
            kept = {"values": {}, "next": None, "events": {}, "acked": 0, "lost": 0}
            random.seed(SEED)
            chip.cut(at, how)
            try:
                work(store, flash, kept)
                return done
            except SystemExit:
                simctl._end = None
            check(store, flash, kept)
            assert chip.raised == 0
            done += 1
        at += every


def must_fail(work, check, store):
    try:
        run(work, check, store, 1)
    except Lost:
        return
    raise AssertionError("the planted bug was not caught")


every = int(sys.argv[3])
cuts = run(counting, count_check, counters.Counters, every)
cuts += run(writing, write_check, with_keys(journal.Journal), every)
if sys.argv[-1] != "plain":
    must_fail(counting, count_check, CountersBug)
    must_fail(writing, write_check, with_keys(JournalBug))
    must_fail(writing, write_check, with_keys(journal.Journal, KeyStays))
print("cuts", cuts)
