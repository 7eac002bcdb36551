"""A board's file (board.toml), read and checked: what is built into an image must fit the board."""

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from altgate.errors import Refused
from altgate.hardware import make_partitions

FOLDER = Path(make_partitions.__file__).parent
DEFAULT = FOLDER / "board.toml"
Table = dict[str, Any]


def packaged() -> list[Path]:
    """The board files that come with altgate, the default one first."""
    others = {*FOLDER.glob("board*.toml"), *(FOLDER / "boards").glob("*.toml")} - {DEFAULT}
    return [DEFAULT, *sorted(others)]


def read(path: Path) -> Table:
    """The board's file; raises Refused for what no board that altgate comes with has, for what is missing,
    for a pin that two things share, and for a flash that flash.toml does not know."""
    board = _load(path)
    known = [_load(one) for one in packaged()]
    held = _names(board)
    for name in sorted(held - set().union(*map(_names, known))):
        raise Refused(f"{path} has {name}, which altgate does not know: correct the name or leave it out.")
    for name in sorted(set.intersection(*map(_names, known)) - held):
        raise Refused(f"{path} lacks {name}: take it from {DEFAULT.name}.")
    _check_pins(path, board)
    sizes = make_partitions.flash_map()["boards"]
    if board["board"]["flash"] not in sizes:
        known_sizes = ", ".join(sizes)
        raise Refused(
            f"{path} says flash = {board['board']['flash']!r}, which is no size of flash.toml: "
            f"choose one of {known_sizes}."
        )
    return board


def _load(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): give a board file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no TOML ({error}): correct it.") from None


def _names(table: Table, path: tuple[str, ...] = ()) -> set[str]:
    """The dotted names of everything in the file that is no table."""
    found = set()
    for key, value in table.items():
        found |= _names(value, (*path, key)) if isinstance(value, dict) else {".".join((*path, key))}
    return found


def _check_pins(path: Path, board: Table) -> None:
    users = defaultdict(list)
    for name, value in board["pins"].items():
        for pin in value if isinstance(value, list) else [value]:
            if type(pin) is not int or not 0 <= pin <= 255:
                raise Refused(f"{path} gives pins.{name} the pin {pin!r}: write the number of a pin.")
            users[pin].append(name)
    for pin, names in sorted(users.items()):
        if len(names) > 1:
            shared = " and ".join(names)
            raise Refused(f"{path} gives pin {pin} to {shared}: each needs a pin of its own.")
    for name, level in board["levels"].items():
        if type(level) is not int or level not in (0, 1):
            raise Refused(f"{path} gives levels.{name} the level {level!r}: write 0 or 1.")
