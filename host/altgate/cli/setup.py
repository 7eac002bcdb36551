"""``altgate init``."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from altgate.cli.output import AsJson, show_result
from altgate.errors import Refused
from altgate.registry import doors, managers
from altgate.registry import site as sites


def init(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The building's name.")],
    origin: Annotated[str, typer.Option(help="Public origin, such as https://doors.example.org.")],
    manager: Annotated[str, typer.Option(help="Name of the first manager.")],
    broker_name: Annotated[
        list[str] | None, typer.Option(help="Name in the broker's certificate; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set up a building: database, master key, certificate authority, and the card key of zone 1."""
    parts = urlsplit(origin)
    is_local = parts.scheme == "http" and parts.hostname == "localhost"
    if not parts.hostname or not (parts.scheme == "https" or is_local) or parts.path or parts.query:
        raise Refused(f"--origin {origin!r} is not an origin: write https://name, or http://localhost:port.")
    if not name.strip() or not manager.strip():
        raise Refused("The building and its first manager need names: give both.")
    managers.check_name(manager)
    names = tuple(broker_name or ["altgate-broker"])
    site = sites.create(context.obj["data"], name, origin, manager, names)
    with site.write() as session:
        doors.ensure_zone(site, session, 1)
    site.close()
    result = {
        "building": name,
        "origin": origin,
        "manager": manager,
        "broker_names": list(names),
        "data": str(site.data),
    }
    show_result(
        result,
        as_json,
        f"{name} is set up in {site.data}. Keep {site.data / sites.MASTER} in a backup "
        "apart from the database. Next: altgate door add.",
    )
