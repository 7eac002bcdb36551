"""Flash that is worn or spoiled brings back nothing that was taken out. Argument: path of a flash file."""

import asyncio
import sys

from altgate.store import table
from altgate.store.credentials import Credentials
from protocol import messages
from vault_flash import SECTOR, blank

STATE, TABLE, SECTORS = (0, 2), (2, 7), 9
BUCKETS = TABLE[1] - table.SCRATCHES
KIND = messages.TYPE_CARD


class Worn:
    """A partition in which some sectors take neither zeros nor an erasure."""

    def __init__(self, inner, sectors):
        self._inner, self._sectors = inner, sectors
        self.readblocks = inner.readblocks

    def writeblocks(self, block, buf, offset=0):
        if block in self._sectors and bytes(buf) == bytes(len(buf)):
            return
        self._inner.writeblocks(block, buf, offset)

    def ioctl(self, op, arg=0):
        if op == 6 and arg in self._sectors:
            return 0
        return self._inner.ioctl(op, arg)


def tag(number):
    return bytes((number * 37 & 255, number >> 8, 5, 1)) + number.to_bytes(4, "big") * 3


class Door:
    def __init__(self):
        self.flash, self.worn = blank(sys.argv[1], SECTORS), ()
        self.start()

    def start(self):
        self.flash.off()
        part = Worn(self.flash.partition(*TABLE), self.worn)
        self.state = Credentials(self.flash.partition(*STATE), part)

    def take(self, *operations):
        base = self.state.version
        draft = self.state.draft(
            {
                messages.BASE_VERSION: base, messages.NEW_VERSION: base + len(operations),
                messages.OPERATIONS: list(operations), messages.IS_SNAPSHOT: False,
            }, 0,
        )  # fmt: skip
        self.state.prepare(draft)
        asyncio.run(self.state.keep(draft))

    def put(self, number):
        self.take([messages.OP_PUT, number, KIND, tag(number), 0, 0, 0, 3, 0, 0, 0, 0])

    def delete(self, *numbers):
        self.take(*[[messages.OP_DELETE, number, KIND, tag(number), 0] for number in numbers])

    def has(self, number):
        return self.state.find(KIND, tag(number)) is not None

    def must_refuse(self, act, *numbers):
        try:
            act(*numbers)
        except OSError:
            return
        raise AssertionError("a change that the flash did not take")

    def fill(self):
        """Every bucket full: a few cards, and slots of what is gone. The first number that is free."""
        number = 0
        while not all(self.is_full(bucket) for bucket in range(BUCKETS)):
            self.put(number)
            if number > 9:
                self.delete(number)
            number += 1
        return number

    def is_full(self, bucket):
        held = self.state._table
        return held._load(bucket) and held._fill() == table.PER_BUCKET


def what_cannot_be_cleared():
    """It opens nothing from then on, after a start too; a healed flash takes the change that comes again."""
    door = Door()
    for number in range(6):
        door.put(number)
    door.worn = range(TABLE[1])
    door.start()
    version = door.state.version
    assert all(door.has(number) for number in range(6))
    door.must_refuse(door.delete, 1)
    assert not door.has(1) and door.has(2) and door.state.version == version
    door.start()
    assert not door.has(1) and door.has(2)
    door.worn = ()
    door.start()
    assert door.state.version == version + 1 and not door.has(1)
    door.delete(2, 3)
    assert not door.has(2) and not door.has(3) and door.has(5)


def worn_where_several_go():
    """In a sector that takes no zeros, and can be erased, each goes that has to and nobody else."""
    door = Door()
    for number in range(12):
        door.put(number)
    inner = Worn.ioctl
    Worn.ioctl = lambda self, op, arg=0: self._inner.ioctl(op, arg)
    door.worn = range(BUCKETS)
    door.start()
    for _ in range(6):
        try:
            door.delete(1, 2, 3, 4)
            break
        except OSError:
            continue
    Worn.ioctl = inner
    assert [door.has(number) for number in range(6)] == [True, False, False, False, False, True]
    door.start()
    assert [door.has(number) for number in range(12)] == [True] + [False] * 4 + [True] * 7


def a_scratch_sector_that_stays():
    """It brings back nobody: until it is gone, nothing is taken out that it could bring back."""
    door = Door()
    number = door.fill()
    door.worn = range(BUCKETS, TABLE[1])
    door.start()
    door.must_refuse(door.put, number)
    door.start()
    assert all(door.has(one) for one in range(10)), "a worn scratch sector keeps a door shut"
    for one in range(10):
        door.must_refuse(door.delete, one)
    door.worn = ()
    door.start()
    door.delete(3)
    door.start()
    assert not door.has(3) and door.has(4)


def a_spoiled_head():
    """A flipped bit in the head of the newer log: not the older one, in which a card still stood."""
    for bit in range(128):
        door = Door()
        door.put(7)
        half = door.state._log._half
        while door.state._log._half == half:
            door.put(8)
            door.delete(8)
        door.delete(7)
        version, half = door.state.version, door.state._log._half
        image = bytearray(door.flash.image())
        image[half * SECTOR * STATE[1] // 2 + bit // 8] ^= 1 << bit % 8
        door.flash.restore(image)
        door.start()
        assert not door.has(7) and door.state.version in (version, 0), bit
        door.put(9)
        door.start()
        assert door.has(9) and not door.has(7), bit


what_cannot_be_cleared()
worn_where_several_go()
a_scratch_sector_that_stays()
a_spoiled_head()
print("ok")
