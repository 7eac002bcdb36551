"""Checks of currents, cables and batteries. Each yields what and the remedy."""

from collections.abc import Iterator

import budget
from boardfile import Tree, fitted, netlist

Problems = Iterator[tuple[str, str]]  # what is wrong, and the remedy
BUDGET_SHARE = 0.8  # of a rail, for what it gives typically
LOCK_TOLERANCE = 0.15


def rails_hold(board: Tree) -> Problems:
    """Typical and peak currents against what each rail gives."""
    typical, peak = (budget.rail_currents(board, column) for column in ("typical_ma", "peak_ma"))
    for name, rail in board["rails"].items():
        if typical[name] > rail["amps"] * 1000 * BUDGET_SHARE:
            yield (
                f"{name}: {typical[name]:.0f} mA for long is over {BUDGET_SHARE:.0%} of it",
                "a larger supply",
            )
        if peak[name] > rail["amps"] * 1000:
            yield f"{name}: {peak[name]:.0f} mA at once is over its {rail['amps']} A", "a larger supply"
    charge = board["battery"]["charger_amps"] * 1000
    if typical[budget.top(board)] + charge > board["rails"][budget.top(board)]["amps"] * 1000:
        yield "the supply cannot charge the battery beside the door", "a larger supply"
    for part in netlist(board):
        if part["kind"] == "fuse" and not 1.5 * lock_amps(board) <= part["amps"] <= 4 * lock_amps(board):
            yield (
                f"fuse {part['name']} does not fit the lock's {lock_amps(board):.2f} A",
                "1.5 to 4 times of that",
            )


def battery_lasts(board: Tree) -> Problems:
    """Hours on battery, its recharge, and the clock's own cell."""
    hours, battery = budget.hours(board)[0], board["battery"]
    if hours < battery["wanted_hours"]:
        yield f"{hours:.1f} h on battery, wanted are {battery['wanted_hours']}", "a larger battery"
    if budget.recharge_hours(board) > battery["recharge_hours"]:
        yield f"the battery is full after {budget.recharge_hours(board):.0f} h", "a stronger charger"
    if budget.clock_years(board) < board["clock_battery"]["wanted_years"]:
        yield f"the clock's cell lasts {budget.clock_years(board):.1f} years", "a larger cell"


def cables_carry(board: Tree) -> Problems:
    """What arrives at the end of each cable, at peak and on battery."""
    for name, module in fitted(board).items():
        if "metres" in module and "min_volts" in module:
            arrives = budget.terminal_volts(board, module)
            if arrives < module["min_volts"]:
                yield (
                    f"{name}: {arrives:.1f} V arrive, it needs {module['min_volts']}",
                    "a thicker or shorter cable",
                )
    lock = fitted(board)["lock"]
    if abs(lock["peak_ma"] / 1000 - lock_amps(board)) > LOCK_TOLERANCE * lock_amps(board):
        yield (
            "[modules.lock] peak_ma is not what [lock] ohms takes at the highest voltage",
            "correct one of them",
        )


def lock_amps(board: Tree) -> float:
    """What the lock takes at the highest voltage of its rail."""
    return float(board["rails"]["v12"]["volts"] / board["lock"]["ohms"])
