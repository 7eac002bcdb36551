"""``altgate door``."""

import time
from typing import Annotated

import typer

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.clock import to_text
from altgate.errors import CheckFailed
from altgate.protocol import messages, reasons
from altgate.registry import commands, doors
from altgate.registry.models import Door
from altgate.texts import reason_text

app = typer.Typer(no_args_is_help=True, help="Doors of the building.")
Name = Annotated[str, typer.Argument(help="The door's id or name.")]
POLL_S = 0.1


def _row(door: Door) -> Row:
    return {
        "door_id": door.door_id,
        "name": door.name,
        "zone": door.zone,
        "is_online": door.is_online,
        "state_version": door.state_version,
        "applied_version": door.applied_version,
        "last_hello": to_text(door.last_hello_at),
        "legacy_uid": "on (clonable)" if door.allows_legacy_uid else "off",
    }


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name for people.")],
    zone: Annotated[int, typer.Option(help="Doors of one zone share a card key.")] = 1,
    door_id: Annotated[
        str | None, typer.Option("--id", help="8 hexadecimal digits; random if left out.")
    ] = None,
    legacy_uid: Annotated[bool, typer.Option("--legacy-uid", help="Accept clonable UID-only cards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register a door and make its key."""
    opened = site(context)
    with opened.write() as session:
        door = doors.add(opened, session, name, zone, door_id, legacy_uid)
    show_result(_row(door), as_json, f"Door {name} is {door.door_id}. Next: altgate provision.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All doors."""
    with site(context).read() as session:
        rows = [_row(door) for door in doors.present(session)]
    show_rows(rows, as_json, "There is no door yet: altgate door add.")


@app.command("show")
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """One door in full."""
    with site(context).read() as session:
        door = doors.find(session, name)
    row = _row(door) | {
        "boot": door.boot,
        "firmware": door.firmware,
        "build": door.build,
        "events_kept": door.acked_sequence,
        "provisioned": to_text(door.provisioned_at),
        "created": to_text(door.created_at),
        "actor": door.actor,
    }
    if as_json:
        show_result(row, True, "")
    else:
        show_rows([{"field": key.replace("_", " "), "value": value} for key, value in row.items()], False, "")


@app.command("set")
def set_(
    context: typer.Context,
    name: Name,
    legacy_uid: Annotated[
        bool, typer.Option("--legacy-uid/--no-legacy-uid", help="Clonable UID-only cards.")
    ],
    as_json: AsJson = False,
) -> None:
    """Change a door's settings."""
    opened = site(context)
    with opened.write() as session:
        door = doors.find(session, name)
        doors.set_legacy_uid(opened, session, door, legacy_uid)
    show_result(
        _row(door), as_json, f"Clonable legacy UIDs are {'on' if legacy_uid else 'off'} at {door.name}."
    )


@app.command("open")
def open_(
    context: typer.Context,
    name: Name,
    wait_s: Annotated[int, typer.Option("--wait", min=1, max=60, help="Seconds to wait for the door.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Unlock a door now; altgate serve must be running."""
    opened = site(context)
    with opened.write() as session:
        door = doors.find(session, name)
        request = commands.request(opened, session, door, messages.VERB_UNLOCK, wait_s)
    result, deadline = None, time.monotonic() + wait_s
    while result is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
        with opened.read() as session:
            result = commands.result(session, request)
    if result is None:
        with opened.write() as session:
            result = commands.give_up(session, request)
    row = {"door_id": door.door_id, "result": reasons.NAMES.get(result, str(result))}
    if result == reasons.TIMED_OUT:
        raise CheckFailed(
            f"{door.name} did not answer in {wait_s} s: check that altgate serve runs and the door is "
            "online; the request is withdrawn."
        )
    if result != reasons.DONE:
        raise CheckFailed(f"{door.name} did not open: {reason_text(result)}")
    show_result(row, as_json, f"{door.name} is unlocked.")


@app.command("remove")
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Take a door off the register."""
    opened = site(context)
    with opened.write() as session:
        door = doors.find(session, name)
        doors.remove(opened, session, door)
    show_result(
        {"door_id": door.door_id}, as_json, f"Door {door.name} is removed. Erase the board before reuse."
    )
