"""Images for tests of updates: signed with a release key of their own, their maintenance window short."""

from dataclasses import dataclass
from pathlib import Path

from altgate.provision import board_file, image
from altgate.provision.image import Region
from altgate.release import key as keys
from altgate.release.slot import Image
from altgate.rig.board import BOARD_FILE
from altgate.rig.wiring import load

BOARD = board_file.read(board_file.DEFAULT)
OLD, NEW, BROKEN, ENDING = "0.1.0", "0.2.0", "0.3.0", "0.4.0"
MAINS = {BROKEN: "raise ValueError\n", ENDING: "print('the firmware has ended')\n"}
WINDOW_S = 15
PASSPHRASE = "a long one"


@dataclass(frozen=True)
class Images:
    """What a board is flashed with, and files of signed images: a newer one, one that does not start, and one
    that ends at once. Unsigned: the newer one."""

    regions: list[Region]
    new: Path
    broken: Path
    ending: Path
    unsigned: Path


def build(folder: Path, loader: list[Region]) -> Images:
    """Build them; ``loader``: the regions of partition table and loader."""
    key = folder / "key"
    public = keys.create(key, PASSPHRASE, 32).public_key
    old = _image(folder, OLD, public)
    made = {}
    for version in (NEW, BROKEN, ENDING):
        one = _image(folder, version, public)
        signature, _ = keys.sign(key, PASSPHRASE, one.manifest)
        made[version] = folder / f"{version}.img"
        made[version].write_bytes(Image(one.manifest, signature, one.rom).in_slot())
    unsigned = folder / "unsigned.img"
    unsigned.write_bytes(_image(folder / "unsigned", NEW, public).in_slot())
    at = load(BOARD_FILE).partition("code_a")[0]
    regions = [*loader, Region("code_a", at, old.in_slot())]
    return Images(regions, made[NEW], made[BROKEN], made[ENDING], unsigned)


def _image(folder: Path, version: str, public_key: bytes) -> Image:
    tree = folder / version / "tree"
    if version in MAINS:
        (tree / "altgate").mkdir(parents=True)
        (tree / "altgate" / "__init__.py").write_text(f'VERSION = "{version}"\n', encoding="utf-8")
        (tree / "main.py").write_text(MAINS[version], encoding="utf-8")
        return image.image_of(tree, BOARD)
    image.whole(tree, BOARD, public_key)
    _replace(tree / "altgate" / "__init__.py", f'VERSION = "{OLD}"', f'VERSION = "{version}"')
    # The numbers are written in where they are used.
    for name in ("erasure.py", "console/maintenance.py"):
        _replace(tree / "altgate" / name, "(300)", f"({WINDOW_S})")
    return image.image_of(tree, BOARD)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new), encoding="utf-8")
