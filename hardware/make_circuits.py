"""The circuits of a door, drawn from the netlist of board.toml with schemdraw: circuit-*.svg.

    python hardware/make_circuits.py            writes them
    python hardware/make_circuits.py --check    says by its exit code whether they are current

Every value in a drawing is the netlist's; the lines under it are computed from them, with what they show.
"""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import schemdraw
from schemdraw import elements as e
from schemdraw import flow

import budget
from boardfile import HERE, Tree, load, part
from checks_board import CABLE_PF_A_METRE, I2C_HZ, I2C_RISE_NS, PIN_PF
from checks_safety import PHANTOM_MA
from netsolve import JUNCTION_VOLTS

schemdraw.use("svg")
schemdraw.svgconfig.text = "text"  # type: ignore[assignment]


WIDTH = 72  # of a line under a drawing, in characters; less under a narrow one


def _ohms(value: float) -> str:
    return f"{value / 1000:g} kΩ" if value >= 1000 else f"{value:g} Ω"


def _farads(value: float) -> str:
    return f"{value * 1e6:g} µF" if value >= 1e-6 else f"{value * 1e9:g} nF"


def _label(board: Tree, name: str) -> str:
    """Name and value of a part."""
    one = part(board, name)
    if "farads" in one:
        return f"{name}\n{_farads(one['farads'])}"
    return f"{name}\n{_ohms(one['ohms'])}" if "ohms" in one else name


def _drawing() -> schemdraw.Drawing:
    drawing = schemdraw.Drawing(show=False)
    drawing.config(fontsize=11, unit=2.2, font="sans-serif", bgcolor="white", margin=0.4)
    return drawing


def _notes(drawing: schemdraw.Drawing, x: float, y: float, lines: list[str], width: int = WIDTH) -> None:
    wrapped = [part for line in lines for part in textwrap.wrap(line, width, subsequent_indent="   ")]
    for at, line in enumerate(wrapped):
        drawing += e.Label().at((x, y - 0.62 * at)).label(line, loc="right", halign="left", fontsize=10)


def gate(board: Tree) -> schemdraw.Drawing:
    """The face module's supply: off unless face_supply is driven high."""
    d = _drawing()
    d += e.Dot(open=True).at((0, 0)).label("face_supply", loc="left")
    d += e.Resistor().right().label(_label(board, "R1"))
    d += (base := e.Dot())
    d += e.Resistor().down().at(base.center).label(_label(board, "R2"), loc="bottom")
    d += e.Ground()
    d += e.Line().right(1).at(base.center)
    d += (q1 := e.BjtNpn(circle=True).anchor("base").label("Q1", loc="right"))
    d += e.Line().down(1.4).at(q1.emitter)
    d += e.Ground()
    d += e.Resistor().up().at(q1.collector).label(_label(board, "R3"), loc="bottom")
    d += (node := e.Dot())
    d += e.Resistor().up().at(node.center).label(_label(board, "R4"))
    d += (rail := e.Dot())
    d += e.Line().left(1.6).at(rail.center)
    d += e.Dot(open=True).label("v5", loc="left")
    d += e.Line().right(1.6).at(node.center)
    d += (cap := e.Dot())
    d += e.Capacitor().up().at(cap.center).label(_label(board, "C1"), loc="bottom")
    d += e.Dot()
    d += e.Line().right(1.4).at(cap.center)
    d += (q2 := e.PFet().theta(0).anchor("gate").reverse().label("Q2", loc="right"))
    d += e.Line().up().at(q2.source).toy(rail.center)
    d += e.Line().left().tox(rail.center)
    d += e.Line().down(0.6).at(q2.drain)
    d += (out := e.Dot())
    d += e.Resistor().down().at(out.center).label(_label(board, "R5"))
    d += e.Ground()
    d += e.Line().right(2.2).at(out.center)
    d += (tank := e.Dot())
    d += e.Capacitor().down().at(tank.center).label(_label(board, "C2"))
    d += e.Ground()
    d += e.Line().right(1.6).at(tank.center)
    d += e.Dot(open=True).label("v5_face", loc="right")
    d += e.Dot(open=True).at((8.4, -3.2)).label("face_tx", loc="left")
    d += e.Resistor().right().label(_label(board, "R6"))
    d += e.Dot(open=True).label("face_rxd", loc="right")
    r = {name: part(board, name)["ohms"] for name in ("R1", "R2", "R3", "R4", "R6")}
    v5, high = board["rails"]["v5"]["volts"], board["rails"]["v3v3"]["volts"]
    base_v = high * r["R2"] / (r["R1"] + r["R2"])
    _notes(d, 0, -5.2, [
        "Not driven: R2 holds Q1 off, R4 holds the gate of Q2 at its source; nothing flows.",
        f"Driven: {base_v:.1f} V would stand at R2, over the {JUNCTION_VOLTS:g} V of Q1; the gate of Q2 gets "
        f"{v5 * r['R4'] / (r['R3'] + r['R4']):.1f} V against its source.",
        f"R6 lets at most {budget.phantom_ma(board, r['R6']):.2f} mA into the module while it is off; "
        f"{PHANTOM_MA:g} mA is the limit set here.",
    ])  # fmt: skip
    return d


