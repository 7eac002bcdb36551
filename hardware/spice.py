"""What ngspice says of what switches: the lock's coil when it is cut, and the face module's gate.

    python hardware/spice.py           runs ngspice (Debian) and writes spice.json
    python hardware/spice.py strike    prints that deck

The decks come from board.toml's netlist. Models are simple ones with the data sheets' main values: the
figures show that a part does its work, not its last per cent. With the decks' hash in spice.json a test sees
that the figures belong to the netlist as it is.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from boardfile import HERE, load, netlist

FIGURES = HERE / "spice.json"
MODELS = """
.model QN NPN(IS=1e-14 BF=160 RB=10 CJE=20p CJC=8p TF=0.5n)
.model MP PMOS(LEVEL=1 VTO=-0.9 KP=4.6)
.model DR D(IS=7e-9 N=1.8 RS=0.03 BV=1000 CJO=20p)
.model SC SW(RON=0.05 ROFF=100G VT=0.5 VH=0.1)
"""
# Where a contact opens, the wires and the contact itself hold some charge; its arc is left out.
CONTACT_FARADS = 100e-12
# Half a microampere into an undriven pin: more than a chip's pad leaks.
LEAK_AMPS = 0.5e-6
LOAD_OHMS = 20  # the face module, at 250 mA
COMMAND = re.compile(r"^(\w+)\s+=\s+(\S+)", re.M)


def deck(name: str, without: tuple[str, ...] = ()) -> str:
    """The deck of one circuit, ``strike`` or ``gate``; without: names of parts that are left out."""
    board = load(HERE / "board.toml")
    parts = [part for part in netlist(board) if part["circuit"] == name and part["name"] not in without]
    rails = {rail: board["rails"][rail]["volts"] for rail in ("v12", "v5")}
    lines = [f"* {name}, made from board.toml", MODELS.strip()]
    lines += [f"V{rail} {rail} 0 {volts}" for rail, volts in rails.items()]
    lines += [line for part in parts for line in _lines(part)]
    high = board["rails"]["v3v3"]["volts"]
    lines += (_strike if name == "strike" else _gate)(high)
    return "\n".join([*lines, ".end"]) + "\n"


def _lines(part: dict[str, Any]) -> list[str]:
    """A part in the simulator's words; its name is kept behind the letter."""
    label = part["name"].replace(".", "_")
    a, b = (net.replace("gnd", "0") for net in (part["a"], part["b"]))
    match part["kind"]:
        case "resistor" | "relay":
            return [f"R{label} {a} {b} {part['ohms']}"]
        case "capacitor":
            return [f"C{label} {a} {b} {part['farads']}"]
        case "diode":
            return [f"D{label} {a} {b} DR"]
        case "npn":
            return [f"Q{label} {a} {part['control']} {b} QN"]
        case "pmos":
            return [f"M{label} {b} {part['control']} {a} {a} MP L=1u W=1u"]
        case "fuse" | "contact":
            return [f"R{label} {a} {b} 0.05"]
        case "relay_contact":
            return [f"S{label} {a} {b} shut 0 SC", f"CX{label} {a} {b} {CONTACT_FARADS}"]
        case "coil":
            return [f"R{label} {a} {label}_l {part['ohms']}", f"L{label} {label}_l {b} {part['henry']}"]
    raise ValueError(f"no model for a {part['kind']}")


def _strike(high: float) -> list[str]:
    """The relay's contact opens at 20 ms, after the coil's current has settled."""
    return [
        f"Vstrike strike 0 PULSE(0 {high} 20m 1u 1u 1 2)", "Vshut shut 0 PULSE(1 0 20m 1u 1u 1 2)",
        ".control", "tran 2u 80m 0 2u",
        "let across = v(lock_exit)-v(lock_plus)", "meas tran contact_volts MAX across from=19m to=80m",
        "meas tran coil_amps FIND i(LY1) at=19m",
        "meas tran release_s TRIG at=20m TARG i(LY1) VAL=0.0288 fall=1",
        "quit", ".endc",
    ]  # fmt: skip


def _gate(high: float) -> list[str]:
    """The pin floats with a leak for 20 ms, is driven for 60, and floats again."""
    return [
        f"Ileak 0 face_supply {LEAK_AMPS}", f"Rload v5_face 0 {LOAD_OHMS}",
        f"Vpin drive 0 {high}", "Vopen on 0 PULSE(0 1 20m 1u 1u 60m 1)", "Spin drive face_supply on 0 SC",
        "Rtx face_tx 0 1G", "Rrx face_rxd 0 1G",
        ".control", "tran 5u 200m 0 5u",
        "meas tran off_volts MAX v(v5_face) from=1m to=19m",
        "meas tran on_volts FIND v(v5_face) at=75m",
        "meas tran peak_amps MIN i(Vv5) from=20m to=40m",
        "meas tran rise_s TRIG at=20m TARG v(v5_face) VAL=4.5 rise=1",
        "meas tran fall_s TRIG at=80m TARG v(v5_face) VAL=0.5 fall=last",
        "quit", ".endc",
    ]  # fmt: skip


DECKS = {"strike": ("strike", ()), "strike_without_diode": ("strike", ("D2",)), "gate": ("gate", ())}


def digest() -> str:
    """The hash of all decks."""
    return hashlib.sha256("".join(deck(*how) for how in DECKS.values()).encode()).hexdigest()


def run(text: str) -> dict[str, float]:
    """What ngspice measures; raises RuntimeError with its words where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(["ngspice", "-b", str(path)], capture_output=True, text=True, check=False)
    found = {name: float(value) for name, value in COMMAND.findall(done.stdout)}
    names = re.findall(r"^meas tran (\w+)", text, re.M)
    if not all(name in found for name in names):
        raise RuntimeError(done.stdout + done.stderr)
    return {name: found[name] for name in names}


def main(arguments: list[str]) -> int:
    """Print a deck, or run all; returns the exit code."""
    if arguments:
        print(deck(*DECKS[arguments[0]]), end="")
        return 0
    try:
        figures = {name: run(deck(*how)) for name, how in DECKS.items()}
    except FileNotFoundError:
        print(
            "ngspice is not here: install the Debian package ngspice, or leave spice.json as it is.",
            file=sys.stderr,
        )
        return 2
    text = json.dumps({"decks": digest(), "figures": figures}, indent=1)
    FIGURES.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
