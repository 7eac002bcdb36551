"""What a board's file says that flashing needs: its chip, its PSRAM, its flash, and what lies where."""

from dataclasses import dataclass
from pathlib import Path

from altgate.hardware import make_partitions
from altgate.provision import board_file
from altgate.provision.causes import trouble
from altgate.provision.tables import Partition

FAMILIES = {"esp32": "ESP32", "esp32s3": "ESP32-S3"}
# A board's chip, as board.toml names it: its family, how its PSRAM is wired, and the stock image for it as
# MicroPython's download page names that.
_MODULES = {
    "esp32s3-n16r8": ("esp32s3", "octal", "ESP32_GENERIC_S3-SPIRAM_OCT"),
    "esp32-wrover": ("esp32", "quad", "ESP32_GENERIC-SPIRAM"),
}


@dataclass(frozen=True)
class BoardFile:
    """``family``: of FAMILIES, ``psram``: "quad" or "octal"; ``partitions`` in the order of flash.toml."""

    path: Path
    name: str
    family: str
    psram: str
    variant: str
    flash_bytes: int
    partitions: dict[str, Partition]

    @property
    def chip_name(self) -> str:
        """The chip's family as its maker writes it."""
        return FAMILIES[self.family]


def read(path: Path) -> BoardFile:
    """Raises Refused as board_file.read() does, and the cause ``unknown_module``."""
    board = board_file.read(path)["board"]
    if board["chip"] not in _MODULES:
        raise trouble("unknown_module", path=path, found=board["chip"], known=", ".join(_MODULES))
    family, psram, variant = _MODULES[board["chip"]]
    flash = make_partitions.flash_map()["boards"][board["flash"]]
    rows = {label: Partition(*row) for label, row in flash["partitions"].items()}
    return BoardFile(path, board["name"], family, psram, variant, flash["flash_bytes"], rows)
