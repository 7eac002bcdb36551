"""``altgate door``."""

import time
from typing import Annotated

import cbor2
import typer
from sqlalchemy.orm import Session

from altgate.cli.output import CLONABLE, AsJson, Row, show_result, show_rows, site
from altgate.clock import to_text
from altgate.errors import CheckFailed, Refused
from altgate.keys.fingerprints import of_key
from altgate.protocol import messages, names, reasons
from altgate.registry import commands, doors, enrolments, losses, revocation, settings
from altgate.registry.models import Door
from altgate.texts import reason_text

app = typer.Typer(no_args_is_help=True, help="Doors of the building.")
Name = Annotated[str, typer.Argument(help="The door's id or name.")]
POLL_S = 0.1


def _bounds(setting: settings.Setting) -> str:
    return f"{setting.lowest} to {setting.highest}"


def _row(session: Session, door: Door) -> Row:
    """A door for scripts: each setting as the register wants it, and ``applied`` as the door has it."""
    wanted, applied = settings.wanted(session, door), settings.applied(session, door)
    return {
        "door_id": door.door_id,
        "name": door.name,
        "zone": door.zone,
        "state": enrolments.state(session, door),
        "is_online": door.is_online,
        "state_version": door.state_version,
        "applied_version": door.applied_version,
        "last_hello": to_text(door.last_hello_at),
        **{setting.name: value for setting, value in _plain(wanted).items()},
        "applied": applied and {setting.name: value for setting, value in _plain(applied).items()},
    }


def _short(session: Session, door: Door) -> Row:
    """A door as a row of the list."""
    return {
        "door_id": door.door_id,
        "name": door.name,
        "zone": door.zone,
        "state": enrolments.state(session, door),
        "is_online": door.is_online,
        "settings": "\n".join(
            f"{name.replace('_', ' ')}: {cell}" for name, cell in _cells(session, door).items()
        ),
    }


def _dropped(door: Door) -> dict[str, int]:
    """What the door threw away since its start, by reason, as it last said."""
    counts: dict[int, int] = cbor2.loads(door.dropped) if door.dropped else {}
    return {names.REASONS.get(code, str(code)): count for code, count in sorted(counts.items())}


def _plain(values: settings.Values) -> dict[settings.Setting, int | bool]:
    return {one: bool(value) if one.is_switch else value for one, value in values.items()}


def _cells(session: Session, door: Door) -> Row:
    """A door's settings for people: one cell each, which tells where the door still has another value."""
    wanted, applied = settings.wanted(session, door), settings.applied(session, door)
    return {one.name: _cell(one, value, applied) for one, value in wanted.items()}


