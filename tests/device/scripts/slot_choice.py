"""Which slot the loader starts, from every state that two slots can be in; argv[1]: path of a flash file."""

import sys

from slot_flash import SECTOR, Board, Locked, rom

from altgate.slots import Slot
from protocol import update as said

A, B = rom(1, 5000), rom(2, 6000)
TRIAL, GOOD = (said.WRITTEN_AT,), (said.WRITTEN_AT, said.GOOD_AT)
TRIED, BAD = (said.WRITTEN_AT, said.TRIED_AT), (said.WRITTEN_AT, said.TRIED_AT, said.BAD_AT)
# Words of slot A (number 1), of slot B (number 2), None for an empty one; what each of three starts runs.
CASES = (
    (GOOD, None, "AAA"),
    (None, GOOD, "BBB"),
    (GOOD, GOOD, "BBB"),
    (GOOD, TRIAL, "BAA"),
    (GOOD, TRIED, "AAA"),
    (GOOD, BAD, "AAA"),
    (GOOD, (), "AAA"),
    (TRIAL, GOOD, "ABB"),
    (BAD, TRIAL, "BBB"),
    (BAD, TRIED, "BBB"),
    (None, TRIAL, "BBB"),
    (BAD, BAD, "---"),
    (None, BAD, "---"),
    (None, None, "---"),
    ((), (), "---"),
)
board = Board(sys.argv[1], A)


def starts(count):
    found = ""
    for _ in range(count):
        try:
            label, image = board.boot()
        except Locked:
            found += "-"
            continue
        assert image == (A if label == "code_a" else B)
        found += "A" if label == "code_a" else "B"
    return found


def lay(words_a, words_b):
    board.off()
    for label, number, image, words in (("code_a", 1, A, words_a), ("code_b", 2, B, words_b)):
        if words is None:
            for sector in range(4):
                board.parts[label].ioctl(6, sector)
        else:
            board.put(label, number, image, words)


for words_a, words_b, wanted in CASES:
    lay(words_a, words_b)
    found = starts(3)
    assert found == wanted, (words_a, words_b, found, wanted)

# A bit that flipped: in the image or in its head.
for place in (SECTOR + 4000, 8, 30, 57):
    for words, wanted in ((GOOD, "AAA"), (TRIAL, "AAA")):
        lay(GOOD, words)
        flash = board.parts["code_b"]
        byte = bytearray(1)
        flash.readblocks(place // SECTOR, byte, place % SECTOR)
        assert byte[0]
        byte[0] &= byte[0] - 1
        flash.writeblocks(place // SECTOR, byte, place % SECTOR)
        assert starts(3) == wanted, (place, words)

# The only image is spoiled: locked, and not guessed at.
lay(GOOD, None)
board.parts["code_a"].writeblocks(1, b"\0\0\0", 100)
assert starts(2) == "--"

# A word that cannot be programmed: what cannot be marked as tried is not tried, and nothing else is kept from
# starting by it.


def fails(slot, word):
    raise OSError(5)


say = Slot.say
for Slot.say in (lambda slot, word: False, fails):
    for words in (TRIAL, TRIED):
        lay(GOOD, words)
        assert starts(2) == "AA"
Slot.say = say

# A slot that cannot be read.
lay(GOOD, GOOD)
for label, other in (("code_a", "B"), ("code_b", "A")):
    real = Board.off

    def off(board):
        real(board)
        board.parts[label].readblocks = fails_to_read

    def fails_to_read(block, buf, offset=0):
        raise OSError(5)

    Board.off = off
    assert starts(2) == other * 2
    Board.off = real
print("ok")
