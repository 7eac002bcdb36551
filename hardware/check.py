"""Electrical checks of a board file, as far as they go without a simulator: each says what and the remedy.

    python hardware/check.py hardware/board.toml

Exit code 0 where all hold, 1 where one does not, 2 where there is no such file.
"""

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import checks_board as on_board
import checks_safety as safety
import checks_supply as supply
from boardfile import BOARDS, HERE, Tree, load

CHECKS: tuple[Callable[[Tree], Iterator[tuple[str, str]]], ...] = (
    on_board.pins_are_legal,
    on_board.straps_hold,
    on_board.inputs_are_pulled,
    on_board.buses_are_shared_by_nobody,
    on_board.wires_lead_somewhere,
    on_board.levels_fit,
    supply.rails_hold,
    supply.battery_lasts,
    supply.cables_carry,
    safety.off_while_undriven,
    safety.on_while_driven,
    safety.coils_are_suppressed,
    safety.ways_out_cut_the_lock,
    safety.the_outside_opens_nothing,
    safety.unpowered_module_is_not_fed,
)


def problems(board: Tree) -> list[tuple[str, str, str]]:
    """Check, what is wrong, remedy; empty where all is well."""
    return [(check.__name__, *found) for check in CHECKS for found in check(board)]


def main(arguments: list[str]) -> int:
    """Check the files named, or all of this folder; returns the exit code."""
    code = 0
    for path in [Path(name) for name in arguments] or [HERE / name for name in BOARDS]:
        try:
            board = load(path)
        except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
            print(f"{path} is no board file ({error}): see hardware/board.toml for one.", file=sys.stderr)
            return 2
        found = problems(board)
        for check, what, remedy in found:
            print(f"{path.name}: {check}: {what}. Remedy: {remedy}.")
        print(f"{path.name}: {len(CHECKS)} checks, {len(found)} problems")
        code = 1 if found else code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
