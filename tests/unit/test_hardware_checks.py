"""The electrical checks of a board file: each finds what it is for, and says what to do."""

import copy
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import check
import netsolve
from boardfile import BOARDS, HERE, load, netlist, part, pins, rails_of

Tree = dict[str, Any]
S3, WROVER = (load(HERE / name) for name in BOARDS)


def put(path: str, value: Any) -> Callable[[Tree], None]:
    """Set one value by its dotted path; a part of a circuit goes by its name."""

    def mutate(board: Tree) -> None:
        *way, last = path.split("/")
        at: Any = board
        for step in way:
            at = next(one for one in at if one["name"] == step) if isinstance(at, list) else at[step]
        at[last] = value

    return mutate


def without(circuit: str, name: str) -> Callable[[Tree], None]:
    """Take one part out."""

    def mutate(board: Tree) -> None:
        board["circuits"][circuit] = [one for one in board["circuits"][circuit] if one["name"] != name]

    return mutate


def with_part(circuit: str, **values: Any) -> Callable[[Tree], None]:
    def mutate(board: Tree) -> None:
        board["circuits"][circuit].append({"name": "X1", **values})

    return mutate


def both(*steps: Callable[[Tree], None]) -> Callable[[Tree], None]:
    def mutate(board: Tree) -> None:
        for step in steps:
            step(board)

    return mutate