def strike(board: Tree) -> schemdraw.Drawing:
    """The lock's supply: a fuse, three contacts that people or the fire alarm open, the relay, the lock."""
    d = _drawing()
    d += e.Dot(open=True).at((0, 0)).label("v12", loc="left")
    d += e.Fuse().right().label(f"F1\n{part(board, 'F1')['amps']:g} A")
    for name, what in (("S1", "fire alarm"), ("S2", "break-glass"), ("S3", "exit button")):
        d += e.Dot()
        d += e.Switch(nc=True).right().label(name).label(what, loc="bottom")
    d += e.Dot()
    d += e.Switch(nc=True).right().label("K1.1").label("relay, at rest", loc="bottom")
    d += (plus := e.Dot())
    d += e.Inductor2().down().at(plus.center).label(f"Y1\n{board['lock']['ohms']:g} Ω", loc="top")
    d += (minus := e.Dot())
    d += e.Ground().at(minus.center)
    d += e.Line().right(1.8).at(plus.center).label("lock_plus", loc="top")
    d += e.Diode().down().reverse().label("D2\n1N4007", loc="bottom")
    d += e.Line().left(1.8)
    d += e.Dot(open=True).at((0, -4)).label("strike", loc="left")
    d += e.Resistor().right().label(_label(board, "R7"))
    d += (base := e.Dot())
    d += e.Resistor().down().at(base.center).label(_label(board, "R8"), loc="bottom")
    d += e.Ground()
    d += e.Line().right(1).at(base.center)
    d += (q := e.BjtNpn(circle=True).anchor("base").label("Q3", loc="right"))
    d += e.Line().down(1.3).at(q.emitter)
    d += e.Ground()
    d += e.Line().right(1.5).at(q.collector)
    d += (low := e.Dot())
    d += e.Inductor2().right().at(low.center).label(f"K1, {_ohms(part(board, 'K1')['ohms'])}", loc="bottom")
    d += (high := e.Dot())
    d += e.Line().up(1).at(low.center)
    d += e.Diode().right().label("D1\n1N4007")
    d += e.Line().down(1)
    d += e.Line().right(0.8).at(high.center)
    d += e.Dot(open=True).label("v5", loc="right")
    lock, v12 = board["lock"], board["rails"]["v12"]["volts"]
    coil = board["rails"]["v5"]["volts"] / part(board, "K1")["ohms"] * 1000
    base_ma = (board["rails"]["v3v3"]["volts"] - JUNCTION_VOLTS) / part(board, "R7")["ohms"] * 1000
    _notes(d, 0, -7.6, [
        "All contacts are drawn at rest: closed. Each of S1, S2, S3 alone cuts the lock's current; no "
        "software and no other supply is in that path.",
        "Not driven: R8 holds Q3 off, K1 rests, the lock is shut. strike high: K1 pulls, K1.1 opens, the "
        "lock opens.",
        f"K1 takes {coil:.0f} mA; Q3 gets {base_ma:.1f} mA and so carries "
        f"{base_ma * part(board, 'Q3')['gain']:.0f} mA with a gain of {part(board, 'Q3')['gain']}.",
        f"D2 at the lock's own terminals: the coil's current of {v12 / lock['ohms'] * 1000:.0f} mA dies away "
        f"in it with {lock['henry'] / lock['ohms'] * 1000:.1f} ms.",
    ])  # fmt: skip
    return d


