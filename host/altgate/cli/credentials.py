"""``altgate credential``."""

from typing import Annotated

import typer
from sqlalchemy import select

from altgate.cli.output import CLONABLE, AsJson, Row, read_secret, show_result, show_rows, site, type_text
from altgate.clock import to_text, window
from altgate.errors import Refused
from altgate.protocol import messages
from altgate.registry import credentials, doors, residents
from altgate.registry.models import Credential, Door, Resident

app = typer.Typer(no_args_is_help=True, help="Cards and PINs.")
new = typer.Typer(no_args_is_help=True, help="Add a credential.")
app.add_typer(new, name="add")

Who = Annotated[str, typer.Option("--resident", help="Name or pseudonym.")]
Doors = Annotated[list[str], typer.Option("--door", help="Door id or name; may be repeated.")]
From = Annotated[str | None, typer.Option("--from", help="First moment, such as 2027-01-31T08:00.")]
Until = Annotated[str | None, typer.Option("--until", help="End, such as 2027-01-31T18:00.")]


def _add(
    context: typer.Context, kind: int, value: bytes | str, who: str, at: list[str], validity: tuple[int, int]
) -> Row:
    """Add a credential and describe it; text is prefixed with the resident's unit."""
    opened = site(context)
    with opened.write() as session:
        chosen = [doors.find(session, name) for name in at]
        resident = residents.find(session, who)
        raw = value if isinstance(value, bytes) else f"{resident.unit}#{value}".encode()
        added = credentials.add(opened, session, kind, raw, resident, chosen, validity)
    return {
        "credential": added.id,
        "type": type_text(kind),
        CLONABLE: kind == messages.TYPE_LEGACY_UID,
        "resident": resident.name,
        "unit": resident.unit,
        "doors": [door.name for door in chosen],
        "from": to_text(validity[0]),
        "until": to_text(validity[1]),
    }


def _sentence(row: Row) -> str:
    at = ", ".join(row["doors"])
    return f"Credential {row['credential']}, a {row['type']}, for {row['resident']} at {at}."


@new.command("card")
def card(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="The card's 7-byte UID in hexadecimal.")],
    who: Who,
    at: Doors,
    start: From = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """An NTAG 424 DNA card, which the door has prove itself."""
    value = credentials.uid_value(messages.TYPE_CARD, uid)
    row = _add(context, messages.TYPE_CARD, value, who, at, window(start, until))
    show_result(row, as_json, _sentence(row))


@new.command("legacy-uid")
def legacy_uid(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="The card's UID in hexadecimal.")],
    who: Who,
    at: Doors,
    start: From = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """A UID-only card: clonable by anyone who comes near it; off at a door unless turned on."""
    value = credentials.uid_value(messages.TYPE_LEGACY_UID, uid)
    row = _add(context, messages.TYPE_LEGACY_UID, value, who, at, window(start, until))
    show_result(row, as_json, _sentence(row) + " It opens only doors with altgate door set --legacy-uid.")


@new.command("pin")
def pin(
    context: typer.Context,
    who: Who,
    at: Doors,
    start: From = None,
    until: Until = None,
    generate: Annotated[bool, typer.Option(help="Make a random PIN and print it once.")] = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the PIN from standard input.")] = False,
    as_json: AsJson = False,
) -> None:
    """A PIN for one door, typed after the unit number. It is asked for, never an argument."""
    if generate and stdin:
        raise Refused("--generate makes the PIN and --stdin reads it: give one of them.")
    validity = window(start, until)
    value = credentials.generate_pin() if generate else read_secret("PIN", stdin)
    credentials.check_pin(value)
    row = _add(context, messages.TYPE_PIN, value, who, at, validity)
    if generate:
        row["pin"] = value
    shown = f" PIN: {value} (shown once)." if generate else ""
    show_result(row, as_json, _sentence(row) + f" Typed as {row['unit']}#PIN#.{shown}")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All credentials in use."""
    with site(context).read() as session:
        in_use = select(Credential).where(Credential.revoked_at.is_(None)).order_by(Credential.id)
        rows = [
            {
                "credential": one.id,
                "type": type_text(one.type),
                CLONABLE: one.type == messages.TYPE_LEGACY_UID,
                "resident": session.get_one(Resident, one.resident).name,
                "doors": [session.get_one(Door, link.door).name for link in one.doors],
                "from": to_text(one.not_before),
                "until": to_text(one.not_after),
                "actor": one.actor,
            }
            for one in session.scalars(in_use)
        ]
    show_rows(rows, as_json, "There is no credential yet: altgate credential add.")


@app.command("revoke")
def revoke(
    context: typer.Context,
    credential: Annotated[int, typer.Argument(help="Its number, from the list.")],
    as_json: AsJson = False,
) -> None:
    """End a credential at all its doors."""
    opened = site(context)
    with opened.write() as session:
        found = credentials.find(session, credential)
        credentials.revoke(opened, session, found)
    row = {"credential": found.id, "type": type_text(found.type)}
    show_result(
        row,
        as_json,
        f"Credential {found.id}, a {row['type']}, is revoked; each door applies it when it is reached.",
    )