GATE, STRIKE, SIGNALS = "circuits/gate/", "circuits/strike/", "circuits/signals/"
FAIL_SECURE = put("lock/kind", "fail_secure")
# The board, what is made wrong, the check that must say so, and words of what it says.
WRONG = {
    "a pin twice": (S3, put("pins/tone", 4), "pins_are_legal", "pin 4 is both"),
    "a pin of the PSRAM": (S3, put("pins/lamp", 36), "pins_are_legal", "octal PSRAM"),
    "a pin of USB": (S3, put("pins/lamp", 19), "pins_are_legal", "USB"),
    "the board's own lamp": (S3, put("pins/tamper", 38), "pins_are_legal", "own lamp"),
    "the bridge's pin": (S3, put("pins/face_tx", 43), "pins_are_legal", "USB bridge"),
    "a pin that is not bonded out": (S3, put("pins/lamp", 26), "pins_are_legal", "no pin 26"),
    "a pin of the start": (S3, put("pins/lamp", 46), "pins_are_legal", "starts"),
    "a pulse at power-up": (
        S3,
        both(put("pins/strike", 18), put("pins/reader_rx", 48)),
        "pins_are_legal",
        "power-up",
    ),
    "flash of the WROVER": (WROVER, put("pins/lamp", 9), "pins_are_legal", "no pin 9"),
    "PSRAM of the WROVER": (WROVER, put("pins/lamp", 16), "pins_are_legal", "no pin 16"),
    "an output on an input": (
        WROVER,
        both(put("pins/tone", 34), put("pins/tamper", 12)),
        "pins_are_legal",
        "input only",
    ),
    "a row on an input": (WROVER, put("pins/keypad_rows", [23, 25, 26, 39]), "pins_are_legal", "input only"),
    "no word of why": (WROVER, lambda board: board["straps"].pop("tone"), "pins_are_legal", "[straps]"),
    "a word too many": (WROVER, put("straps/sda", "so"), "straps_hold", "does not look at"),
    "a strap held wrong": (WROVER, put("circuits/signals/R11/b", "v3v3"), "straps_hold", "from being low"),
    "no pull-up": (
        WROVER,
        put("contacts/of", ["exit_contact", "tamper", "face_key"]),
        "inputs_are_pulled",
        "pull-up",
    ),
    "a contact that reads 1": (
        S3,
        put("contacts/series_ohms", 47_000),
        "inputs_are_pulled",
        "does not read 0",
    ),
    "a contact that lags": (S3, put("contacts/nanofarads", 2_200), "inputs_are_pulled", "settles"),
    "a UART twice": (S3, put("uarts/scanner/id", 1), "buses_are_shared_by_nobody", "UART 1"),
    "no such UART": (S3, put("uarts/scanner/id", 3), "buses_are_shared_by_nobody", "no UART 3"),
    "the console's UART": (S3, put("board/console", "uart0"), "buses_are_shared_by_nobody", "console"),
    "face on the WROVER": (WROVER, put("modules/face/fitted", True), "buses_are_shared_by_nobody", "console"),
    "a long serial line": (S3, put("modules/reader/metres", 8), "buses_are_shared_by_nobody", "long for"),
    "a long I2C": (S3, put("modules/clock/metres", 2), "buses_are_shared_by_nobody", "too slowly"),
    "no pull on I2C": (S3, without("clock", "R12"), "buses_are_shared_by_nobody", "sda has no pull-up"),
    "a wire to nowhere": (S3, put("modules/lamp/wires/DIN", "lamb_din"), "wires_lead_somewhere", "lamb_din"),
    "a pin to nowhere": (S3, lambda board: board["modules"].pop("tamper"), "wires_lead_somewhere", "tamper"),
    "a weak converter": (S3, put("rails/v5/amps", 1.2), "rails_hold", "at once"),
    "a weak supply": (S3, put("rails/v12/amps", 0.45), "rails_hold", "for long"),
    "no room for charging": (
        S3,
        both(put("rails/v12/amps", 1.1), put("battery/charger_amps", 0.8)),
        "rails_hold",
        "charge",
    ),
    "a fuse too large": (S3, put(STRIKE + "F1/amps", 5), "rails_hold", "fuse"),
    "5 V on the lamp": (S3, put(SIGNALS + "D3/drop_volts", 0), "levels_fit", "level shifter"),
    "5 V on a pin": (S3, put("circuits/clock/R12/b", "v5"), "levels_fit", "5.0 V to the pin"),
    "nothing holds the gate": (S3, without("gate", "R4"), "off_while_undriven", "Q2"),
    "nothing holds its driver": (S3, without("gate", "R2"), "off_while_undriven", "Q1"),
    "the gate pulled on": (S3, put(GATE + "R4/b", "gnd"), "off_while_undriven", "face module has supply"),
    "the driver pulled on": (S3, put(GATE + "R2/b", "v3v3"), "off_while_undriven", "Q1"),
    "nothing holds the relay": (S3, without("strike", "R8"), "off_while_undriven", "Q3"),
    "the other contact": (S3, put(STRIKE + "K1.1/at_rest", "open"), "off_while_undriven", "released"),
    "the wrong level": (S3, put("levels/strike_released", 0), "on_while_driven", "stays shut"),
    "a gate that is never on": (S3, put("levels/face_supply_on", 0), "on_while_driven", "no supply"),
    "a weak driver": (S3, put(STRIKE + "R7/ohms", 10_000), "on_while_driven", "cannot carry"),
    "no diode at the lock": (S3, without("strike", "D2"), "coils_are_suppressed", "Y1"),
    "a diode the wrong way": (
        S3,
        both(put(STRIKE + "D2/a", "lock_plus"), put(STRIKE + "D2/b", "gnd")),
        "coils_are_suppressed",
        "Y1",
    ),
    "no diode at the relay": (S3, without("strike", "D1"), "coils_are_suppressed", "K1"),
    "no exit": (
        S3,
        both(without("strike", "S3"), put(STRIKE + "K1.1/a", "lock_glass")),
        "ways_out_cut_the_lock",
        "no contact for exit",
    ),
    "a bridge over the fire contact": (
        S3,
        with_part("strike", kind="resistor", a="lock_fused", b="lock_fire", ohms=1e3),
        "ways_out_cut_the_lock",
        "fire",
    ),
    "a diode around the exit": (
        S3,
        with_part("strike", kind="diode", a="v5", b="lock_exit"),
        "ways_out_cut_the_lock",
        "contact of exit",
    ),
    "the relay around all": (
        S3,
        both(put(STRIKE + "K1.1/a", "v12"), put(STRIKE + "K1.1/at_rest", "open")),
        "ways_out_cut_the_lock",
        "with the contact of",
    ),
    "a pin at the lock": (
        S3,
        with_part("strike", kind="resistor", a="tone", b="lock_plus", ohms=100),
        "ways_out_cut_the_lock",
        "tone still reaches",
    ),
    "no lock": (S3, put(STRIKE + "S1/a", "lock_nothing"), "ways_out_cut_the_lock", "no supply reaches"),
    "shut without current": (
        S3,
        both(FAIL_SECURE, put(STRIKE + "K1.1/at_rest", "open")),
        "ways_out_cut_the_lock",
        "panic bar",
    ),
    "the relay outside": (S3, put("modules/relay/side", "outside"), "the_outside_opens_nothing", "relay"),
    "the lock's wire outside": (
        S3,
        put("modules/lamp/wires/VDD", "lock_plus"),
        "the_outside_opens_nothing",
        "lamp",
    ),
    "a line feeds the module": (
        S3,
        put("modules/face/wires/RXD", "face_tx"),
        "unpowered_module_is_not_fed",
        "face",
    ),
    "a small resistor": (S3, put(GATE + "R6/ohms", 330), "unpowered_module_is_not_fed", "10.0 mA"),
    "a small battery": (S3, put("battery/amp_hours", 2.0), "battery_lasts", "on battery"),
    "a slow charger": (S3, put("battery/charger_amps", 0.1), "battery_lasts", "full after"),
    "a small cell": (S3, put("clock_battery/milliamp_hours", 38), "battery_lasts", "cell lasts"),
    "a thin cable": (S3, put("modules/lock/mm2", 0.14), "cables_carry", "lock"),
    "a long cable": (
        S3,
        both(put("modules/scanner/metres", 30), put("modules/scanner/mm2", 0.14)),
        "cables_carry",
        "scanner",
    ),
    "another lock": (S3, put("lock/ohms", 24), "cables_carry", "peak_ma"),
}