def contact(board: Tree) -> schemdraw.Drawing:
    """One contact's input; all four are alike."""
    values = board["contacts"]
    d = _drawing()
    d += e.Dot(open=True).at((0, 0)).label("contact", loc="left")
    d += e.Line().right(1.4)
    d += (clamp := e.Dot())
    d += e.Zener().down().reverse().at(clamp.center).label("5 V\nclamp", loc="bottom")
    d += e.Ground()
    d += e.Line().right(1.6).at(clamp.center)
    d += (node := e.Dot())
    d += e.Resistor().up().at(node.center).label(_ohms(values["pull_up_ohms"]))
    d += e.Dot(open=True).label("v3v3", loc="top")
    d += e.Resistor().right().at(node.center).label(_ohms(values["series_ohms"]))
    d += (pin := e.Dot())
    d += e.Capacitor().down().at(pin.center).label(f"{values['nanofarads']} nF")
    d += e.Ground()
    d += e.Line().right(1.2).at(pin.center)
    d += e.Dot(open=True).label("pin", loc="right")
    d += e.Dot(open=True).at((0, -4)).label("contact's\nother side", loc="left")
    d += e.Line().right(1)
    d += e.Ground()
    rise_ms = (values["pull_up_ohms"] + values["series_ohms"]) * values["nanofarads"] * 1e-6
    wet_ma = board["rails"]["v3v3"]["volts"] / values["pull_up_ohms"] * 1000
    _notes(d, -1.5, -5.8, [
        f"Alike for {', '.join(values['of'])}.",
        f"{wet_ma:.2f} mA through the closed contact; the pin follows with {rise_ms:.1f} ms.",
        "The clamp sits at the terminal, its ground goes straight to the terminal's.",
    ], 46)  # fmt: skip
    return d


def clock(board: Tree) -> schemdraw.Drawing:
    """The battery-backed clock and its two lines."""
    d = _drawing()
    d += (chip := e.Ic(
        pins=[
            e.IcPin(name="SDA", side="left", slot="1/3"), e.IcPin(name="SCL", side="left", slot="2/3"),
            e.IcPin(name="VCC", side="left", slot="3/3"), e.IcPin(name="VBAT", side="right", slot="2/2"),
            e.IcPin(name="GND", side="right", slot="1/2"),
        ],
        size=(3, 4.2), pinspacing=1.4, label="DS3231",
    ).at((8, 0)))  # fmt: skip
    d += e.Line().left(6).at(chip.VCC)
    d += e.Dot(open=True).label("v3v3", loc="left")
    for pin, at, name, net in (("SCL", 1.4, "R13", "scl"), ("SDA", 3.8, "R12", "sda")):
        d += e.Line().left(6).at(getattr(chip, pin))
        d += e.Dot(open=True).label(net, loc="left")
        point = (getattr(chip, pin)[0] - at, getattr(chip, pin)[1])
        d += e.Dot().at(point)
        d += e.Resistor().at(point).up().toy(chip.VCC).label(_label(board, name))
        d += e.Dot()
    d += e.Line().right(1).at(chip.VBAT)
    d += e.BatteryCell().down().label("CR2032", loc="bottom")
    d += e.Ground()
    d += e.Line().down(1.4).at(chip.GND)
    d += e.Ground()
    module = board["modules"]["clock"]
    farads = module["picofarads"] + PIN_PF + module["metres"] * CABLE_PF_A_METRE
    rise = 0.8473 * part(board, "R12")["ohms"] * farads / 1000
    _notes(d, 0.5, -2.6, [
        f"About {farads:.0f} pF on each line: it rises in {rise:.0f} ns; "
        f"at {I2C_HZ // 1000} kHz {I2C_RISE_NS} are allowed.",
        f"The cell keeps the time for {budget.clock_years(board):.0f} years without supply.",
        "A module that charges its cell is for an LIR2032: with a CR2032 take its charging resistor out.",
    ])  # fmt: skip
    return d


