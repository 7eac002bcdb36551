"""``altgate preflight``."""

from dataclasses import asdict

import typer

from altgate.cli.output import AsJson
from altgate.cli.steps import (
    Baud,
    BoardPath,
    Micropython,
    PortName,
    Sha256,
    chosen,
    shown,
)
from altgate.provision.port import FAST_BAUD


def preflight(
    port: PortName = None,
    board: BoardPath = None,
    micropython: Micropython = None,
    sha256: Sha256 = None,
    baud: Baud = FAST_BAUD,
    as_json: AsJson = False,
) -> None:
    """Look whether a board can be flashed, and say what is in the way; nothing is written."""
    with shown(as_json) as tell:
        from altgate.provision import board_file, boards, preflight, stock

        wanted = boards.read(board or board_file.DEFAULT)
        image = None
        if micropython:
            image = stock.read(micropython)
            if not stock.check_hash(image, sha256):
                tell.note(f"{micropython} has the SHA-256 {image.sha256}; altgate does not know it.")
            stock.check_board(image, wanted)
        report = preflight.look(chosen(port, as_json), wanted, tell, baud)
        if as_json:
            facts = {"sha256": image.sha256, "psram": image.psram} if image else None
            tell.event("result", board=wanted.name, **asdict(report), image=facts)
            return
        typer.echo(
            f"{report.port}: {report.chip} {report.mac}, {report.flash_mb} MB of flash, good at "
            f"{report.baud} baud, fits {wanted.name}."
        )
        version = f", version {report.firmware}" if report.firmware else ""
        typer.echo(f"It holds {report.holds}{version}.")
        if image and not image.psram:
            typer.echo(f"The image does not tell its kind of PSRAM; it should be {wanted.variant}.")
