"""Board files, firmware, drawings, bill of materials and pages say the same."""

import csv
import html
import json
import re
import tomllib
from collections.abc import Callable

import pytest

import boardfile
import make_circuits
import make_pins
import make_tables
import make_wiring
import spice
from altgate.rig import wiring
from boardfile import BOARDS, HERE, fitted, load, netlist, pins
from conftest import ROOT

FLASH = tomllib.loads((HERE / "flash.toml").read_text(encoding="utf-8"))["boards"]
EVERY_BOARD = pytest.mark.parametrize("name", BOARDS)
MAKERS = {"wiring": make_wiring.main, "circuits": make_circuits.main, "tables": make_tables.main}


def shown(path: str) -> str:
    """The words of a drawing, without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", "\n", (HERE / path).read_text(encoding="utf-8")))


@pytest.mark.parametrize("what", MAKERS)
def test_what_is_made_is_current(what: str) -> None:
    main: Callable[[list[str]], int] = MAKERS[what]
    assert main(["--check"]) == 0, "run `make hardware` and commit what it writes"


@EVERY_BOARD
def test_each_pin_wire_and_module_is_in_the_drawing(name: str) -> None:
    board = load(HERE / name)
    words = shown(make_wiring.files(name)[1].name)
    lines = [line.strip() for line in words.splitlines()]
    for pin, number in pins(board).items():
        assert f"J1:GPIO{number}:{pin}" in lines, pin
    for module, values in fitted(board).items():
        if module == "controller":
            continue
        place = values["connector"]
        for at, (terminal, net) in enumerate(values["wires"].items(), 1):
            assert f"{module}:{at}:{terminal}" in lines, (module, terminal)
            assert any(re.match(rf"{place}:{at}:{re.escape(net)}( \(GPIO\d+\))?$", line) for line in lines), (
                net
            )
        assert values["part"] in lines and f"carrier, {place}" in lines, module
        # Of its own pins the carrier's side tells the number.
        for net in values["wires"].values():
            if net in pins(board):
                assert f"{net} (GPIO{pins(board)[net]})" in words


@EVERY_BOARD
def test_no_two_modules_share_a_connector(name: str) -> None:
    places = [module["connector"] for module in fitted(load(HERE / name)).values()]
    assert len(set(places)) == len(places)


@EVERY_BOARD
def test_each_module_is_in_the_bill_of_materials(name: str) -> None:
    parts = tomllib.loads((HERE / "bom.toml").read_text(encoding="utf-8"))["parts"]
    for module in fitted(load(HERE / name)).values():
        assert name in parts[module["part"]].get("boards", BOARDS), module["part"]
    for key, part in parts.items():
        assert all(0 <= part[money][0] <= part[money][1] for money in ("euro", "yuan")), key
        assert part["other"] and set(part.get("boards", BOARDS)) <= set(BOARDS)


def test_the_sums_are_those_of_the_table() -> None:
    rows = list(csv.DictReader(make_tables.bom_csv().splitlines()))
    of_s3 = [row for row in rows if row["part"] != "sum" and "board.toml" in row["boards"].split()]
    low = sum(float(row["quantity"]) * float(row["EUR from"]) for row in of_s3)
    assert low == make_tables.sums("board.toml", True)["euro"][0]
    optional = make_tables.sums("board.toml", False)["euro"][0]
    assert optional < low


@EVERY_BOARD
def test_firmware_and_simulated_board_read_it(name: str, tmp_path) -> None:
    board = load(HERE / name)
    target = tmp_path / "pins.py"
    assert make_pins.main([str(HERE / name), str(target)]) == 0
    assert make_pins.main(["--check", str(HERE / name), str(target)]) == 0
    made: dict[str, object] = {}
    exec(target.read_text(encoding="utf-8"), made)
    for pin, number in board["pins"].items():
        assert made[pin.upper()] == (tuple(number) if isinstance(number, list) else number)
    rig = wiring.load(HERE / name)
    assert rig.pin("strike") == made["STRIKE"] and rig.pin("tamper") == made["TAMPER"]
    assert rig.flash_bytes == FLASH[board["board"]["flash"]]["flash_bytes"]
    assert board["board"]["name"] == made["BOARD"]


def test_both_boards_give_the_firmware_the_same_names(tmp_path) -> None:
    names = []
    for name in BOARDS:
        assert make_pins.main([str(HERE / name), str(tmp_path / "pins.py")]) == 0
        names.append(re.findall(r"^[A-Z_]+", (tmp_path / "pins.py").read_text(encoding="utf-8"), re.M))
    assert names[0] == names[1]
    assert make_pins.main([str(HERE / BOARDS[0])]) == 2


def test_every_part_of_a_circuit_is_drawn_with_its_value() -> None:
    board = load(HERE / "board.toml")
    drawn = {draw.__name__: shown(make_circuits.target(draw).name) for draw in make_circuits.DRAWINGS}
    for part in netlist(board):
        words = drawn["contact" if part["circuit"] == "contacts" else part["circuit"]]
        if part["circuit"] != "contacts":
            assert re.search(rf"(^|\s){re.escape(part['name'])}\b", words), part["name"]
        if "farads" in part:
            assert make_circuits._farads(part["farads"]) in words
        elif part["kind"] == "resistor" and part["name"] != "B1":
            assert make_circuits._ohms(part["ohms"]) in words


def test_the_simulators_figures_are_of_this_netlist_and_good() -> None:
    stored = json.loads(spice.FIGURES.read_text(encoding="utf-8"))
    assert stored["decks"] == spice.digest(), "run `make hardware`, with ngspice"
    strike, without, gate = (stored["figures"][name] for name in spice.DECKS)
    assert strike["contact_volts"] < 20 < 1000 < without["contact_volts"]
    assert strike["release_s"] < 0.1
    assert gate["off_volts"] < 0.05 and gate["on_volts"] > 4.8 and gate["fall_s"] < 0.2
    assert -gate["peak_amps"] < load(HERE / "board.toml")["rails"]["v5"]["amps"]


def test_a_changed_value_makes_the_drawings_old(monkeypatch) -> None:
    real = boardfile.load

    def changed(path):
        board = real(path)
        board["circuits"]["gate"][0]["ohms"] = 2_200
        board["modules"]["lock"]["metres"] = 13
        return board

    for module in (make_wiring, make_circuits, make_tables, spice):
        monkeypatch.setattr(module, "load", changed)
    stored = json.loads(spice.FIGURES.read_text(encoding="utf-8"))
    assert stored["decks"] != spice.digest()
    assert [main(["--check"]) for main in MAKERS.values()] == [1, 1, 1]


def test_every_table_of_the_page_is_made() -> None:
    page = (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"<!-- table: (\w+) -->", page)) == sorted(make_tables.TABLES)
    for drawing in HERE.glob("*.svg"):
        assert f"../hardware/{drawing.name}" in page, drawing.name
