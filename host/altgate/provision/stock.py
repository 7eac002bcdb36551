"""A stock MicroPython image: what its file holds, which board it is for, and whether it is the right file.

MicroPython's build joins boot loader, partition table and program into one file that begins where the chip
looks for its boot loader: 0x1000 on an ESP32, 0 on an ESP32-S3 (its ports/esp32/makeimg.py). altgate has a
table of its own; loader and program are checked by their own checksums (ESP-IDF, "App Image Format").
"""

import hashlib
import struct
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from altgate.provision import tables
from altgate.provision.boards import FAMILIES, BoardFile
from altgate.provision.causes import trouble
from altgate.provision.esptool_quiet import FatalError, LoadFirmwareImage

MAGIC = 0xE9
_HEAD = struct.Struct("<BBBBI4xH9xB")
_DIGEST = 32
LOADER_AT = {"esp32": 0x1000, "esp32s3": 0}
_CHIP_IDS = {0: "esp32", 9: "esp32s3"}
_FLASH_SIZES = {1 << (20 + code): code for code in range(5)}  # bytes to the header's code: 1 to 16 MB
# A file is at most this long: more than any flash that is supported.
_MOST = 16 << 20
# What the program holds if it was built for PSRAM on eight or on four lines: the log tags of ESP-IDF's
# drivers, and the name that MicroPython gives such a build.
_PSRAM_TAGS = {b"octal_psram": "octal", b"SPIRAM_OCT": "octal", b"quad_psram": "quad"}


@dataclass(frozen=True)
class Stock:
    """``loader`` goes to ``loader_at``, ``program`` to the partition ``factory``; ``psram``: "octal", "quad",
    or "" where the file does not tell."""

    path: Path
    sha256: str
    family: str
    psram: str
    loader: bytes
    program: bytes

    @property
    def loader_at(self) -> int:
        """Where in the flash the chip looks for its boot loader."""
        return LOADER_AT[self.family]


def read(path: Path) -> Stock:
    """Take the file apart; raises the causes ``not_an_image`` and ``damaged_image``."""
    try:
        if path.stat().st_size > _MOST:
            raise trouble("not_an_image", path=path, error="it is too long")
        data = path.read_bytes()
    except OSError as error:
        raise trouble("not_an_image", path=path, error=error.strerror) from None
    if len(data) < _HEAD.size or data[0] != MAGIC:
        raise trouble("not_an_image", path=path, error="it does not begin like one")
    chip = _CHIP_IDS.get(_HEAD.unpack_from(data)[5])
    if chip is None:
        raise trouble("not_an_image", path=path, error=f"it is for none of {', '.join(FAMILIES.values())}")
    table_at = tables.OFFSET - LOADER_AT[chip]
    rows = tables.parse(data[table_at : table_at + tables.BYTES])
    app = next((row for row in rows.values() if row.kind == tables.APP), None)
    if app is None:
        raise trouble("not_an_image", path=path, error="it holds no partition table with a program")
    loader = _whole(path, "boot loader", data[:table_at], chip)
    program = _whole(path, "program", data[app.offset - LOADER_AT[chip] :], chip)
    psram = next((kind for tag, kind in _PSRAM_TAGS.items() if tag in program), "")
    return Stock(path, hashlib.sha256(data).hexdigest(), chip, psram, loader, program)


def check_hash(stock: Stock, wanted: str | None) -> bool:
    """Whether it is known to be the right file: by ``wanted`` (hexadecimal), or by the list. Raises the cause
    ``wrong_hash`` where it is known not to be; False where nothing is known."""
    if wanted is None:
        listed = {row["name"]: row["sha256"] for row in known()}
        if stock.sha256 in listed.values():
            return True
        wanted = listed.get(stock.path.name)
    if wanted is not None and wanted.strip().lower() != stock.sha256:
        raise trouble("wrong_hash", path=stock.path, found=stock.sha256, wanted=wanted)
    return wanted is not None


def known() -> list[dict[str, str]]:
    """The rows of images.toml."""
    text = resources.files("altgate.provision").joinpath("images.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["image"])


def check_board(stock: Stock, board: BoardFile) -> None:
    """Raises a cause where the image is for another chip or PSRAM, or does not fit in."""
    if stock.family != board.family:
        raise trouble(
            "image_of_other_chip",
            path=stock.path,
            found=FAMILIES[stock.family],
            wanted=board.chip_name,
            board=board.name,
            variant=board.variant,
        )
    if stock.psram and stock.psram != board.psram:
        raise trouble(
            "image_of_other_psram",
            path=stock.path,
            found=stock.psram,
            wanted=board.psram,
            board=board.name,
            variant=board.variant,
        )
    room = board.partitions["factory"].size
    if len(stock.program) > room:
        raise trouble("image_too_big", label="program", size=len(stock.program), room=room)


def for_flash(stock: Stock, flash_bytes: int) -> Stock:
    """The same with this size in its loader's head: a loader refuses partitions beyond it. Its digest is
    computed anew (ESP-IDF, "App Image Format": appended SHA-256)."""
    loader = bytearray(stock.loader)
    loader[3] = _FLASH_SIZES[flash_bytes] << 4 | loader[3] & 0x0F
    loader[-_DIGEST:] = hashlib.sha256(loader[:-_DIGEST]).digest()
    return replace(stock, loader=bytes(loader))


def _whole(path: Path, part: str, data: bytes, chip: str) -> bytes:
    """The image that ``data`` begins with, without what follows; its checksum and digest are right."""
    if len(data) < _HEAD.size or data[0] != MAGIC:
        raise trouble("not_an_image", path=path, error=f"it holds no {part}")
    try:
        image = LoadFirmwareImage(chip, data)
        is_right = image.checksum == image.calculate_checksum() and image.append_digest
    except (FatalError, struct.error, RuntimeError, TypeError):
        is_right = False
    if not is_right or image.stored_digest != image.calc_digest:
        raise trouble("damaged_image", path=path, part=part)
    if _CHIP_IDS.get(image.chip_id) != chip:
        raise trouble("not_an_image", path=path, error=f"its {part} is for another chip")
    return data[: image.data_length + _DIGEST]
