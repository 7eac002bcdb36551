"""The firmware as a ROMFS image, as a board without frozen code would run it, and a board that runs it."""

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from altgate.provision.image import Region, firmware, pack
from altgate.release.slot import Image
from altgate.rig.board import BOARD_FILE, FIRMWARE, Board
from altgate.rig.wiring import load

SCRIPTS = Path(__file__).parent / "scripts"
PARKED_BYTES = 0x40000


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


def stock(
    folder: Path, regions: Iterable[Region], heap_kib: int = 8192, simulated: Path | None = None
) -> Board:
    """A board, switched off, that starts from its flash as a stock MicroPython image does.

    Behind its flash it has a partition more, ``parked``: whatever a test wants to have at hand there.
    simulated: an image of the simulated board's modules, as made by build_simulated(); without it they are
    compiled at each start, and on the heap that counts.
    """
    wiring = load(BOARD_FILE)
    settings: dict[str, Any] = {
        "partitions": [*map(list, wiring.partitions), ["parked", 1, 0x60, wiring.flash_bytes, PARKED_BYTES]],
        "flash_size": wiring.flash_bytes + PARKED_BYTES,
    }
    flash(folder, regions, wiring.flash_bytes + PARKED_BYTES)
    script, paths = FIRMWARE / "sim" / "stock.py", None
    if simulated:
        script, paths = SCRIPTS / "stock_image.py", ".frozen"
        settings["image"] = str(simulated)
        heap_kib += simulated.stat().st_size // 1024 + 1
    heap = f"{heap_kib}k"
    return Board(folder, script, heap=heap, micropypath=paths, settings=settings, is_on=False)


def build_simulated(folder: Path) -> Path:
    """Compile the simulated board's modules alone into an image; returns it."""
    tree = folder / "simulated" / "tree"
    tree.mkdir(parents=True)
    for source in (FIRMWARE / "sim").glob("*.py"):
        shutil.copy(source, tree / source.name)
    return pack(tree)


def parked(image: Image) -> Region:
    """An image that lies in that partition: manifest, signature and ROMFS behind their three lengths."""
    parts = (image.manifest, image.signature, image.rom)
    lengths = b"".join(len(part).to_bytes(4, "little") for part in parts)
    return Region("parked", load(BOARD_FILE).flash_bytes, lengths + b"".join(parts))
