"""Checks of pins, buses and levels: the board, and what its pins lead to. Each yields what and the remedy."""

from collections.abc import Iterator

import budget
import netsolve
from boardfile import Tree, fitted, netlist, pins, rails_of

Problems = Iterator[tuple[str, str]]  # what is wrong, and the remedy
OUTPUTS = ("strike", "tone", "face_supply", "lamp", "reader_tx", "scanner_tx", "face_tx", "keypad_rows")
# What does something by a high level, however short.
ACTING = ("strike", "face_supply")
# A rule of thumb for a line without a driver: metres times bits a second.
LINE = 5 * 115_200
I2C_HZ, I2C_RISE_NS = 400_000, 300  # MicroPython's default; I2C's fast mode
CABLE_PF_A_METRE, PIN_PF = 100, 10
SETTLED_MS = 5  # a look at a contact is every 20


def pins_are_legal(board: Tree) -> Problems:
    """Bonded out, not reserved, straps justified, no output on an input."""
    chip = board["chip"]
    used: dict[int, str] = {}
    for name, number in pins(board).items():
        if number in used:
            yield f"pin {number} is both {used[number]} and {name}", "give one of them another pin"
        used[number] = name
        base = name.split(".")[0]
        if number not in chip["pins"]:
            yield f"{name}: the board has no pin {number}", "take one of its header"
        reserved = chip["reserved"].get(str(number))
        if reserved:
            yield f"{name}: pin {number} is taken, {reserved}", "take another"
        if str(number) in chip["straps"] and base not in board.get("straps", {}):
            yield (
                f"{name}: the chip looks at pin {number} while it starts",
                "take another, or say under [straps] why",
            )
        if number in chip["no_pull"] and base in OUTPUTS:
            yield f"{name}: pin {number} is an input only", "take another for an output"
        if number in chip["glitch_high"] and base in ACTING:
            yield f"{name}: pin {number} is high for a moment at power-up", "take another"


def straps_hold(board: Tree) -> Problems:
    """What hangs on a pin that sets the start holds the level that the start wants."""
    parts, rails = netlist(board), rails_of(board)
    for name in board.get("straps", {}):
        number = board["pins"].get(name)
        wants = board["chip"]["straps"].get(str(number))
        if wants is None:
            yield f"[straps] {name}: the chip does not look at pin {number}", "take the line out"
        volts, _ = netsolve.settle(parts, rails, {})
        if wants in ("low", "high") and name in volts and (volts[name] > 0.5) != (wants == "high"):
            yield f"{name}: what hangs there holds pin {number} from being {wants}", "take another pin"


def inputs_are_pulled(board: Tree) -> Problems:
    """Every contact and keypad column has a pull-up: the chip's where it has one, or one of the circuits."""
    chip, parts = board["chip"], netlist(board)
    for name, number in pins(board).items():
        if name.split(".")[0] in OUTPUTS or number not in chip["no_pull"]:
            continue
        if not any(
            part["kind"] == "resistor" and part["a"] == name and part["b"] == "v3v3" for part in parts
        ):
            yield f"{name}: pin {number} has no pull-up of its own", "add one to the 3.3 V rail"
    values = board["contacts"]
    for name in values["of"]:
        if name not in board["pins"]:
            yield f"[contacts] {name}: there is no such pin", "correct the name"
    # While a contact is closed only the chip's own pull flows through the series resistor.
    low = (
        board["rails"]["v3v3"]["volts"]
        * values["series_ohms"]
        / (values["series_ohms"] + chip["internal_pull_ohms"])
    )
    if low > 0.25 * board["rails"]["v3v3"]["volts"]:
        yield "a closed contact does not read 0", "take a smaller series resistor"
    milliseconds = (values["pull_up_ohms"] + values["series_ohms"]) * values["nanofarads"] * 1e-6
    if milliseconds > SETTLED_MS:
        yield f"a contact settles in {milliseconds:.1f} ms, a look lasts 20", "take a smaller capacitor"


def buses_are_shared_by_nobody(board: Tree) -> Problems:
    """A UART for each module, none of them the console's; I2C fast enough over its cable."""
    taken = {0: "the console"} if board["board"]["console"] == "uart0" else {}
    for name, module in fitted(board).items():
        if "uart" not in module:
            continue
        number, baud = board["uarts"][module["uart"]]["id"], board["uarts"][module["uart"]]["baud"]
        if number in taken:
            yield f"{name}: UART {number} is {taken[number]}'s", "give it another, or do not fit it"
        if number >= board["chip"]["uarts"]:
            yield f"{name}: the chip has no UART {number}", "take a lower one"
        taken[number] = name
        if module["metres"] * baud > LINE:
            yield (
                f"{name}: {module['metres']} m is long for {baud} bits a second",
                "shorten it, or add drivers",
            )
    clock = fitted(board)["clock"]
    picofarads = clock["picofarads"] + PIN_PF + clock["metres"] * CABLE_PF_A_METRE
    for line in ("sda", "scl"):
        pull = [
            p["ohms"]
            for p in netlist(board)
            if p["kind"] == "resistor" and p["a"] == line and p["b"] == "v3v3"
        ]
        if not pull:
            yield f"{line} has no pull-up", "add one to the 3.3 V rail"
        elif 0.8473 * pull[0] * picofarads / 1000 > I2C_RISE_NS:
            yield f"{line} rises too slowly for {I2C_HZ} Hz", "shorten the clock's cable"


def wires_lead_somewhere(board: Tree) -> Problems:
    """Each terminal's net is a pin, a rail, or a net of a circuit; each pin leads to a module."""
    parts = netlist(board)
    nets = {net for part in parts for net in (part["a"], part["b"])}
    known = {*pins(board), *board["rails"], "gnd", *nets}
    wired = {net for module in fitted(board).values() for net in module["wires"].values()}
    for name, module in fitted(board).items():
        for terminal, net in module["wires"].items():
            if net not in known:
                yield f"{name}: {terminal} leads to {net}, which is nowhere", "correct the name"
    for name in set(pins(board)) - set(board["board"]["on_board"]):
        behind = {part["b"] for part in parts if part["kind"] == "resistor" and part["a"] == name}
        behind -= {*board["rails"]}
        leads = any(part.get("control") in behind for part in parts)
        if name not in wired and not behind & wired and not leads:
            yield f"{name}: its pin leads to no module", "add its wire"


def levels_fit(board: Tree) -> Problems:
    """What 3.3 V outputs give against what 5 V modules take for a 1, and no pin at 5 V."""
    gives = board["chip"]["high_output_volts"]
    for name, module in fitted(board).items():
        takes = module.get("high_volts")
        if "high_of_supply" in module:
            rail = {**module, "peak_ma": 0}  # the highest supply it can have
            takes = budget.terminal_volts(board, rail) * module["high_of_supply"]
        if takes and takes > gives:
            yield f"{name} takes {takes:.1f} V for a 1, the chip gives {gives:.1f}", \
                  "a level shifter, or a diode in its supply"  # fmt: skip
    volts, _ = netsolve.settle(netlist(board), rails_of(board), {})
    for name in pins(board):
        if volts.get(name, 0) > board["rails"]["v3v3"]["volts"] + 0.3:
            yield f"{name}: its circuit brings {volts[name]:.1f} V to the pin", "pull it to 3.3 V"