def _cell(setting: settings.Setting, value: int, applied: settings.Values | None) -> str:
    text = setting.text(value) + (f" ({CLONABLE})" if setting is settings.LEGACY_UID and value else "")
    if applied is None:
        return f"{text} (has ?)"
    return text if applied[setting] == value else f"{text} (has {setting.text(applied[setting])})"


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
        row = _row(session, door)
    show_result(row, as_json, f"Door {name} is {door.door_id}. Next: altgate ticket issue.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All doors."""
    with site(context).read() as session:
        rows = [_row(session, door) if as_json else _short(session, door) for door in doors.present(session)]
    show_rows(rows, as_json, "There is no door yet: altgate door add.")


@app.command("show")
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """One door in full."""
    with site(context).read() as session:
        door = doors.find(session, name)
        row = _row(session, door) | {
            "boot": door.boot,
            "firmware": door.firmware,
            "build": door.build,
            "events_kept": door.acked_sequence,
            "dropped": _dropped(door),
            "provisioned": to_text(door.provisioned_at),
            "certificate_until": to_text(door.certificate_until),
            "generation": door.generation,
            "fingerprint": of_key(door.public_key) if door.public_key else None,
            "created": to_text(door.created_at),
            "actor": door.actor,
        }
        cells = _cells(session, door)
    if as_json:
        show_result(row, True, "")
        return
    del row["applied"]
    row["dropped"] = ", ".join(f"{name} {count}" for name, count in row["dropped"].items())
    fields = (row | cells).items()
    show_rows([{"field": key.replace("_", " "), "value": value} for key, value in fields], False, "")


@app.command("set")
def set_(
    context: typer.Context,
    name: Name,
    legacy_uid: Annotated[
        bool | None, typer.Option("--legacy-uid/--no-legacy-uid", help="Accept clonable UID-only cards.")
    ] = None,
    release_s: Annotated[
        int | None, typer.Option(help=f"Seconds the strike stays released, {_bounds(settings.RELEASE_S)}.")
    ] = None,
    held_open_s: Annotated[
        int | None,
        typer.Option(help=f"Seconds until an open door is reported, {_bounds(settings.HELD_OPEN_S)}."),
    ] = None,
    face: Annotated[
        bool | None, typer.Option("--face/--no-face", help="Let residents choose face at this door.")
    ] = None,
    lease_s: Annotated[
        int | None,
        typer.Option(help=f"Seconds that face works without the host, {_bounds(settings.LEASE_S)}."),
    ] = None,
    face_unproved: Annotated[
        bool | None,
        typer.Option(
            "--face-unproved/--no-face-unproved",
            help="Use a face module that cannot tell a person from a picture.",
        ),
    ] = None,
    schedule_untimed: Annotated[
        bool | None,
        typer.Option(
            "--schedule-untimed/--no-schedule-untimed",
            help="Let schedules go, open at any hour, while the door does not know the time.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change settings of a door; it applies them when it is reached."""
    given = {
        settings.LEGACY_UID: legacy_uid,
        settings.RELEASE_S: release_s,
        settings.HELD_OPEN_S: held_open_s,
        settings.FACE: face,
        settings.LEASE_S: lease_s,
        settings.FACE_UNPROVED: face_unproved,
        settings.SCHEDULE_UNTIMED: schedule_untimed,
    }
    changes = {setting: int(value) for setting, value in given.items() if value is not None}
    opened = site(context)
    with opened.write() as session:
        door = doors.find(session, name)
        doors.change_settings(opened, session, door, changes)
        row = _row(session, door)
    said = ", ".join(setting.sentence(value) for setting, value in changes.items())
    show_result(row, as_json, f"{door.name}: {said}.")


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
    with opened.write() as session:
        result = commands.give_up(session, request)
        was_sent = commands.was_sent(session, request)
    row = {"door_id": door.door_id, "result": names.REASONS.get(result, str(result))}
    if result == reasons.TIMED_OUT and was_sent:
        raise CheckFailed(
            f"{door.name} was told to open and did not say that it did: see altgate audit list before you "
            "ask again."
        )
    if result == reasons.TIMED_OUT:
        raise CheckFailed(
            f"{door.name} did not answer in {wait_s} s: check that altgate serve runs and the door is "
            "online; the request is withdrawn."
        )
    if result != reasons.DONE:
        raise CheckFailed(f"{door.name} did not open: {reason_text(result)}")
    show_result(row, as_json, f"{door.name} is unlocked.")


@app.command("admit")
def admit(
    context: typer.Context,
    name: Name,
    key: Annotated[
        str | None, typer.Option("--key", help="The key that the installer read to you; others are refused.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the board that waits this door.

    Compare its key with what the installer's computer and the label say. Any
    board that the door had before is shut out.
    """
    opened = site(context)
    with opened.write() as session:
        door = doors.find(session, name)
        row = enrolments.current(session, door)
        if row is None or not row.record:
            raise Refused(f"No board waits to be admitted as {door.name}: see altgate ticket list.")
        board = enrolments.waiting(row)
        if key is not None and key.replace("-", "").lower() != board.fingerprint.replace("-", ""):
            raise Refused(
                f"The board that waits as {door.name} has the key {board.fingerprint}, not {key}: it is not "
                "the one that the installer has before him. altgate ticket withdraw keeps it out."
            )
        enrolments.admit(opened, session, door, row)
    revocation.refresh(opened)
    shown = {"door_id": door.door_id, "hardware_id": board.hardware_id, "fingerprint": board.fingerprint}
    show_result(
        shown,
        as_json,
        f"{board.board} {board.hardware_id} with the key {board.fingerprint} is admitted as {door.name}; "
        "altgate serve tells it so.",
    )


@app.command("lost")
def lost(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """A door's board was stolen, or is out of your hands: shut it out for good, and see what it knew.

    The door leaves the register with its certificates and consents. Cards of
    its zone can be copied by whoever opens the board: give new ones, in a
    zone that is new, to those listed. PINs and passes listed opened this
    door; PINs of the same digits elsewhere must go, too.
    """
    opened = site(context)
    with opened.write() as session:
        door = doors.find(session, name)
        affected = losses.affected(session, door)
        enrolments.withdraw(opened, session, door)
        doors.remove(opened, session, door)
        opened.record(session, "door lost", door.door_id)
    path = revocation.refresh(opened)
    if as_json:
        show_result({"door_id": door.door_id, "crl": str(path), "affected": affected}, True, "")
        return
    show_rows(affected, False, "No card, PIN or pass is affected.")
    show_result(
        {},
        False,
        f"{door.name} is shut out. Have the broker reload {path} (mosquitto: SIGHUP), or restart it. Revoke "
        "what is listed, and register the door anew in another zone.",
    )


@app.command("remove")
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Take a door off the register, and its certificate out of use.

    The certificate goes on the revocation list, pki/crl.pem in the data
    directory. Name that file to the broker once (mosquitto: crlfile). After
    each removal have the broker reload it (mosquitto: SIGHUP), or restart the
    broker, which also ends a connection that is open. altgate serve drops
    what a removed door sends in any case.
    """
    opened = site(context)
    with opened.write() as session:
        door = doors.find(session, name)
        enrolments.withdraw(opened, session, door)
        doors.remove(opened, session, door)
    path = revocation.refresh(opened)
    show_result(
        {"door_id": door.door_id, "crl": str(path)},
        as_json,
        f"Door {door.name} is removed. Its certificate is revoked in {path}: have the broker reload that "
        "list (mosquitto: crlfile and SIGHUP), or restart it to end an open connection too. "
        "Erase the board before reuse.",
    )
