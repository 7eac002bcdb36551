"""``altgate door service``."""

from pathlib import Path
from typing import Annotated

import typer

from altgate.cli.doors import Name
from altgate.cli.output import AsJson, show_result, site
from altgate.clock import to_text
from altgate.errors import Refused
from altgate.keys.vault import write_private
from altgate.protocol import names
from altgate.provision import access as accesses
from altgate.registry import doors, services


def issue(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Option(help="New file for the service ticket.")],
    scope: Annotated[
        str, typer.Option(help=f"What it allows, joined by commas: {', '.join(names.SCOPES.values())}.")
    ] = names.SCOPES[1],
    hours: Annotated[int, typer.Option(help="How long it is good, from now on.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Issue a service ticket: with it an installer speaks with this door at its cable.

    The door records each time that it is used. It cannot be called back: it
    ends when it expires, or when the door gets another board.
    """
    opened = site(context)
    bits = accesses.scope_of(word.strip() for word in scope.split(","))
    if file.exists() or not file.parent.is_dir():
        raise Refused(f"{file} cannot be written as something new: choose another name.")
    with opened.write() as session:
        door = doors.find(session, name)
        access = services.grant(opened, session, door, bits, hours)
        try:
            write_private(file, services.text(opened, access).encode() + b"\n")
        except OSError as error:
            raise Refused(f"{file} cannot be written ({error.strerror}): choose another name.") from None
    until = to_text(access.expires)
    show_result(
        {"door_id": access.door_id, "file": str(file), "scope": access.scopes(), "until": until},
        as_json,
        f"The service ticket for {access.door_name} is in {file}, good until {until} for "
        f"{', '.join(access.scopes())}.",
    )