def power(board: Tree) -> schemdraw.Drawing:
    """From the mains to the rails."""
    d = _drawing()
    d += (
        psu := flow.Box(w=3.6, h=2).label("supply with charger\n(mains: electrician)").at((0, 0)).anchor("W")
    )
    d += e.Line().right(1.4).at(psu.E)
    d += (node := e.Dot().label("v12", loc="top"))
    d += e.Fuse().down().at(node.center).label("at the\nbattery", loc="bottom")
    d += e.Battery().down().label(f"{board['battery']['volts']:g} V\n{board['battery']['amp_hours']:g} Ah")
    d += e.Ground()
    d += e.Line().right(1).at(node.center)
    d += (lock := e.Dot())
    d += e.Line().up(2.2).at(lock.center)
    d += e.Line().right(1)
    d += flow.Box(w=3.2, h=1.4).anchor("W").label("F1, and the\nlock's circuit")
    d += e.Line().right(1.6).at(lock.center)
    d += (buck := flow.Box(w=2.6, h=1.4).anchor("W").label("step-down\nconverter"))
    d += e.Line().right(1.2).at(buck.E)
    d += (five := e.Dot().label("v5", loc="top"))
    d += e.Line().right(1.2).at(five.center)
    d += flow.Box(w=3, h=1.4).anchor("W").label("readers, lamp,\nsounder, relay")
    d += e.Line().down(2.2).at(five.center)
    d += (low := e.Dot())
    d += e.Line().right(1.2).at(low.center)
    d += flow.Box(w=3, h=1.4).anchor("W").label("board: v3v3")
    d += e.Line().down(2.2).at(low.center)
    d += e.Line().right(1.2)
    d += flow.Box(w=3, h=1.4).anchor("W").label("gate: v5_face")
    amps = board["rails"]["v12"]["amps"]
    own = budget.rail_currents(board, "peak_ma")["v12"] / 1000
    _notes(d, 0, -5.6, [
        f"{board['rails']['v12']['volts']} V, {amps:g} A: {own:.1f} A at once for the door, "
        f"{board['battery']['charger_amps']:g} A for the battery.",
        f"On battery the door goes on for {budget.hours(board)[0]:.0f} h; without the lock's current it "
        f"would be {budget.hours(board)[1]:.0f} h.",
    ])  # fmt: skip
    return d


def signals(board: Tree) -> schemdraw.Drawing:
    """Lamp and sounder."""
    d = _drawing()
    d += e.Dot(open=True).at((0, 0)).label("lamp", loc="left")
    d += e.Resistor().right().label(_label(board, "R9"))
    d += e.Line().right(0.8)
    d += (lamp := flow.Box(w=2.6, h=1.6).anchor("W").label("WS2812\nlamp_din"))
    d += e.Dot(open=True).at((0, 2.2)).label("v5", loc="left")
    d += e.Diode().right().label("D3\n1N4007")
    d += e.Line().right().tox(lamp.N).label("lamp_vdd")
    d += e.Line().down().toy(lamp.N)
    d += e.Line().down(0.6).at(lamp.S)
    d += e.Ground()
    d += e.Dot(open=True).at((0, -6)).label("tone", loc="left")
    d += e.Resistor().right().label(_label(board, "R10"))
    d += (base := e.Dot())
    d += e.Resistor().down().at(base.center).label(_label(board, "R11"), loc="bottom")
    d += e.Ground()
    d += e.Line().right(1).at(base.center)
    d += (q := e.BjtNpn(circle=True).anchor("base").label("Q4", loc="right"))
    d += e.Line().down(1.3).at(q.emitter)
    d += e.Ground()
    d += e.Line().right(1.2).at(q.collector)
    d += (low := e.Dot().label("tone_out", loc="bottom"))
    d += e.Speaker().right().at((low.center[0] + 1.6, low.center[1])).label("B1", loc="right")
    d += e.Line().right(1.6).at(low.center)
    d += e.Diode().up().at(low.center).label("D4\n1N4007")
    d += e.Dot(open=True).label("v5", loc="top")
    supply = budget.terminal_volts(board, {**board["modules"]["lamp"], "peak_ma": 0})
    _notes(d, 0, -9.6, [
        f"D3 lowers the lamp's supply to {supply:.1f} V, so that it takes for a 1 what is over "
        f"{supply * board['modules']['lamp']['high_of_supply']:.1f} V; the chip gives "
        f"{board['chip']['high_output_volts']}.",
        "The sounder's other end is at v5; R11 keeps it silent, and on the WROVER its pin low, at the start.",
    ], 54)  # fmt: skip
    return d


DRAWINGS: tuple[Callable[[Tree], schemdraw.Drawing], ...] = (gate, strike, contact, clock, power, signals)


def svg(draw: Callable[[Tree], schemdraw.Drawing]) -> bytes:
    """One drawing of the reference board."""
    return bytes(draw(load(HERE / "board.toml")).get_imagedata("svg").rstrip() + b"\n")


def target(draw: Callable[[Tree], schemdraw.Drawing]) -> Path:
    return HERE / f"circuit-{draw.__name__}.svg"


def main(arguments: list[str]) -> int:
    """Write, or check; returns the exit code."""
    for draw in DRAWINGS:
        made, path = svg(draw), target(draw)
        if "--check" in arguments:
            if not path.is_file() or path.read_bytes() != made:
                return 1
        else:
            path.write_bytes(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