@pytest.mark.parametrize("name", BOARDS)
def test_both_boards_hold(name: str) -> None:
    assert check.problems(load(HERE / name)) == []


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_its_remedy(case: str) -> None:
    original, mutate, expected, words = WRONG[case]
    board = copy.deepcopy(original)
    mutate(board)
    (one,) = (one for one in check.CHECKS if one.__name__ == expected)
    found = list(one(board))
    assert any(words in what + remedy for what, remedy in found), found
    assert all(what and remedy for what, remedy in found)


def test_every_check_has_its_case() -> None:
    assert {one.__name__ for one in check.CHECKS} == {expected for _, _, expected, _ in WRONG.values()}


def test_a_fail_secure_lock_with_a_handle_holds() -> None:
    board = copy.deepcopy(S3)
    both(FAIL_SECURE, put("lock/mechanical_exit", True), put(STRIKE + "K1.1/at_rest", "open"))(board)
    assert check.problems(board) == []


def test_the_solver_divides_as_ohm_does() -> None:
    rails = {"v5": 5.0, "gnd": 0.0}
    parts = [
        {"name": "A", "kind": "resistor", "a": "v5", "b": "mid", "ohms": 3_000},
        {"name": "B", "kind": "resistor", "a": "mid", "b": "gnd", "ohms": 2_000},
        {"name": "C", "kind": "resistor", "a": "mid", "b": "end", "ohms": 2_000},
        {"name": "D", "kind": "resistor", "a": "end", "b": "gnd", "ohms": 2_000},
    ]
    volts, _ = netsolve.settle(parts, rails, {})
    assert volts["mid"] == pytest.approx(5 * (4 / 3) / (3 + 4 / 3), rel=1e-4)
    assert volts["end"] == pytest.approx(volts["mid"] / 2, rel=1e-4)


def test_the_lock_follows_the_pin_and_each_way_out() -> None:
    parts, rails, coil = netlist(S3), rails_of(S3), part(S3, "Y1")
    for level, opened, is_held in (
        (None, (), True), (0.0, (), True), (3.3, (), False),
        (0.0, ("exit",), False), (0.0, ("fire",), False), (0.0, ("break_glass",), False),
    ):  # fmt: skip
        volts, _ = netsolve.settle(parts, rails, {"strike": level}, opened)
        assert (volts[coil["a"]] - volts[coil["b"]] > 13) == is_held, (level, opened)


def test_a_board_takes_from_another_only_what_is_around_it() -> None:
    assert set(WROVER["pins"]) == set(S3["pins"]) and WROVER["pins"] != S3["pins"]
    assert WROVER["circuits"] == S3["circuits"] and WROVER["modules"]["lock"] == S3["modules"]["lock"]
    assert WROVER["modules"]["controller"]["part"] != S3["modules"]["controller"]["part"]
    assert {"face_tx", "face_rx", "face_supply"} == set(pins(S3)) - set(pins(WROVER))


def test_the_command_says_what_it_found(tmp_path) -> None:
    (tmp_path / "board.toml").write_text(
        (HERE / "board.toml").read_text(encoding="utf-8").replace("tone = 5", "tone = 4"), encoding="utf-8"
    )
    done = run(str(tmp_path / "board.toml"))
    assert done.returncode == 1 and "pin 4 is both strike and tone. Remedy: " in done.stdout
    assert run(str(tmp_path / "none.toml")).returncode == 2
    assert run().returncode == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "check.py"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)
