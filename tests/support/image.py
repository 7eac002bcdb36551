"""The firmware as a ROMFS image, as a board without frozen code would run it, and a board that runs it."""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from altgate.provision.inline import inlined
from altgate.rig.board import FIRMWARE, Board

SCRIPTS = Path(__file__).parent / "scripts"


def build(folder: Path) -> Path:
    """Compile the firmware and the simulated board's modules into ``folder/altgate.romfs``; returns it."""
    tree = folder / "tree"
    firmware(tree)
    for source in (FIRMWARE / "main.py", *(FIRMWARE / "sim").glob("*.py")):
        shutil.copy(source, tree / source.name)
    return pack(tree)


def firmware(tree: Path) -> None:
    """Write the door's own modules into ``tree`` as they are put on a board, their numbers written in."""
    sources = {}
    for name in ("altgate", "protocol"):
        for path in (FIRMWARE / name).rglob("*.py"):
            sources[path.relative_to(FIRMWARE)] = path.read_text(encoding="utf-8")
    names = {path: ".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in sources}
    written = inlined({names[path]: text for path, text in sources.items()})
    for path in sources:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(written[names[path]], encoding="utf-8")


def pack(tree: Path) -> Path:
    """Compile a folder of modules into an image beside it; returns the image."""
    image = tree.with_name("altgate.romfs")
    mpremote = Path(sys.executable).parent / "mpremote"
    subprocess.run([mpremote, "romfs", "-o", image, "build", tree], check=True, capture_output=True)
    return image


def board(folder: Path, image: Path, heap_kib: int, script: str = "run_image.py") -> Board:
    """A board, switched off, that runs an image with so much heap beside it."""
    heap = image.stat().st_size + heap_kib * 1024
    settings = {"image": str(image)}
    path = f"{FIRMWARE / 'sim'}:.frozen"
    return Board(folder, SCRIPTS / script, heap=str(heap), micropypath=path, settings=settings, is_on=False)


def boards(image: Path, heap_kib: int, script: str = "run_image.py") -> "partial[Board]":
    """What makes such a board in a folder, for altgate.demo.building."""
    return partial(board, image=image, heap_kib=heap_kib, script=script)
