"""Put MicroPython, altgate's partition table and its firmware on a board; what is there already stays.

The order, and why a cut at any moment leaves a board that the same command completes:

1. Everything is compared first, and refused before anything is written.
2. Where the flash gets another layout, or is to be erased, the page of the keys goes first: what is sealed
   under them is gone with it, and a board without a table is never taken for a door.
3. The partition table is erased. From here on the chip's boot loader finds no program, so that nothing half
   written ever runs; the chip's own loader, which we talk to, is in its ROM and always there.
4. What is to be erased is erased, and what differs is written, each compared by the board's own MD5.
5. The table is written last. With it the board is whole.

Whoever comes again compares again, and does only what is missing.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from altgate.provision import preflight, tables
from altgate.provision.boards import BoardFile
from altgate.provision.causes import trouble
from altgate.provision.esp import ERASED, Chip, NotKept, Tell
from altgate.provision.image import Region
from altgate.provision.preflight import KEYS, State
from altgate.provision.stock import Stock, for_flash
from altgate.provision.tables import SECTOR, Partition

BLOCK = 0x10000
WIPE = 1 << 20  # erased in one command
LOADER, PROGRAM, OTHER_SLOT = "boot loader", "factory", "code_b"
COMPARE = "compare"
Run = tuple[int, bytes]


@dataclass
class Plan:
    """``runs``: what differs, by the region's label; ``wipe``: what is erased if it is not blank."""

    state: State
    runs: dict[str, list[Run]]
    wipe: list[tuple[str, Partition]]
    table: Region
    is_whole: bool = field(default=False)  # the table in the flash is the one that is wanted

    @property
    def size(self) -> int:
        """Bytes to write."""
        return sum(len(data) for runs in self.runs.values() for _, data in runs)

    @property
    def is_done(self) -> bool:
        """There is nothing to do."""
        return self.is_whole and not self.runs and not self.wipe


def regions_of(stock: Stock, own: list[Region], board: BoardFile) -> list[Region]:
    """Everything that is written: the image's two parts, and altgate's ``own`` with its partition table.
    Raises the cause ``image_too_big`` where one does not fit."""
    fitted = for_flash(stock, board.flash_bytes)
    program = board.partitions[PROGRAM]
    every = [
        Region(LOADER, fitted.loader_at, fitted.loader),
        Region(PROGRAM, program.offset, fitted.program),
        *own,
    ]
    room = {one.offset: one.size for one in board.partitions.values()}
    room[fitted.loader_at], room[tables.OFFSET] = tables.OFFSET - fitted.loader_at, SECTOR
    for one in every:
        if len(one.data) > room[one.offset]:
            raise trouble("image_too_big", label=one.label, size=len(one.data), room=room[one.offset])
    return [Region(one.label, one.offset, _padded(one.data)) for one in every]


def plan(chip: Chip, board: BoardFile, regions: list[Region], erase: bool, tell: Tell) -> Plan:
    """Compare the board with what is wanted. Raises the cause ``door`` where one would be lost unasked."""
    found = preflight.state(chip, board)
    table = next(one for one in regions if one.offset == tables.OFFSET)
    made = Plan(found, {}, [], table, _is_there(chip, table))
    to_wipe = list(_to_wipe(found, board, regions)) if erase or not made.is_whole else []
    total, done = sum(one.size for _, one in to_wipe) + sum(len(one.data) for one in regions), 0
    for label, partition in to_wipe:
        made.wipe += _not_blank(chip, label, partition)
        done += partition.size
        tell.progress(COMPARE, done, total)
    for region in regions:
        runs = [] if region is table else list(_differing(chip, region))
        if runs:
            made.runs[region.label] = runs
        done += len(region.data)
        tell.progress(COMPARE, done, total)
    if made.runs and not made.wipe:
        # What is flashed is what runs: the loader would start a newer image in the other slot.
        made.wipe = _not_blank(chip, OTHER_SLOT, board.partitions[OTHER_SLOT])
    if found.is_door and not erase and not made.is_done:
        raise trouble("door")
    return made


