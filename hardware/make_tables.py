"""The tables of docs/hardware.md and bom.csv, from the board files, bom.toml and spice.json.

python hardware/make_tables.py            writes them; --check says by its exit code whether they are current
"""

import csv
import io
import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import budget
import spice
from boardfile import BOARDS, HERE, Tree, fitted, load, netlist, pins

PAGE = HERE.parent / "docs" / "hardware.md"
BOM = HERE / "bom.csv"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->\n)", re.S)


def _table(head: str, rows: list[list[str]]) -> str:
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + " --- |" * columns, *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def _boards() -> dict[str, Tree]:
    return {name: load(HERE / name) for name in BOARDS}


def pin_table() -> str:
    """Each name's pin, on each board."""
    found = {name: pins(board) for name, board in _boards().items()}
    names = list(found[BOARDS[0]])
    rows = [
        [f"`{name}`", *(f"{one[name]}" if name in one else "–" for one in found.values())] for name in names
    ]
    return _table("name | " + " | ".join(board["board"]["name"] for board in _boards().values()), rows)


def rail_table() -> str:
    """What each rail gives, on each board."""
    rows = []
    for board in _boards().values():
        typical, peak = (budget.rail_currents(board, one) for one in ("typical_ma", "peak_ma"))
        for name, rail in board["rails"].items():
            if name == "v5_face" and "face" not in fitted(board):
                continue
            own = [board["board"]["name"], f"`{name}`", f"{rail['volts']} V", rail["source"]]
            rows.append([*own, *(f"{ma:.0f}" for ma in (typical[name], peak[name], rail["amps"] * 1000))])
    return _table("board | rail | volts | from | typical mA | all at once mA | gives mA", rows)


def battery_table() -> str:
    """How long a door goes on."""
    rows = []
    for board in _boards().values():
        hours, other = budget.hours(board)
        own = [
            board["board"]["name"],
            f"{board['battery']['amp_hours']:g} Ah",
            f"{hours:.1f}",
            f"{other:.1f}",
        ]
        rows.append([*own, f"{budget.recharge_hours(board):.0f}", f"{budget.clock_years(board):.0f}"])
    head = "board | battery | hours | without the lock's current | hours to full | years of the clock's cell"
    return _table(head, rows)


def module_table() -> str:
    """Where each module of the reference board is, and its cable."""
    board = _boards()[BOARDS[0]]
    rows = []
    for name, module in fitted(board).items():
        cable = f"{module['metres']:g} m, {module['mm2']} mm²" if "metres" in module else "on the carrier"
        arrives = f"{budget.terminal_volts(board, module):.1f} V" if "min_volts" in module else "–"
        needs = f"{module['min_volts']} V" if "min_volts" in module else "–"
        rows.append([module["connector"], f"`{name}`", module["what"], module["side"], cable, arrives, needs])
    return _table("at | name | what | side | longest cable | arrives at worst | needs", rows)


def spice_table() -> str:
    """What ngspice says; see spice.py."""
    figures = json.loads(spice.FIGURES.read_text(encoding="utf-8"))["figures"]
    with_diode, without, gate = (figures[name] for name in spice.DECKS)
    rows = [
        ["across the relay's contact when it opens, with D2", f"{with_diode['contact_volts']:.1f} V"],
        ["the same without D2; a real contact would arc before", f"{without['contact_volts'] / 1000:.0f} kV"],
        ["the lock's current down to a tenth, with D2", f"{with_diode['release_s'] * 1000:.0f} ms"],
        [f"at the face module, its pin open with a leak of {spice.LEAK_AMPS * 1e6:g} µA",
         f"under {max(gate['off_volts'] * 1000, 1):.0f} mV"],
        ["at the face module, on", f"{gate['on_volts']:.2f} V"],
        ["from `v5` while it switches on, at most", f"{-gate['peak_amps']:.1f} A"],
        ["until it has 4.5 V", f"{gate['rise_s'] * 1000:.1f} ms"],
        ["until it has less than 0.5 V again", f"{gate['fall_s'] * 1000:.0f} ms"],
    ]  # fmt: skip
    return _table("what | figure", rows)


