"""``altgate label``."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from altgate.cli.lines import DoorName
from altgate.cli.output import AsJson, show_result, site
from altgate.cli.provision import read_ticket
from altgate.errors import ProvisionFailed, Refused
from altgate.keys import fingerprints
from altgate.protocol import service
from altgate.provision import access as accesses
from altgate.provision.board import request_of
from altgate.provision.port import SerialPort
from altgate.provision.service import open_line
from altgate.provision.session import SILENT, Session
from altgate.registry import doors, enrolments
from altgate.registry.models import Building
from altgate.reports import label as labels
from altgate.reports.label import Label


def label(
    context: typer.Context,
    file: Annotated[Path, typer.Option(help="New SVG file.")],
    door: DoorName = None,
    ticket: Annotated[
        Path | None, typer.Option(help="File of the ticket by which the board waits, or of a service ticket.")
    ] = None,
    port: Annotated[str | None, typer.Option(help="With --ticket: the board's serial port.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a label for a door's board: names, key, and a QR code of them.

    Nothing on it is secret. Whoever admits or checks the board compares the
    key with what the register says.
    """
    if (ticket is None) == (door is None) or (ticket is None) != (port is None):
        raise Refused("Give --door where the register is on this computer, else --ticket and --port.")
    if file.suffix.lower() != ".svg" or file.exists() or not file.parent.is_dir():
        raise Refused(f"{file} cannot be written as something new that ends with .svg: choose another name.")
    if ticket is not None and port is not None:
        made = _from_board(context, ticket, port)
    else:
        made = _from_register(context, str(door))
    try:
        file.write_text(labels.svg(made), encoding="utf-8")
    except OSError as error:
        raise Refused(f"{file} cannot be written ({error.strerror}): choose another name.") from None
    row = {"door_id": made.door_id, "fingerprint": made.fingerprint, "hardware_id": made.hardware_id}
    said = f"The label of {made.door_name}, key {made.fingerprint}, is in {file}."
    show_result(row | {"file": str(file)}, as_json, said)


def _from_register(context: typer.Context, name: str) -> Label:
    with site(context).read() as session:
        door = doors.find(session, name)
        board = enrolments.latest(session, door)
        if board is None:
            raise Refused(f"{door.name} has no board yet: altgate ticket issue.")
        building = session.scalars(select(Building)).one()
        return Label(
            building.name, door.name, door.door_id, board.fingerprint, board.hardware_id,
            door.firmware or board.firmware,
        )  # fmt: skip


def _from_board(context: typer.Context, ticket: Path, port: str) -> Label:
    line = SerialPort(port)
    context.call_on_close(line.close)
    exchange = Session(line)
    if _is_service(ticket):
        return _of_door(exchange, accesses.read(ticket.read_text(encoding="ascii")))
    held = read_ticket(ticket)
    if not exchange.knock(held.ticket_id, held.secret):
        raise ProvisionFailed(SILENT)
    request = exchange.readable()
    board = request_of(request)
    return Label(
        held.building, held.door_name, held.door_id, fingerprints.of_request(request), board.hardware_id,
        board.firmware,
    )  # fmt: skip


def _of_door(exchange: Session, access: accesses.Access) -> Label:
    door = open_line(exchange, access)
    hardware_id, firmware = door.ask(service.VERB_ABOUT)[:2]
    key = fingerprints.of_certificate(door.certificate())
    door.leave()
    return Label(access.building, access.door_name, access.door_id, key, hardware_id, firmware)


def _is_service(ticket: Path) -> bool:
    try:
        return ticket.read_text(encoding="ascii").strip().startswith(accesses.PREFIX)
    except (OSError, UnicodeDecodeError):
        return False
