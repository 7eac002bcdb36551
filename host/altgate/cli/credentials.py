"""``altgate credential``."""

from dataclasses import dataclass
from typing import Annotated

import typer
from sqlalchemy import select

from altgate.cli.output import CLONABLE, AsJson, Row, read_secret, show_result, show_rows, site, type_text
from altgate.clock import to_text, window
from altgate.errors import Refused
from altgate.protocol import limits, messages
from altgate.registry import credentials, doors, residents, schedules
from altgate.registry.models import Credential, Door, Resident, Schedule

app = typer.Typer(no_args_is_help=True, help="Cards and PINs.")
new = typer.Typer(no_args_is_help=True, help="Add a credential.")
app.add_typer(new, name="add")

Who = Annotated[str, typer.Option("--resident", help="Name or pseudonym.")]
Doors = Annotated[list[str], typer.Option("--door", help="Door id or name; may be repeated.")]
From = Annotated[str | None, typer.Option("--from", help="First moment, such as 2027-01-31T08:00.")]
Until = Annotated[str | None, typer.Option("--until", help="End, such as 2027-01-31T18:00.")]


Uses = Annotated[
    int,
    typer.Option(
        help=f"How often it opens, up to {limits.USES}; each door counts for itself; 0 for any number."
    ),
]
Dual = Annotated[
    bool,
    typer.Option(
        "--dual",
        help=f"Open only with another credential of the resident shown within {limits.SECOND_S} seconds.",
    ),
]
Hours = Annotated[str | None, typer.Option("--schedule", help="Open only in the hours of this schedule.")]


@dataclass(frozen=True)
class _Bounds:
    """What a credential is to be bound to, as it was typed."""

    validity: tuple[int, int]
    uses: int
    is_dual: bool
    schedule: str | None


def _add(
    context: typer.Context, kind: int, value: bytes | str, who: str, at: list[str], bounds: _Bounds
) -> Row:
    """Add a credential and describe it; text is prefixed with the resident's unit."""
    opened = site(context)
    with opened.write() as session:
        chosen = [doors.find(session, name) for name in at]
        resident = residents.find(session, who)
        raw = value if isinstance(value, bytes) else f"{resident.unit}#{value}".encode()
        schedule = schedules.find(session, bounds.schedule) if bounds.schedule is not None else None
        terms = credentials.Terms(bounds.uses, bounds.is_dual, schedule)
        added = credentials.add(opened, session, kind, raw, resident, chosen, bounds.validity, terms)
    return {
        "credential": added.id,
        "type": type_text(kind),
        CLONABLE: kind == messages.TYPE_LEGACY_UID,
        "resident": resident.name,
        "unit": resident.unit,
        "doors": [door.name for door in chosen],
        "from": to_text(bounds.validity[0]),
        "until": to_text(bounds.validity[1]),
        "uses": bounds.uses,
        "dual": bounds.is_dual,
        "schedule": schedule.name if schedule else None,
    }


def _sentence(row: Row) -> str:
    at = ", ".join(row["doors"])
    said = [f"Credential {row['credential']}, a {row['type']}, for {row['resident']} at {at}."]
    if row["schedule"]:
        said.append(f"It opens in the hours of schedule {row['schedule']}.")
    if row["uses"]:
        said.append(f"Each door accepts it {row['uses']} times.")
    if row["dual"]:
        said.append(
            f"It opens only with another credential of theirs within {limits.SECOND_S} seconds; one that is "
            "not --dual still opens alone."
        )
    return " ".join(said)


@new.command("card")
def card(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="The card's 7-byte UID in hexadecimal.")],
    who: Who,
    at: Doors,
    start: From = None,
    until: Until = None,
    uses: Uses = 0,
    dual: Dual = False,
    schedule: Hours = None,
    as_json: AsJson = False,
) -> None:
    """An NTAG 424 DNA card, which the door has prove itself."""
    value = credentials.uid_value(messages.TYPE_CARD, uid)
    bounds = _Bounds(window(start, until), uses, dual, schedule)
    row = _add(context, messages.TYPE_CARD, value, who, at, bounds)
    show_result(row, as_json, _sentence(row))


@new.command("legacy-uid")
def legacy_uid(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="The card's UID in hexadecimal.")],
    who: Who,
    at: Doors,
    start: From = None,
    until: Until = None,
    uses: Uses = 0,
    dual: Dual = False,
    schedule: Hours = None,
    as_json: AsJson = False,
) -> None:
    """A UID-only card: clonable by anyone who comes near it; off at a door unless turned on."""
    value = credentials.uid_value(messages.TYPE_LEGACY_UID, uid)
    bounds = _Bounds(window(start, until), uses, dual, schedule)
    row = _add(context, messages.TYPE_LEGACY_UID, value, who, at, bounds)
    show_result(row, as_json, _sentence(row) + " It opens only doors with altgate door set --legacy-uid.")


@new.command("pin")
def pin(
    context: typer.Context,
    who: Who,
    at: Doors,
    start: From = None,
    until: Until = None,
    uses: Uses = 0,
    dual: Dual = False,
    schedule: Hours = None,
    generate: Annotated[bool, typer.Option(help="Make a random PIN and print it once.")] = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the PIN from standard input.")] = False,
    as_json: AsJson = False,
) -> None:
    """A PIN for one door, typed after the unit number. It is asked for, never an argument."""
    if generate and stdin:
        raise Refused("--generate makes the PIN and --stdin reads it: give one of them.")
    bounds = _Bounds(window(start, until), uses, dual, schedule)
    value = credentials.generate_pin() if generate else read_secret("PIN", stdin)
    credentials.check_pin(value)
    row = _add(context, messages.TYPE_PIN, value, who, at, bounds)
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
                "uses": one.uses,
                "dual": one.rule == messages.RULE_DUAL,
                "schedule": session.get_one(Schedule, one.schedule).name if one.schedule else None,
                "actor": one.actor,
            }
            for one in session.scalars(in_use)
        ]
    shown = rows if as_json else [_short(row) for row in rows]
    show_rows(shown, as_json, "There is no credential yet: altgate credential add.")


def _short(row: Row) -> Row:
    """A credential as a row of the list: all that it is bound to in one cell."""
    bounds = [f"{name} {row[name]}" for name in ("from", "until", "schedule") if row[name]]
    bounds += [f"uses {row['uses']} at each door"] if row["uses"] else []
    bounds += ["dual"] if row["dual"] else []
    kept = {name: row[name] for name in ("credential", "type", "resident", "doors")}
    return {**kept, "bounds": "\n".join(bounds), "actor": row["actor"]}


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