def strap_table() -> str:
    """Pins that the chip looks at while it starts, and why they may be used."""
    rows = [[board["board"]["name"], f"{board['pins'][name]}", f"`{name}`", why]
            for board in _boards().values() for name, why in board.get("straps", {}).items()]  # fmt: skip
    return _table("board | pin | name | why it may be used", rows)


def circuit_table() -> str:
    """The small parts on the carrier, counted from the netlist of the reference board."""
    counted: dict[tuple[str, str], int] = {}
    for part in netlist(_boards()[BOARDS[0]]):
        value = f"{part['ohms']:g} Ω" if part["kind"] == "resistor" else ""
        value = value or (f"{part['farads'] * 1e6:g} µF" if part["kind"] == "capacitor" else "")
        if (
            part["kind"] in ("resistor", "capacitor", "diode", "npn", "pmos", "fuse", "relay")
            and part["name"] != "B1"
        ):
            key = (part["kind"], value)
            counted[key] = counted.get(key, 0) + 1
    rows = [[kind, value or "–", str(count)] for (kind, value), count in sorted(counted.items())]
    return _table("part | value | pieces", rows)


def _parts(name: str) -> dict[str, Tree]:
    parts: dict[str, Tree] = tomllib.loads((HERE / "bom.toml").read_text(encoding="utf-8"))["parts"]
    return {key: part for key, part in parts.items() if name in part.get("boards", BOARDS)}


def sums(name: str, with_optional: bool) -> dict[str, tuple[float, float]]:
    """From and to, in each currency, of one door on this board."""
    chosen = [part for part in _parts(name).values() if with_optional or not part.get("optional")]
    return {
        money: (
            sum(part.get("quantity", 1) * part[money][0] for part in chosen),
            sum(part.get("quantity", 1) * part[money][1] for part in chosen),
        )
        for money in ("euro", "yuan")
    }


def price_table() -> str:
    """What a door costs."""
    rows = []
    for name, board in _boards().items():
        for optional in (False, True) if any(p.get("optional") for p in _parts(name).values()) else (False,):
            found = sums(name, optional)
            rows.append([board["board"]["name"], "with the face module" if optional else "without face",
                         *(f"{low:.0f} to {high:.0f}" for low, high in found.values())])  # fmt: skip
    return _table("board | door | EUR | CNY", rows)


def bom_csv() -> str:
    """The bill of materials as a table for a spreadsheet, with the sums at its end."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["part", "what", "boards", "quantity", "EUR from", "EUR to", "CNY from", "CNY to", "instead"]
    )
    for key, part in tomllib.loads((HERE / "bom.toml").read_text(encoding="utf-8"))["parts"].items():
        writer.writerow([key, part["what"], " ".join(part.get("boards", BOARDS)), part.get("quantity", 1),
                         *part["euro"], *part["yuan"], part["other"]])  # fmt: skip
    for name in BOARDS:
        found = sums(name, True)
        writer.writerow(
            ["sum", "estimate of 2026, with what is optional", name, "", *found["euro"], *found["yuan"], ""]
        )
    return text.getvalue()


TABLES: dict[str, Callable[[], str]] = {
    "pins": pin_table,
    "straps": strap_table,
    "rails": rail_table,
    "battery": battery_table,
    "modules": module_table,
    "spice": spice_table,
    "parts": circuit_table,
    "prices": price_table,
}


def page(text: str) -> str:
    """The page with every marked table made anew; raises KeyError for one that there is not."""
    return MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", text)


def main(arguments: list[str]) -> int:
    """Write, or check; returns the exit code."""
    made: dict[Path, str] = {PAGE: page(PAGE.read_text(encoding="utf-8")), BOM: bom_csv()}
    for path, text in made.items():
        if "--check" in arguments:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                return 1
        else:
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
