"""``altgate init``."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from altgate.cli.output import AsJson, show_result
from altgate.errors import Refused
from altgate.registry import doors, managers, time_zone
from altgate.registry import site as sites


def init(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The building's name.")],
    origin: Annotated[str, typer.Option(help="Public origin, such as https://doors.example.org.")],
    manager: Annotated[str, typer.Option(help="Name of the first manager.")],
    broker_name: Annotated[
        list[str] | None, typer.Option(help="Name in the broker's certificate; may be repeated.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            help="IANA name of the time zone for schedules; the computer's, or UTC, if left out.",
        ),
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
    if zone is not None:
        time_zone.check(zone)
    of_computer = None if zone else time_zone.of_computer()
    chosen = zone or of_computer or time_zone.UTC
    names = tuple(broker_name or ["altgate-broker"])
    site = sites.create(context.obj["data"], name, origin, manager, names, chosen)
    with site.write() as session:
        doors.ensure_zone(site, session, 1)
    site.close()
    result = {
        "building": name,
        "origin": origin,
        "manager": manager,
        "broker_names": list(names),
        "time_zone": chosen,
        "data": str(site.data),
    }
    show_result(
        result,
        as_json,
        f"{name} is set up in {site.data}. Keep {site.data / sites.MASTER} in a backup "
        f"apart from the database. {_zone_text(zone, of_computer)} Next: altgate door add.",
    )


def _zone_text(given: str | None, of_computer: str | None) -> str:
    """Which time zone it is, and why."""
    if given:
        return f"Schedules will be in the time of {given}."
    change = "altgate schedule zone changes that."
    if of_computer:
        return f"Schedules will be in the time of {of_computer}, as this computer has it; {change}"
    return f"Schedules will be in UTC, as this computer does not tell its time zone; {change}"
