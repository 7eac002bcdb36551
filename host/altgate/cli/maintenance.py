"""``altgate update``, ``altgate window`` and ``altgate reset``: what is done at a door's cable."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from altgate.cli.output import AsJson, show_result, site
from altgate.errors import Refused
from altgate.protocol import service
from altgate.protocol import update as updates
from altgate.provision import access as accesses
from altgate.provision import maintenance
from altgate.provision.access import Access
from altgate.provision.port import SerialPort
from altgate.provision.service import open_line
from altgate.provision.session import Session
from altgate.registry import doors, services
from altgate.release.slot import from_slot

Port = Annotated[str, typer.Argument(help="Serial port, such as COM3 or /dev/ttyACM0.")]
Ticket = Annotated[
    Path | None, typer.Option(help="File of a service ticket; this computer needs no register.")
]
DoorName = Annotated[
    str | None, typer.Option(help="The door's id or name, where the register is on this computer.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before.")]


def update(
    context: typer.Context,
    port: Port,
    image: Annotated[Path, typer.Option(help="File of a signed image of the firmware.")],
    ticket: Ticket = None,
    door: DoorName = None,
    again: Annotated[bool, typer.Option("--again", help="Send the version that runs there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a door a signed firmware; the door goes on opening meanwhile.

    It is tried at once, and kept once it has reached its host or has run for
    five minutes; otherwise the door goes back to the one before. Where the
    cable was lost, run the same command again.
    """
    try:
        data = image.read_bytes()
    except OSError as error:
        raise Refused(f"{image} cannot be read ({error.strerror}): name the image's file.") from None
    held = from_slot(data)
    maintenance.check_image(held)
    access = _access(context, ticket, door, service.SCOPE_UPDATE)
    line = SerialPort(port)
    context.call_on_close(line.close)
    session = Session(line)
    opened = open_line(session, access)
    there = maintenance.running(opened)
    maintenance.check_fits(held, there, again)
    with _shown() as progress:
        maintenance.send(session, opened, held, progress)
    version = str(held.fields[updates.VERSION])
    is_running = maintenance.wait_version(session, line, access, there, version)
    row = {
        "door_id": access.door_id,
        "before": there.version,
        "version": version,
        "state": "on trial" if is_running else "not running",
    }
    said = (
        f"{access.door_name} runs version {version} on trial. It is kept once its host hears of it, or after "
        "five minutes: altgate audit list."
    )
    if not is_running:
        said = (
            f"{access.door_name} has the image, and does not run it so far: look again in a minute; altgate "
            "audit list says what became of it."
        )
    show_result(row, as_json, said)


def window(
    context: typer.Context,
    port: Port,
    ticket: Ticket = None,
    door: DoorName = None,
    now: Annotated[
        bool, typer.Option("--now", help="Though the host lacks events of this door; they are lost.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Open a door's maintenance window: erase it, then a prompt for mpremote.

    All keys, templates, consents, door PINs and credentials on the board are
    erased first, and it is no door any more. For five minutes it gives
    whoever has the cable MicroPython's prompt; then it is a bare board.
    """
    access = _access(context, ticket, door, service.SCOPE_WINDOW)
    _confirm(access, yes)
    line = SerialPort(port)
    context.call_on_close(line.close)
    session = Session(line)
    open_line(session, access)
    seconds, lost = maintenance.open_window(session, line, now)
    if door:
        opened = site(context)
        with opened.write() as held:
            opened.record(held, "maintenance window opened", f"{access.door_id}, {lost} events not heard")
    show_result(
        {"door_id": access.door_id, "seconds": seconds, "events_lost": lost},
        as_json,
        f"The board is erased, and its prompt is open for {seconds} s: mpremote connect {port} resume. "
        f"Events that the host did not get: {lost}. After that it is a bare board: altgate ticket issue "
        "--replace.",
    )


def reset(
    context: typer.Context,
    port: Port,
    ticket: Ticket = None,
    door: DoorName = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Reset a door to its factory state; needs the board's button held down.

    Keys go first, then everything else. Holding the button for ten seconds
    while the board runs does the same without a cable.
    """
    access = _access(context, ticket, door, service.SCOPE_RESET)
    _confirm(access, yes)
    line = SerialPort(port)
    context.call_on_close(line.close)
    session = Session(line)
    open_line(session, access)
    maintenance.reset(session, line, lambda: _tell("Hold the button marked BOOT on the board down now."))
    show_result(
        {"door_id": access.door_id, "state": "bare"},
        as_json,
        "The board is bare. To make it a door again: altgate ticket issue.",
    )


def _access(context: typer.Context, ticket: Path | None, door: str | None, scope: int) -> Access:
    """The right to do this at the door: from a service ticket, or granted by the register here."""
    if (ticket is None) == (door is None):
        raise Refused("Give --ticket, or --door where the register is on this computer.")
    if ticket is not None:
        try:
            text = ticket.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            raise Refused(f"{ticket} cannot be read: name the service ticket's file.") from None
        access = accesses.read(text)
        maintenance.check_scope(access, scope)
        return access
    opened = site(context)
    opened.check_actor()
    with opened.write() as session:
        return services.grant(opened, session, doors.find(session, door or ""), scope)


def _confirm(access: Access, is_confirmed: bool) -> None:
    """Have somebody say that they know what is lost; raises Refused."""
    if is_confirmed:
        return
    if not typer.get_text_stream("stdin").isatty():
        raise Refused("There is no terminal to ask for a confirmation: give --yes if you mean it.")
    _tell(
        f"This erases {access.door_name} of {access.building}: its keys, every face template, every consent "
        "and door PIN, all credentials, and what its host has not heard. Nothing brings them back."
    )
    if str(typer.prompt("Type the door's name to go on")).strip() != access.door_name:
        raise Refused("That is not the door's name: nothing was changed.")


def _tell(text: str) -> None:
    """A sentence on standard error, where it is in nobody's JSON."""
    typer.echo(text, err=True)


@contextmanager
def _shown() -> Iterator[maintenance.Progress]:
    """A progress bar on standard error."""
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("Firmware", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
