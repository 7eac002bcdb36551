"""Flashing a simulated board in one call, and what must be true of it whenever that was cut."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from altgate.hardware import make_partitions
from altgate.provision import board_file, boards, flash, preflight, stock, tables
from altgate.provision.causes import BoardFailed
from altgate.provision.image import Region
from support.board import SECTOR, STOCK_TABLE, Board, Faults, image

BOARD = boards.read(board_file.DEFAULT)
PROGRAM_BYTES = 64 << 10
BAUD = 460800


@dataclass
class Told:
    """A Tell that remembers."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def progress(self, step: str, done: int, total: int) -> None:
        self.steps.append((step, done, total))

    def note(self, text: str) -> None:
        self.notes.append(text)


def program(seed: int, length: int = PROGRAM_BYTES) -> bytes:
    """A program for eight-line PSRAM that does not compress."""
    return b"octal_psram" + random.Random(seed).randbytes(length)


def regions(folder: Path, seed: int = 1) -> list[Region]:
    """What is flashed: a stock image of 64 KiB, and regions of altgate's own that take no time to build."""
    path = folder / f"micropython-{seed}.bin"
    path.write_bytes(image(program=program(seed)))
    flash_map = make_partitions.flash_map()
    rows, noise = flash_map["boards"]["mb16"]["partitions"], random.Random(seed + 1)
    own = [
        Region("partition-table", tables.OFFSET, make_partitions.binary(rows, flash_map["encrypted"])),
        Region("vfs", rows["vfs"][2], noise.randbytes(2 * SECTOR)),
        Region("code_a", rows["code_a"][2], noise.randbytes(5 * SECTOR + 100)),
    ]
    return flash.regions_of(stock.read(path), own, BOARD)


def run(board: Board, wanted: list[Region], erase: bool = False, told: Told | None = None) -> flash.Plan:
    """One ``altgate flash`` of a board that is plugged in, without the command line."""
    tell = told or Told()

    def work(chip: preflight.Chip, rate: int) -> flash.Plan:
        made = flash.plan(chip, BOARD, wanted, erase, tell)
        flash.carry_out(chip, made, wanted, tell)
        return made

    return preflight.steadily(str(board.port), BOARD, BAUD, tell, work)


def whole(board: Board, wanted: list[Region]) -> list[str]:
    """The regions that are in the flash as they should be."""
    return [one.label for one in wanted if board.flash.read(one.offset, len(one.data)) == one.data]


def check_no_half_board(board: Board, wanted: list[Region]) -> None:
    """With altgate's table everything else is there, and without it nothing starts; raises AssertionError."""
    has_table = bool(tables.parse(board.flash.read(tables.OFFSET, tables.BYTES)))
    is_wanted = "partition-table" in whole(board, wanted)
    assert not is_wanted or len(whole(board, wanted)) == len(wanted), "a table before what it tells of"
    began = any(board.flash.read(one.offset, len(one.data)) != one.data for one in wanted)
    assert not (has_table and not is_wanted and began and _is_touched(board)), "half a board starts"


def _is_touched(board: Board) -> bool:
    """Whether anything but a page of keys was erased or programmed since it was plugged in."""
    keys = range(BOARD.partitions["keys"].offset, BOARD.partitions["keys"].offset + 2 * SECTOR)
    return any(at not in keys for at in board.flash.erased) or board.flash.programmed > 0


def make_stock(board: Board, seed: int = 5) -> None:
    """The board runs a stock image whose files lie where a door keeps its data, the keys among it."""
    file = image(program=program(seed, 100_000))
    board.flash.data[: len(file)] = file
    board.flash.data[0x200000:0x400000] = random.Random(seed).randbytes(0x200000)
    assert board.flash.read(tables.OFFSET, tables.BYTES) == STOCK_TABLE


def make_door(board: Board, wanted: list[Region], seed: int = 6) -> None:
    """The board is a provisioned door: everything flashed, keys and records in their partitions."""
    noise = random.Random(seed)
    for one in wanted:
        board.flash.data[one.offset : one.offset + len(one.data)] = one.data
    for label in ("keys", "face_keys", "templates", "journal", "data", "credentials"):
        offset = BOARD.partitions[label].offset
        board.flash.data[offset : offset + 8192] = noise.randbytes(8192)


def cut_and_complete(folder: Path, wanted: list[Region], chance: random.Random, start: Any = None) -> str:
    """Flash a board, lose its supply or its cable somewhere on the way, and do it again; returns how it was
    cut. Raises AssertionError where the board was half done, or is not whole in the end."""
    board = Board(folder)
    erase = start is make_door
    if start:
        start(board, *([regions(folder, 9)] if erase else []))
    before = bytes(board.flash.data)
    with board.plugged():
        run(board, wanted, erase)
        steps, erases = board.flash.steps, list(board.flash.erased_at)
    after = bytes(board.flash.data)
    board.flash.data[:] = before
    faults = chance.choice(
        (
            Faults(cut_after=chance.randrange(steps)),
            Faults(cut_after=chance.choice(erases) + chance.randrange(2)),
            Faults(unplug_after=chance.randrange(30_000, 120_000)),
        )
    )
    with board.plugged(faults):
        try:
            run(board, wanted, erase)
        except BoardFailed as error:
            assert error.cause == "port_lost", f"named {error.cause}"
    check_no_half_board(board, wanted)
    found = bytes(board.flash.data)
    with board.plugged():
        run(board, wanted, erase)
        again = [at for at in board.flash.erased if at != tables.OFFSET]
    assert board.flash.data == after, "not completed"
    wasted = [at for at in again if found[at : at + SECTOR] == after[at : at + SECTOR]]
    blank = b"\xff" * SECTOR
    wasted = [at for at in wasted if after[at : at + SECTOR] != blank]
    assert not wasted, f"written though it was there: {wasted}"
    return str(faults)
