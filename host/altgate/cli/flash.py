"""``altgate flash``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from altgate.cli.output import AsJson
from altgate.cli.steps import (
    Baud,
    BoardPath,
    PortName,
    Sha256,
    Shown,
    chosen,
    is_terminal,
    shown,
)
from altgate.provision.causes import trouble
from altgate.provision.port import FAST_BAUD

if TYPE_CHECKING:
    from altgate.provision.boards import BoardFile
    from altgate.provision.esp import Chip
    from altgate.provision.flash import Plan
    from altgate.provision.image import Region
    from altgate.provision.stock import Stock


def flash(
    micropython: Annotated[
        Path, typer.Option("--micropython", help="Stock MicroPython image for the board, a .bin file.")
    ],
    port: PortName = None,
    board: BoardPath = None,
    sha256: Sha256 = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase everything that a door keeps, its keys first.")
    ] = False,
    baud: Baud = FAST_BAUD,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put MicroPython and the firmware on a board; may be repeated, and writes only what differs."""
    with shown(as_json) as tell:
        from altgate.provision import board_file, boards, image, stock
        from altgate.provision import flash as flashing

        if not yes and (as_json or not is_terminal()):
            raise trouble("no_terminal")
        board = board or board_file.DEFAULT
        wanted = boards.read(board)
        given = stock.read(micropython)
        stock.check_board(given, wanted)
        _check_hash(given, sha256, yes)
        regions = flashing.regions_of(given, image.regions(board), wanted)
        result = _flash(chosen(port, as_json), wanted, regions, erase, baud, yes, tell)
        if as_json:
            tell.event("result", board=wanted.name, sha256=given.sha256, **result)
        else:
            typer.echo(_sentence(result))


def _check_hash(given: "Stock", sha256: str | None, yes: bool) -> None:
    from altgate.provision import stock

    if stock.check_hash(given, sha256):
        return
    if yes:
        raise trouble("unknown_image", path=given.path, found=given.sha256)
    typer.echo(f"{given.path.name}\nSHA-256 {given.sha256}", err=True)
    if not typer.confirm("Is this what its publisher gives?", err=True):
        raise trouble("unknown_image", path=given.path, found=given.sha256)


def _flash(
    port: str,
    board: "BoardFile",
    regions: "list[Region]",
    erase: bool,
    baud: int,
    yes: bool,
    tell: Shown,
) -> dict[str, Any]:
    from altgate.provision import flash as flashing
    from altgate.provision import preflight

    is_agreed = yes

    def work(chip: "Chip", rate: int) -> dict[str, Any]:
        nonlocal is_agreed
        made = flashing.plan(chip, board, regions, erase, tell)
        if not made.is_done and not is_agreed:
            tell.close_bar()
            if not typer.confirm(_question(port, chip, made), err=True):
                raise trouble("not_confirmed")
            is_agreed = True
        flashing.carry_out(chip, made, regions, tell)
        return {
            "port": port,
            "mac": chip.mac,
            "baud": rate,
            "held": made.state.text,
            "written": {label: sum(len(data) for _, data in runs) for label, runs in made.runs.items()},
            "erased": [label for label, _ in made.wipe],
            "is_changed": not made.is_done,
        }

    return preflight.steadily(port, board, baud, tell, work)


def _question(port: str, chip: "Chip", made: "Plan") -> str:
    erased = ", ".join(label for label, _ in made.wipe)
    return (
        f"The board {chip.mac} on {port} holds {made.state.text}. Write {made.size // 1024} KiB to it"
        + (f" and erase {erased}" if erased else "")
        + "?"
    )


def _sentence(result: dict[str, Any]) -> str:
    if not result["is_changed"]:
        return f"The board {result['mac']} has it all already; nothing was written."
    written = ", ".join(f"{label} {size // 1024} KiB" for label, size in result["written"].items())
    erased = f"; erased: {', '.join(result['erased'])}" if result["erased"] else ""
    return (
        f"The board {result['mac']} is flashed: {written or 'partition table'}{erased}. Every part was read "
        "back and compared. Next: altgate provision."
    )