def carry_out(chip: Chip, made: Plan, regions: list[Region], tell: Tell) -> None:
    """Do what is planned, in the order above; raises NotKept, LineTrouble or the cause ``port_lost``."""
    if made.is_done:
        return
    for label, partition in made.wipe:
        if label == KEYS:
            _wipe(chip, label, partition, tell)
    _erase(chip, tables.OFFSET, SECTOR)
    for label, partition in made.wipe:  # what is blank by now is left alone
        _wipe(chip, label, partition, tell)
    for label, runs in made.runs.items():
        _write(chip, label, runs, tell)
    for region in regions:
        if region is not made.table and not _is_there(chip, region):
            raise NotKept(region.offset)
    _write(chip, made.table.label, [(made.table.offset, made.table.data)], tell)


def _not_blank(chip: Chip, label: str, partition: Partition) -> list[tuple[str, Partition]]:
    return [] if preflight.is_blank(chip, partition.offset, partition.size) else [(label, partition)]


def _padded(data: bytes) -> bytes:
    """Up to whole sectors, as erased flash reads."""
    return data.ljust(-(-len(data) // SECTOR) * SECTOR, bytes([ERASED]))


def _is_there(chip: Chip, region: Region) -> bool:
    return chip.md5(region.offset, len(region.data)) == hashlib.md5(region.data).hexdigest()


def _to_wipe(found: State, board: BoardFile, regions: list[Region]) -> Iterator[tuple[str, Partition]]:
    """What holds a door's data or another layout's: of the old layout first, if that was altgate's, then all
    that is not written."""
    written = {one.offset for one in regions}
    kept = {label for label, one in board.partitions.items() if one.offset in written}
    if found.is_altgate:
        for label, one in found.table.items():
            if one.kind == tables.DATA and label not in kept and board.partitions.get(label) != one:
                yield label, one
    for label, one in board.partitions.items():
        if label not in kept:
            yield label, one


def _differing(chip: Chip, region: Region) -> Iterator[Run]:
    """What of a region differs from the flash: runs of sectors, found by MD5 block by block."""
    if _is_there(chip, region):
        return
    changed: list[int] = []
    for block in range(0, len(region.data), BLOCK):
        data = region.data[block : block + BLOCK]
        there = chip.md5(region.offset + block, len(data))
        if there == hashlib.md5(data).hexdigest():
            continue
        if there == preflight.blank_md5(len(data)):  # all of it, without asking for each sector
            changed += range(block, block + len(data), SECTOR)
            continue
        for at in range(block, block + len(data), SECTOR):
            sector = region.data[at : at + SECTOR]
            if chip.md5(region.offset + at, SECTOR) != hashlib.md5(sector).hexdigest():
                changed.append(at)
    yield from _runs(region, changed)


def _runs(region: Region, sectors: list[int]) -> Iterator[Run]:
    """Neighbouring sectors joined, up to a block each: so much is lost when a line breaks."""
    run: list[int] = []
    for at in [*sectors, -1]:
        if run and (at != run[-1] + SECTOR or len(run) * SECTOR == BLOCK):
            yield region.offset + run[0], region.data[run[0] : run[-1] + SECTOR]
            run = []
        run.append(at)


def _wipe(chip: Chip, label: str, partition: Partition, tell: Tell) -> None:
    end = partition.offset + partition.size
    for at in range(partition.offset, end, WIPE):
        size = min(WIPE, end - at)
        if not preflight.is_blank(chip, at, size):
            _erase(chip, at, size)
        tell.progress(f"erase {label}", at + size - partition.offset, partition.size)


def _erase(chip: Chip, offset: int, size: int) -> None:
    chip.erase(offset, size)
    if not preflight.is_blank(chip, offset, size):
        raise NotKept(offset)


def _write(chip: Chip, label: str, runs: list[Run], tell: Tell) -> None:
    total, before, step = sum(len(data) for _, data in runs), 0, f"write {label}"
    for offset, data in runs:
        start = before

        def on_done(done: int, start: int = start) -> None:
            tell.progress(step, start + done, total)

        chip.write(offset, data, on_done)
        before += len(data)
    tell.progress(step, total, total)
