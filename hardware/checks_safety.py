"""Checks of what must hold while nothing works: who is let out, what stays off."""

from collections.abc import Iterator
from itertools import product

import budget
import netsolve
from boardfile import Tree, fitted, netlist, pins, rails_of
from boardfile import part as part_of

Problems = Iterator[tuple[str, str]]  # what is wrong, and the remedy
OUTSIDE_MUST_NOT = ("strike", "sda", "scl", "lock_plus", "lock_exit", "lock_glass", "lock_fire", "v12")
PHANTOM_MA = 1.0


def off_while_undriven(board: Tree) -> Problems:
    """Strike, face module and sounder stay off while no pin is driven, held by a resistor and not by luck."""
    parts, rails = netlist(board), rails_of(board)
    volts, states = netsolve.settle(parts, rails, {})
    for part in parts:
        if part["kind"] not in ("npn", "pmos"):
            continue
        off = "gnd" if part["kind"] == "npn" else part["a"]
        held = netsolve.reach([one for one in parts if one["kind"] == "resistor"], part["control"], rails)
        if off not in held:
            yield f"{part['name']}: nothing pulls its control to {off}", f"a resistor from it to {off}"
        if states[part["name"]]:
            yield f"{part['name']} conducts while no pin is driven", "turn its pull to the level that is off"
    if "face" in fitted(board) and volts.get("v5_face", 0) > 0.3:
        yield "the face module has supply while face_supply is not driven", "correct its gate"
    coil = part_of(board, "Y1")
    is_shut = volts[coil["a"]] - volts[coil["b"]] > 0.8 * board["lock"]["volts"]
    if is_shut != (board["lock"]["kind"] == "fail_safe"):
        yield "the lock is released while strike is not driven", "take the relay's other contact"


def on_while_driven(board: Tree) -> Problems:
    """The same parts do what they are for when their pin has its level, and transistors carry their load."""
    parts, rails, high = netlist(board), rails_of(board), board["rails"]["v3v3"]["volts"]
    for pin, level in (("strike", "strike_released"), ("face_supply", "face_supply_on")):
        if pin not in pins(board):
            continue
        volts, states = netsolve.settle(parts, rails, {pin: high * board["levels"][level]})
        if pin == "face_supply" and volts.get("v5_face", 0) < 4.5:
            yield "the face module gets no supply at face_supply_on", "correct its gate"
        coil = part_of(board, "Y1")
        is_released = (volts[coil["a"]] - volts[coil["b"]] < 1) == (board["lock"]["kind"] == "fail_safe")
        if pin == "strike" and not is_released:
            yield (
                "the lock stays shut at strike_released",
                "take the relay's other contact, or the other level",
            )
    for part in (part for part in parts if part["kind"] == "npn"):
        # What reaches the base: in from the pin's side at its highest, out through what pulls it down.
        base = sum((high - netsolve.JUNCTION_VOLTS) / p["ohms"] for p in parts
                   if p["kind"] == "resistor" and p["b"] == part["control"])  # fmt: skip
        base -= sum(netsolve.JUNCTION_VOLTS / p["ohms"] for p in parts
                    if p["kind"] == "resistor" and p["a"] == part["control"])  # fmt: skip
        load = sum(board["rails"]["v5"]["volts"] / p["ohms"] for p in parts
                   if p["kind"] in ("relay", "resistor") and part["a"] in (p["a"], p["b"]))  # fmt: skip
        if base * part["gain"] < load:
            yield f"{part['name']} cannot carry {load * 1000:.0f} mA", "a smaller base resistor, or a MOSFET"


def coils_are_suppressed(board: Tree) -> Problems:
    """A diode across each coil, the right way round."""
    parts = netlist(board)
    for coil in (part for part in parts if part["kind"] in ("coil", "relay")):
        if not any(
            part["kind"] == "diode" and (part["a"], part["b"]) == (coil["b"], coil["a"]) for part in parts
        ):
            yield (
                f"{coil['name']}: no diode takes its current when it is cut",
                "one across it, cathode to plus",
            )


def ways_out_cut_the_lock(board: Tree) -> Problems:
    """With any contact of the ways out open no supply reaches the lock, whatever the firmware drives.

    Every net with a voltage of its own is a supply, the pins too; switched parts all count as conducting, so
    that no combination of outputs can be forgotten. Once more with the levels themselves, all of them.
    """
    lock = board["lock"]
    if lock["kind"] == "fail_secure":
        if not lock["mechanical_exit"]:
            yield (
                "a fail-secure lock keeps people in without current",
                "a handle or panic bar; say mechanical_exit",
            )
        return
    parts, rails = netlist(board), rails_of(board)
    coil = part_of(board, "Y1")
    ways = {part["opened_by"] for part in parts if part["kind"] == "contact"}
    for way in ("exit", "break_glass", "fire"):
        if way not in ways:
            yield f"no contact for {way} is in the lock's supply", "put one in series"
    sources = [*(name for name in rails if name != "gnd"), *pins(board)]
    if coil["a"] not in netsolve.reach(parts, budget.top(board), ("gnd",)):
        yield "no supply reaches the lock at all", "correct its circuit"
    outputs = [name for name in ("strike", "face_supply", "tone") if name in pins(board)]
    high = board["rails"]["v3v3"]["volts"]
    for way in sorted(ways):
        for source in sources:
            if coil["a"] in netsolve.reach(parts, source, ("gnd",), (way,)):
                yield (
                    f"with the contact of {way} open, {source} still reaches the lock",
                    "put it in series with all",
                )
        for levels in product((None, 0.0, high), repeat=len(outputs)):
            volts, _ = netsolve.settle(parts, rails, dict(zip(outputs, levels, strict=True)), (way,))
            if abs(volts[coil["a"]] - volts[coil["b"]]) > 0.1:
                yield f"with the contact of {way} open the lock has a voltage", "put it in series with all"


def the_outside_opens_nothing(board: Tree) -> Problems:
    """What decides or opens is on the secure side, and no wire that opens goes outside."""
    for name, module in fitted(board).items():
        inside = name in ("controller", "clock", "relay", "gate", "tamper", "exit_button", "lock")
        if inside and module["side"] != "secure":
            yield f"{name} is outside", "mount it on the secure side"
        for net in module["wires"].values():
            if module["side"] == "outside" and net.split(".")[0] in OUTSIDE_MUST_NOT:
                yield f"{name}: {net} goes outside", "keep it on the secure side"


def unpowered_module_is_not_fed(board: Tree) -> Problems:
    """A line into the face module while it is off must not wake it."""
    for name, module in fitted(board).items():
        if not board["rails"][module["rail"]].get("switched_by"):
            continue
        for net in module["wires"].values():
            if net == f"{module.get('uart')}_tx":
                yield f"{name}: its line feeds it while its supply is off", "a resistor in that line"
        for part in netlist(board):
            if (
                part["kind"] == "resistor"
                and part["b"] in module["wires"].values()
                and part["a"] in board["pins"]
            ):
                milliamps = budget.phantom_ma(board, part["ohms"])
                if milliamps > PHANTOM_MA:
                    yield (
                        f"{name}: {milliamps:.1f} mA flow into it while it is off",
                        "a larger resistor in its line",
                    )
