"""The firmware as a ROMFS image, as a board without frozen code would run it, and a board that runs it."""

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from altgate.provision.image import Region, firmware, pack
from altgate.rig.board import FIRMWARE, Board

SCRIPTS = Path(__file__).parent / "scripts"


def build(folder: Path) -> Path:
    """Compile the firmware and the simulated board's modules into ``folder/altgate.romfs``; returns it."""
    tree = folder / "tree"
    firmware(tree)
    for source in (FIRMWARE / "main.py", *(FIRMWARE / "sim").glob("*.py")):
        shutil.copy(source, tree / source.name)
    return pack(tree)


def board(folder: Path, image: Path, heap_kib: int, script: str = "run_image.py") -> Board:
    """A board, switched off, that runs an image with so much heap beside it."""
    heap = image.stat().st_size + heap_kib * 1024
    settings = {"image": str(image)}
    path = f"{FIRMWARE / 'sim'}:.frozen"
    return Board(folder, SCRIPTS / script, heap=str(heap), micropypath=path, settings=settings, is_on=False)


def boards(image: Path, heap_kib: int, script: str = "run_image.py") -> "partial[Board]":
    """What makes such a board in a folder, for altgate.demo.building."""
    return partial(board, image=image, heap_kib=heap_kib, script=script)


def flash(folder: Path, regions: Iterable[Region], flash_bytes: int) -> Path:
    """A board's flash with these regions in it, as a flasher leaves it behind; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    content = bytearray(b"\xff" * flash_bytes)
    for region in regions:
        content[region.offset : region.offset + len(region.data)] = region.data
    path = folder / "flash.bin"
    path.write_bytes(content)
    return path


def stock(folder: Path, regions: Iterable[Region], heap: str = "8m") -> Board:
    """A board, switched off, that starts from its flash as a stock MicroPython image does."""
    made = Board(folder, FIRMWARE / "sim" / "stock.py", heap=heap, is_on=False)
    flash(folder, regions, made.wiring.flash_bytes)
    return made
