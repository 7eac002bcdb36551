"""``altgate provision``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from altgate.cli.output import AsJson, read_secret, show_result, site
from altgate.cli.serve import address
from altgate.errors import Refused
from altgate.keys import fingerprints
from altgate.provision import board as boards
from altgate.provision import direct
from altgate.provision import ticket as tickets
from altgate.provision.board import Wifi
from altgate.provision.port import SerialPort
from altgate.provision.session import Session
from altgate.registry import doors
from altgate.registry.site import Site


def provision(
    context: typer.Context,
    port: Annotated[str, typer.Argument(help="Serial port, such as COM3 or /dev/ttyACM0.")],
    ticket: Annotated[
        Path | None, typer.Option(help="File of an installation ticket; this computer needs no register.")
    ] = None,
    door: Annotated[
        str | None, typer.Option(help="The door's id or name, where the register is on this computer.")
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="With --door: where the broker listens, as host:port.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --door: this board takes the place of another one.")
    ] = False,
    ssid: Annotated[
        str, typer.Option(help="Wi-Fi network; left out where the board needs none or has one by Improv.")
    ] = "",
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the Wi-Fi password from standard input.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a bare board a door: with a ticket, or at once where the register is.

    With a ticket the board waits then until a manager admits it (altgate
    door admit). Where power or cable were lost, run the same command again.
    """
    if (ticket is None) == (door is None):
        raise Refused("Give --ticket, or --door where the register is on this computer.")
    if door is not None and broker is None:
        raise Refused("With --door, give the broker's address too: --broker host:port.")
    if ticket is not None and (broker or replace):
        raise Refused("The ticket says broker and door: leave --broker and --replace out.")
    held = read_ticket(ticket) if ticket else None
    opened = site(context) if door else None
    if opened and door:
        opened.check_actor()
        with opened.read() as session:
            doors.find(session, door)
    wifi = Wifi(ssid, read_secret("Wi-Fi password", stdin) if ssid else "")
    wifi.check()
    line = SerialPort(port)
    context.call_on_close(line.close)
    exchange = Session(line)
    if opened and door and broker:
        with _shown() as progress:
            direct.provision(opened, door, address(broker), wifi, exchange, progress, replace)
        _say_direct(opened, door, as_json)
    elif held:
        if boards.find(exchange, held) is None and boards.is_door(exchange):
            row = {"door_id": held.door_id, "state": "in use", "fingerprint": None}
            show_result(row, as_json, f"The board is {held.door_name} already.")
            return
        with _shown() as progress:
            request = boards.give(exchange, held, wifi, progress)
            exchange.leave()
        _say_waiting(held, fingerprints.of_request(request), as_json)


def read_ticket(path: Path) -> tickets.Ticket:
    """The ticket in a file; raises Refused."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): name the ticket's file.") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is not a ticket: name the file that altgate ticket issue wrote.") from None
    held = tickets.read(text)
    held.check_time()
    return held


@contextmanager
def _shown() -> Iterator[boards.Progress]:
    """A progress bar on standard error."""
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("Provisioning", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _say_direct(opened: Site, door: str, as_json: bool) -> None:
    with opened.read() as session:
        found = doors.find(session, door)
    key = fingerprints.of_key(found.public_key or b"")
    row = {"door_id": found.door_id, "state": "admitted", "fingerprint": key}
    show_result(row, as_json, f"Door {found.name} is provisioned; its board's key is {key}.")


def _say_waiting(held: tickets.Ticket, key: str, as_json: bool) -> None:
    row = {"door_id": held.door_id, "state": "waiting", "fingerprint": key}
    show_result(
        row,
        as_json,
        f"The board waits to be admitted as {held.door_name} of {held.building}; its key is {key}. The "
        "manager compares that and runs altgate door admit.",
    )
