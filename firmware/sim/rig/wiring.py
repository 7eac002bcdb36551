"""The board file (hardware/board.toml) and the flash map beside it as the rig needs them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .keypad import Matrix

_OUTPUTS = ("strike", "tone", "face_supply", "lamp")


@dataclass(frozen=True)
class Wiring:
    """What is joined to which pin. ``rest`` holds the level of each contact while nothing happens."""

    outputs: Mapping[str, int]
    contacts: Mapping[str, int]
    rest: Mapping[str, int]
    keypad: Matrix
    reader: str  # UART number as the settings file names it
    scanner: str
    face: str
    face_supply_on: int
    flash_bytes: int
    partitions: tuple[tuple[str, int, int, int, int], ...]  # label, type, subtype, offset, size
    clock_address: int

    def pin(self, name: str) -> int:
        """The pin's number; ValueError for a name that the board file lacks."""
        for pins in (self.outputs, self.contacts):
            if name in pins:
                return pins[name]
        raise ValueError(f"the board file names no output or contact {name!r}")

    def partition(self, label: str) -> tuple[int, int]:
        """Offset and size of a partition in the flash; KeyError for a label that there is not."""
        return {name: (offset, size) for name, _, _, offset, size in self.partitions}[label]

    def name(self, pin: int) -> str:
        """The name of a pin, or its number as text where it has none."""
        for pins in (self.outputs, self.contacts):
            for name, number in pins.items():
                if number == pin:
                    return name
        return str(pin)


def load(path: Path) -> Wiring:
    """Read a board file and the flash.toml beside it; KeyError where something is missing, ValueError where
    it is no TOML."""
    board: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    maps: dict[str, Any] = tomllib.loads(path.with_name("flash.toml").read_text(encoding="utf-8"))
    flash = maps["boards"][board["board"]["flash"]]
    pins, rest = board["pins"], {}
    # A contact's level is named for what happens then ("door_open"): at rest it has the other one.
    for level, value in board["levels"].items():
        word = level.split("_")[0]
        names = (word + "_contact", level.rsplit("_", 1)[0], word)
        contact = next((name for name in names if name in pins and name not in _OUTPUTS), None)
        if contact:
            rest[contact] = 1 - int(value)
    return Wiring(
        outputs={name: pins[name] for name in _OUTPUTS},
        contacts={name: pins[name] for name in rest},
        rest=rest,
        keypad=Matrix(pins["keypad_rows"], pins["keypad_columns"], board["keypad"]["keys"]),
        reader=str(board["uarts"]["reader"]["id"]),
        scanner=str(board["uarts"]["scanner"]["id"]),
        face=str(board["uarts"]["face"]["id"]),
        face_supply_on=board["levels"]["face_supply_on"],
        flash_bytes=flash["flash_bytes"],
        partitions=tuple((label, *numbers) for label, numbers in flash["partitions"].items()),
        clock_address=board["i2c"]["clock_address"],
    )
