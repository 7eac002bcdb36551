"""What commands share that speak with a door at its cable."""

from pathlib import Path
from typing import Annotated

import typer

from altgate.cli.output import site
from altgate.errors import Refused
from altgate.provision import access as accesses
from altgate.provision.access import Access
from altgate.provision.port import SerialPort
from altgate.provision.service import Service, open_line
from altgate.provision.session import Session
from altgate.registry import doors, services

ServiceFile = Annotated[
    Path | None, typer.Option("--ticket", help="File of a service ticket; this computer needs no register.")
]
DoorName = Annotated[
    str | None, typer.Option("--door", help="The door's id or name, where the register is on this computer.")
]


def opened(
    context: typer.Context, port: str, ticket: Path | None, door: str | None, scope: int
) -> tuple[Service, Access]:
    """The open line of a door, and by what right; ``scope`` is what is taken where the register is here."""
    access = granted(context, ticket, door, scope)
    line = SerialPort(port)
    context.call_on_close(line.close)
    return open_line(Session(line), access), access


def granted(context: typer.Context, ticket: Path | None, door: str | None, scope: int) -> Access:
    """What a service ticket gives, or for an hour whoever has the register; raises Refused."""
    if (ticket is None) == (door is None):
        raise Refused("Give --ticket, or --door where the register is on this computer.")
    if ticket is not None:
        return read_access(ticket)
    here = site(context)
    here.check_actor()
    with here.write() as session:
        return services.grant(here, session, doors.find(session, str(door)), scope)


def read_access(path: Path) -> Access:
    """The service ticket in a file; raises Refused."""
    try:
        return accesses.read(path.read_text(encoding="ascii"))
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): name the ticket's file.") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is no service ticket: name what altgate door service wrote.") from None
