"""Currents, voltages and hours of a door, computed from its board file."""

from typing import Any

from boardfile import fitted

COPPER = 0.0175  # ohm mm2 / m, at 20 degrees
Tree = dict[str, Any]


def rail_currents(board: Tree, column: str) -> dict[str, float]:
    """mA that each rail gives, with what the rails below it take. column: "typical_ma" or "peak_ma"."""
    rails = board["rails"]
    gives = {name: sum(m[column] for m in fitted(board).values() if m["rail"] == name) for name in rails}
    # From the leaves up: a rail is added to the one above it once none waits below it.
    waiting = list(rails)
    while waiting:
        name = next(one for one in waiting if not any(rails[below].get("from") == one for below in waiting))
        waiting.remove(name)
        above = rails[name].get("from")
        if above:
            gives[above] += taken_ma(board, name, gives[name])
    return gives


def taken_ma(board: Tree, name: str, given_ma: float) -> float:
    """What a rail takes from the one above it while it gives so much."""
    rail = board["rails"][name]
    if "efficiency" not in rail:
        return given_ma
    volts = board["rails"][rail["from"]].get("low_volts", board["rails"][rail["from"]]["volts"])
    return given_ma * rail["volts"] / volts / rail["efficiency"]


def hours(board: Tree) -> tuple[float, float]:
    """Hours on battery: with the lock as it is, and the same without the lock's current."""
    battery = board["battery"]
    usable_mah = battery["amp_hours"] * battery["usable"] * 1000
    all_ma = rail_currents(board, "typical_ma")[top(board)]
    return usable_mah / all_ma, usable_mah / (all_ma - lock_ma(board))


def top(board: Tree) -> str:
    """The rail that the battery holds up."""
    return next(str(name) for name, rail in board["rails"].items() if "from" not in rail)


def lock_ma(board: Tree) -> float:
    """The lock's current while the door is shut; a fail-secure lock takes none."""
    return float(fitted(board)["lock"]["typical_ma"])


def cable_ohms(module: Tree) -> float:
    """There and back."""
    return COPPER * 2 * module["metres"] / module["mm2"]


def terminal_volts(board: Tree, module: Tree) -> float:
    """What arrives at a module at its peak, on battery, behind its cable and a diode in its supply."""
    rail = board["rails"][module["rail"]]
    volts = float(rail.get("low_volts", rail["volts"]))
    for net in module["wires"].values():
        for part in (part for parts in board["circuits"].values() for part in parts):
            if part["b"] == net and part["a"] == module["rail"]:
                volts -= part.get("drop_volts", 0.0)
    return volts - module["peak_ma"] / 1000 * cable_ohms(module)


def recharge_hours(board: Tree) -> float:
    """To full after the battery was used as far as it may; an eighth more goes in than comes out."""
    battery = board["battery"]
    return float(battery["amp_hours"] * battery["usable"] * 1.125 / battery["charger_amps"])


def clock_years(board: Tree) -> float:
    """How long the clock's own battery lasts with the supply off."""
    cell = board["clock_battery"]
    return float(cell["milliamp_hours"] * 1000 / cell["microamps"] / 24 / 365)


def phantom_ma(board: Tree, ohms: float) -> float:
    """What a high line feeds into a module without supply, at most."""
    return float(board["rails"]["v3v3"]["volts"] / ohms * 1000)
