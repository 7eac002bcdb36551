"""``altgate demo`` and ``altgate tour``: the whole product on this machine."""

import logging
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from altgate.errors import SiteUnusable

MISSING = "The demo needs more packages: run pip install 'altgate[demo]', or make demo in a checkout."


def tour() -> None:
    """Take one simulated door through a day's work and check every step; needs altgate[demo]."""
    try:
        from altgate.demo.building import Building
        from altgate.demo.tour import Tour
    except ModuleNotFoundError:
        raise SiteUnusable(MISSING) from None
    with tempfile.TemporaryDirectory(prefix="altgate-tour-") as folder:
        # What the host logs, such as the broker being away, is part of the tour and not of its output.
        logging.basicConfig(filename=Path(folder) / "host.log")
        with Building(Path(folder), told=typer.echo) as building:
            Tour(building, typer.echo).run()


def demo(
    port: Annotated[int, typer.Option(help="Port of the page on localhost.")] = 8080,
    keep: Annotated[
        Path | None, typer.Option(help="Keep building and door in this folder, and go on from it.")
    ] = None,
) -> None:
    """Run a building with one simulated door, and draw it on http://localhost; needs altgate[demo]."""
    try:
        from altgate.demo.run import run
    except ModuleNotFoundError:
        raise SiteUnusable(MISSING) from None
    if keep:
        run(keep, port, typer.echo)
        return
    with tempfile.TemporaryDirectory(prefix="altgate-demo-") as folder:
        run(Path(folder), port, typer.echo)
