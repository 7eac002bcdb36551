"""A board file as the scripts of this folder need it: with what is around the board, and as a netlist."""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BOARDS = ("board.toml", "board-wrover.toml")
Tree = dict[str, Any]
# What a board file does not take from another one: each says it for itself.
OWN = ("board", "pins", "levels", "keypad", "uarts", "i2c", "straps")


def load(path: Path) -> Tree:
    """The board file, whole: with modules, rails and circuits of the file that it names under ``around``, and
    its chip of chips.toml under ``chip``. Raises OSError, tomllib.TOMLDecodeError, KeyError."""
    board = tomllib.loads(path.read_text(encoding="utf-8"))
    if "around" in board["board"]:
        other = tomllib.loads(path.with_name(board["board"]["around"]).read_text(encoding="utf-8"))
        board = _merged({key: value for key, value in other.items() if key not in OWN}, board)
    board["chip"] = tomllib.loads((HERE / "chips.toml").read_text(encoding="utf-8"))[board["board"]["chip"]]
    return board


def _merged(below: Tree, above: Tree) -> Tree:
    merged = dict(below)
    for key, value in above.items():
        is_tree = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merged(below[key], value) if is_tree else value
    return merged


def fitted(board: Tree) -> dict[str, Tree]:
    """The modules that this door has, by name."""
    return {name: module for name, module in board["modules"].items() if module.get("fitted", True)}


def pins(board: Tree) -> dict[str, int]:
    """Every pin by name, one of a list as ``name.index``, without those of modules that are not fitted."""
    found = {}
    for name, value in board["pins"].items():
        numbers = (
            {name: value} if isinstance(value, int) else {f"{name}.{at}": n for at, n in enumerate(value)}
        )
        found.update(numbers)
    gone = nets_of(board, (m for m in board["modules"].values() if not m.get("fitted", True)))
    return {name: number for name, number in found.items() if name not in gone}


def nets_of(board: Tree, modules: Any) -> set[str]:
    """The nets at these modules' terminals, and beyond a resistor the pins that lead to them."""
    nets = {net for module in modules for net in module["wires"].values()}
    return nets | {part["a"] for part in _parts(board) if part["kind"] == "resistor" and part["b"] in nets
                   and part["a"] in board["pins"]}  # fmt: skip


def netlist(board: Tree) -> list[Tree]:
    """All parts of all circuits that this door has, those at the contacts' terminals included.

    At a contact the pin's own name is the net of the terminal, ``name.pin`` that of the chip's pin.
    """
    parts = [part for part in _parts(board) if part["circuit"] != "gate" or "gate" in fitted(board)]
    values = board["contacts"]
    for name in values["of"]:
        parts += [
            {"name": f"R_{name}", "kind": "resistor", "a": name, "b": "v3v3", "ohms": values["pull_up_ohms"]},
            {"name": f"RS_{name}", "kind": "resistor", "a": name, "b": f"{name}.pin",
             "ohms": values["series_ohms"]},
            {"name": f"C_{name}", "kind": "capacitor", "a": f"{name}.pin", "b": "gnd",
             "farads": values["nanofarads"] * 1e-9},
        ]  # fmt: skip
    return [{"circuit": "contacts", **part} for part in parts]


def _parts(board: Tree) -> list[Tree]:
    """The circuits' parts, each with its circuit; the lock's coil has the lock's values."""
    found = []
    for circuit, parts in board["circuits"].items():
        for part in parts:
            more = board["lock"] if part["kind"] == "coil" else {}
            found.append({"ohms": more["ohms"], "henry": more["henry"], **part} if more else dict(part))
            found[-1]["circuit"] = circuit
    return found


def part(board: Tree, name: str) -> Tree:
    """One part by its name; StopIteration where there is none."""
    return next(one for one in netlist(board) if one["name"] == name)


def rails_of(board: Tree) -> dict[str, float]:
    """The rails that are there by themselves: a switched one is what its circuit makes of it."""
    rails = {name: float(rail["volts"]) for name, rail in board["rails"].items() if "switched_by" not in rail}
    return {**rails, "gnd": 0.0}
