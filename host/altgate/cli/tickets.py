"""``altgate ticket``."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import segno
import typer
from sqlalchemy.orm import Session

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.cli.serve import Broker, address
from altgate.clock import to_text
from altgate.errors import Refused
from altgate.keys.vault import write_private
from altgate.provision import ticket as tickets
from altgate.registry import doors, enrolments, revocation
from altgate.registry.models import Door, Ticket

app = typer.Typer(no_args_is_help=True, help="Tickets for installers: each makes one bare board one door.")
Days = Annotated[int, typer.Option(help="How long it is good, from now on.")]
COLUMNS = ("name", "zone")
MOST = 500  # doors of one batch


@dataclass(frozen=True)
class _Line:
    """One door of a batch."""

    number: int
    name: str
    zone: int

    @property
    def file(self) -> str:
        """The name of its ticket's file: letters and digits of the door's name."""
        kept = "".join(letter if letter.isalnum() else "-" for letter in self.name)
        return f"{self.number:03d}-{kept.strip('-')[:40] or 'door'}.ticket"


@app.command("issue")
def issue(
    context: typer.Context,
    door: Annotated[str, typer.Option(help="The door's id or name.")],
    broker: Broker,
    file: Annotated[Path, typer.Option(help="New file for the ticket.")],
    days: Days = enrolments.VALID_DAYS,
    replace: Annotated[
        bool, typer.Option("--replace", help="Another board takes the place of the present one.")
    ] = False,
    svg: Annotated[Path | None, typer.Option(help="New file for it as a QR code, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Issue a ticket for a door; one that was issued before ends.

    Hand the file to the installer. It opens no door: with it a board can ask
    to be admitted as this one, once, and waits until you run altgate door
    admit.
    """
    host, port = address(broker)
    for path in (file, svg):
        _check_new(path)
    opened = site(context)
    with opened.write() as session:
        found = doors.find(session, door)
        text = enrolments.issue_ticket(opened, session, found, (host, port), days, replace)
        row = _row(session, found)
        _write(file, text)
        if svg is not None:
            segno.make(text, micro=False, error="l").save(str(svg), kind="svg", scale=3)
    revocation.refresh(opened)
    show_result(
        row | {"file": str(file), "svg": str(svg) if svg else None},
        as_json,
        f"The ticket for {found.name} is in {file}, good until {row['until']}. "
        "Next: altgate install --ticket, on the installer's computer.",
    )


@app.command("batch")
def batch(
    context: typer.Context,
    table: Annotated[Path, typer.Argument(help="CSV file with the columns name and zone.")],
    broker: Broker,
    folder: Annotated[Path, typer.Option(help="New folder for the tickets.")],
    days: Days = enrolments.VALID_DAYS,
    as_json: AsJson = False,
) -> None:
    """Register the doors of a table, and issue a ticket for each: all of them, or none."""
    lines = _lines(table)
    _check_new(folder)
    opened, rows = site(context), []
    with opened.write() as session:
        try:
            folder.mkdir(mode=0o700)
            for line in lines:
                try:
                    made = doors.add(opened, session, line.name, line.zone, None, False)
                except Refused as error:
                    raise Refused(f"{table}, line {line.number}: {error}") from None
                text = enrolments.issue_ticket(opened, session, made, address(broker), days)
                _write(folder / line.file, text)
                rows.append(_row(session, made) | {"file": line.file})
        except (Refused, OSError) as error:
            _remove(folder, [line.file for line in lines])
            if isinstance(error, Refused):
                raise
            raise Refused(f"{folder} cannot be written ({error.strerror}): choose another place.") from None
    show_rows(rows, as_json, f"{table} names no door.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Tickets that have not ended, and the boards that wait with them."""
    with site(context).read() as session:
        found = [(door, enrolments.current(session, door)) for door in doors.present(session)]
        rows = [_row(session, door) for door, row in found if row]
    show_rows(rows, as_json, "No ticket is open: altgate ticket issue.")


@app.command("withdraw")
def withdraw(
    context: typer.Context,
    door: Annotated[str, typer.Argument(help="The door's id or name.")],
    as_json: AsJson = False,
) -> None:
    """End a door's open ticket: no board gets in by it any more."""
    opened = site(context)
    with opened.write() as session:
        found = doors.find(session, door)
        if not enrolments.withdraw(opened, session, found):
            raise Refused(f"{found.name} has no open ticket: see altgate ticket list.")
    revocation.refresh(opened)
    show_result({"door_id": found.door_id}, as_json, f"The ticket for {found.name} has ended.")


@app.command("show")
def show(
    file: Annotated[Path, typer.Argument(help="File of a ticket.")],
    as_json: AsJson = False,
) -> None:
    """What a ticket is for; nothing in it that is secret. Needs no register."""
    try:
        held = tickets.read(file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        raise Refused(f"{file} cannot be read as a ticket: name the file that was issued.") from None
    row = {
        "building": held.building,
        "door": held.door_name,
        "door_id": held.door_id,
        "authority": held.authority(),
        "until": to_text(held.expires),
    }
    if as_json:
        show_result(row, True, "")
    else:
        show_rows([{"field": key, "value": value} for key, value in row.items()], False, "")


def row_of(session: Session, door: Door) -> Row:
    """How far a door is on its way to a board, for listings."""
    found = enrolments.current(session, door)
    waiting = enrolments.waiting(found) if found and found.record else None
    return {
        "state": enrolments.state(session, door),
        "hardware_id": waiting.hardware_id if waiting else None,
        "board": waiting.board if waiting else None,
        "fingerprint": waiting.fingerprint if waiting else None,
    }


def _row(session: Session, door: Door) -> Row:
    found: Ticket | None = enrolments.current(session, door)
    until = to_text(found.expires_at) if found else None
    return {"door_id": door.door_id, "name": door.name, "until": until, **row_of(session, door)}


def _lines(table: Path) -> list[_Line]:
    """The doors of a table; raises Refused for the first line that is none."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise Refused(f"{table} must begin with the line {','.join(COLUMNS)}.")
            lines = [_line(table, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise Refused(f"{table} cannot be read: give a CSV file in UTF-8.") from None
    if not 0 < len(lines) <= MOST:
        raise Refused(f"{table} names {len(lines)} doors: give 1 to {MOST}.")
    return lines


def _line(table: Path, number: int, row: dict[str, str | None]) -> _Line:
    name, zone = (row.get(column) for column in COLUMNS)
    if None in row or name is None or zone is None or not zone.strip().isdigit():
        raise Refused(f"{table}, line {number}: write a name and a zone from 0 to 255.")
    return _Line(number, name.strip(), int(zone))


def _check_new(path: Path | None) -> None:
    if path is not None and (path.exists() or not path.parent.is_dir()):
        raise Refused(f"{path} cannot be written as something new: choose another name.")


def _write(path: Path, text: str) -> None:
    try:
        write_private(path, text.encode() + b"\n")
    except OSError as error:
        raise Refused(f"{path} cannot be written ({error.strerror}): choose another name.") from None


def _remove(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
