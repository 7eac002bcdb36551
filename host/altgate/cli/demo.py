"""``altgate demo`` and ``altgate tour``: the whole product on this machine."""

import logging
import tempfile
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from altgate.errors import SiteUnusable

MISSING = "The demo needs more packages: run pip install 'altgate[demo]', or make demo in a checkout."


Faces = Annotated[
    Path | None,
    typer.Option(help="Keep the photos of the simulated camera here; your cache directory otherwise."),
]


def _faces(folder: Path | None) -> Path:
    return folder or Path(platformdirs.user_cache_dir("altgate")) / "faces"


def _progress(text: str, part: float) -> None:
    typer.echo(f"\r{part:4.0%}  {text:60}", nl=part >= 1, err=True)


def tour(
    faces: Faces = None,
    made_up_faces: Annotated[
        bool, typer.Option("--made-up-faces", help="Fetch no photos; the faces are made-up vectors.")
    ] = False,
) -> None:
    """Take one simulated door through a day's work and check every step; needs altgate[demo]."""
    try:
        from altgate.demo import cast
        from altgate.demo.building import Building
        from altgate.demo.faces import FacesUnavailable
        from altgate.demo.tour import Tour
    except ModuleNotFoundError:
        raise SiteUnusable(MISSING) from None
    players = cast.made_of_numbers()
    if not made_up_faces:
        try:
            players = cast.from_photos(_faces(faces), _progress)
        except FacesUnavailable as error:
            typer.echo(f"{error} The tour goes on with made-up vectors.", err=True)
    with tempfile.TemporaryDirectory(prefix="altgate-tour-") as folder:
        # What the host logs, such as the broker being away, is part of the tour and not of its output.
        logging.basicConfig(filename=Path(folder) / "host.log")
        with Building(Path(folder), told=typer.echo) as building:
            Tour(building, typer.echo, players).run()


def demo(
    port: Annotated[int, typer.Option(help="Port of the page on localhost.")] = 8080,
    keep: Annotated[
        Path | None, typer.Option(help="Keep building and door in this folder, and go on from it.")
    ] = None,
    faces: Faces = None,
) -> None:
    """Run a building with one simulated door, and draw it on http://localhost; needs altgate[demo]."""
    try:
        from altgate.demo.run import run
    except ModuleNotFoundError:
        raise SiteUnusable(MISSING) from None
    if keep:
        run(keep, port, _faces(faces), typer.echo)
        return
    with tempfile.TemporaryDirectory(prefix="altgate-demo-") as folder:
        run(Path(folder), port, _faces(faces), typer.echo)
