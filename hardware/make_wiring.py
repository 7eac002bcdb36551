"""The wiring of a board: WireViz's input, made from the board file, and the drawing that WireViz makes of it.

    python hardware/make_wiring.py              writes wiring-*.yaml and draws wiring-*.svg (needs Graphviz)
    python hardware/make_wiring.py --check      says by its exit code whether both are current; draws nothing

Left of each cable are the terminals on the carrier, which holds the board; right of it is the module.
"""

import hashlib
import shutil
import sys
import tempfile
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from boardfile import BOARDS, HERE, Tree, fitted, load, netlist, pins

COLOURS = {"gnd": "BK", "v5": "RD", "v5_face": "RD", "v3v3": "OG", "v12": "RD"}
SIGNALS = ("YE", "GN", "BU", "VT", "WH", "BN", "PK", "GY", "TQ")
MARK = "<!-- wiring {} -->\n"
OUTSIDE, SECURE = "#ffe8cc", "#e3f1e3"


def wireviz_input(board: Tree) -> str:
    """The YAML: a connector for the board and one for each module, a cable or a bundle for each module."""
    numbers = pins(board)
    connectors: Tree = {"J1": _board(board, numbers)}
    cables: Tree = {}
    connections: list[Any] = []
    for name, module in fitted(board).items():
        if name == "controller":
            continue
        place = module["connector"]
        nets, terminals = list(module["wires"].values()), list(module["wires"])
        here = {
            "type": f"carrier, {place}", "pinlabels": [_label(board, numbers, net) for net in nets],
            "pincount": len(nets),
        }  # fmt: skip
        there = {
            "type": module["what"], "subtype": module["part"], "pinlabels": terminals,
            "notes": "outside" if module["side"] == "outside" else "secure side",
            "bgcolor": OUTSIDE if module["side"] == "outside" else SECURE,
        }  # fmt: skip
        connectors[f"{place}"], connectors[name] = here, there
        every = list(range(1, len(nets) + 1))
        wires: Tree = {"wirecount": len(nets), "colors": _colours(nets)}
        if "metres" in module:
            wires |= {
                "gauge": f"{module['mm2']} mm2",
                "length": module["metres"],
                "notes": "at most this long",
            }
        else:
            wires |= {"category": "bundle", "notes": "on the carrier"}
        cables[f"W{place[1:]}"] = wires
        connections.append([{place: every}, {f"W{place[1:]}": every}, {name: every}])
    socket = connectors["J1"]["pinlabels"]
    connectors["carrier"] = {
        "type": "carrier",
        "pinlabels": socket,
        "notes": "to the terminals of these names",
    }
    cables["W1"] = {"category": "bundle", "colors": _colours(socket), "notes": "the carrier's socket"}
    every = list(range(1, len(socket) + 1))
    connections.insert(0, [{"J1": connectors["J1"]["pins"]}, {"W1": every}, {"carrier": every}])
    data = {"metadata": {"title": board["board"]["name"]}, "connectors": connectors, "cables": cables,
            "connections": connections}  # fmt: skip
    return "# Made by hardware/make_wiring.py from the board file.\n" + yaml.safe_dump(
        data, sort_keys=False, width=110, allow_unicode=True
    )


def _board(board: Tree, numbers: dict[str, int]) -> Tree:
    """The board's own connector: pins by their GPIO number, then its supply."""
    supply = fitted(board)["controller"]["wires"]
    return {
        "type": board["board"]["name"], "notes": "secure side", "bgcolor": SECURE,
        "pins": [*(f"GPIO{number}" for number in numbers.values()), *supply],
        "pinlabels": [*numbers, *supply.values()],
    }  # fmt: skip


def _label(board: Tree, numbers: dict[str, int], net: str) -> str:
    """A terminal of the carrier: its net, with the pin that leads there, through a resistor too."""
    behind = [part["a"] for part in netlist(board) if part["kind"] == "resistor" and part["b"] == net]
    if net in board["rails"] or net == "gnd":
        return net
    for pin in (net, *behind):
        if pin in numbers:
            return f"{net} (GPIO{numbers[pin]})"
    return net


def _colours(nets: list[str]) -> list[str]:
    """Black for ground, red and orange for supplies, and signals in turn."""
    signals = cycle(SIGNALS)
    return [COLOURS.get(net) or next(signals) for net in nets]


def files(name: str) -> tuple[Path, Path]:
    """The YAML and the drawing of a board file."""
    stem = "wiring-" + ("s3" if name == "board.toml" else Path(name).stem.removeprefix("board-"))
    return HERE / f"{stem}.yaml", HERE / f"{stem}.svg"


def mark(text: str) -> str:
    """What a drawing ends with, so that one of another input is seen."""
    return MARK.format(hashlib.sha256(text.encode()).hexdigest())


def draw(text: str) -> str:
    """The drawing of such an input, as SVG; needs Graphviz."""
    from wireviz import wireviz

    with tempfile.TemporaryDirectory() as folder:
        wireviz.parse(text, output_formats=("svg",), output_dir=folder, output_name="wiring")
        return (Path(folder) / "wiring.svg").read_text(encoding="utf-8").rstrip() + "\n" + mark(text)


def main(arguments: list[str]) -> int:
    """Write, or check; returns the exit code."""
    is_check, stale = "--check" in arguments, []
    if not is_check and not shutil.which("dot"):
        print("Graphviz is not here: install the Debian package graphviz.", file=sys.stderr)
        return 2
    for name in BOARDS:
        text, (source, drawing) = wireviz_input(load(HERE / name)), files(name)
        is_current = source.is_file() and source.read_text(encoding="utf-8") == text and drawing.is_file()
        if is_current and drawing.read_text(encoding="utf-8").endswith(mark(text)):
            continue
        stale.append(source.name)
        if not is_check:
            source.write_text(text, encoding="utf-8")
            drawing.write_text(draw(text), encoding="utf-8")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
