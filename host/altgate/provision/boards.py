"""What a board's file says that flashing needs: its chip, its PSRAM, its flash, and what lies where in that.

``board.toml`` names a size of ``flash.toml``, which lies beside it.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altgate.provision.causes import trouble
from altgate.provision.tables import Partition

_CHECKOUT = Path(__file__).resolve().parents[3] / "hardware" / "board.toml"
CHIPS = {"esp32": "ESP32", "esp32s3": "ESP32-S3"}
# The variant of MicroPython's download page, by chip and kind of PSRAM.
VARIANTS = {
    ("esp32", "none"): "ESP32_GENERIC",
    ("esp32", "quad"): "ESP32_GENERIC-SPIRAM",
    ("esp32s3", "none"): "ESP32_GENERIC_S3",
    ("esp32s3", "quad"): "ESP32_GENERIC_S3",
    ("esp32s3", "octal"): "ESP32_GENERIC_S3-SPIRAM_OCT",
}


@dataclass(frozen=True)
class BoardFile:
    """``chip``: of CHIPS, ``psram``: "none", "quad" or "octal"; ``partitions`` in the order of the file."""

    path: Path
    name: str
    chip: str
    psram: str
    flash_bytes: int
    partitions: dict[str, Partition]

    @property
    def chip_name(self) -> str:
        """The chip as its maker writes it."""
        return CHIPS[self.chip]

    @property
    def variant(self) -> str:
        """The stock image for this board, as MicroPython names it."""
        return VARIANTS[self.chip, self.psram]


def default() -> Path:
    """The reference board's file."""
    return _CHECKOUT


def read(path: Path) -> BoardFile:
    """Raises the cause ``no_board_file`` where it is missing or says too little."""
    try:
        board = tomllib.loads(path.read_text(encoding="utf-8"))["board"]
        sizes = tomllib.loads((path.parent / "flash.toml").read_text(encoding="utf-8"))["boards"]
        return _board(path, board, sizes[board["flash"]])
    except OSError as error:
        raise trouble("no_board_file", path=error.filename, error=error.strerror) from None
    except (KeyError, TypeError, ValueError) as error:
        raise trouble("no_board_file", path=path, error=f"{type(error).__name__}: {error}") from None


def _board(path: Path, board: dict[str, Any], flash: dict[str, Any]) -> BoardFile:
    chip, psram = board["chip"], board["psram"]
    if (chip, psram) not in VARIANTS:
        raise ValueError(f"no {chip} with {psram} PSRAM is known")
    rows = {label: Partition(*row) for label, row in flash["partitions"].items()}
    return BoardFile(path, board["name"], chip, psram, flash["flash_bytes"], rows)
