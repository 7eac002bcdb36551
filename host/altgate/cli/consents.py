"""``altgate consent``."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.clock import to_text
from altgate.consent import notices, records, states
from altgate.errors import Refused
from altgate.registry import doors, residents
from altgate.registry.models import Consent, Door, Resident

app = typer.Typer(no_args_is_help=True, help="Who has chosen face at which door, and taking it back.")


def _row(session: Session, consent: Consent) -> Row:
    notice = notices.by_hash(session, consent.notice)
    return {
        "consent": consent.id,
        "resident": session.get_one(Resident, consent.resident).name,
        "door": session.get_one(Door, consent.door).name,
        "state": states.NAMES[consent.state],
        "notice": notice.version if notice else None,
        "given": to_text(consent.given_at),
        "enrolled": to_text(consent.enrolled_at),
        "ended": to_text(consent.ended_at),
        "ended_by": consent.ended_by,
        "erased": to_text(consent.erased_at),
        "is_pending": states.is_pending(consent),
    }


@app.command("list")
def list_(
    context: typer.Context,
    who: Annotated[str | None, typer.Option("--resident", help="Only theirs: name or pseudonym.")] = None,
    at: Annotated[str | None, typer.Option("--door", help="Only at this door: id or name.")] = None,
    as_json: AsJson = False,
) -> None:
    """All consents, ended ones too. Erased is when the door said that it has erased the template."""
    with site(context).read() as session:
        resident = residents.find(session, who) if who else None
        door = doors.find(session, at) if at else None
        rows = [_row(session, one) for one in records.listed(session, resident, door)]
    show_rows(rows, as_json, "There is no consent: only a resident can begin one, at a door.")


@app.command("show")
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Its number, from the list.")],
    as_json: AsJson = False,
) -> None:
    """One consent in full: the statement that was made, and what became of it."""
    with site(context).read() as session:
        consent = records.find(session, number)
        row = _row(session, consent) | {
            "dpv_state": states.DPV_NAMES[consent.state],
            "board_lost": to_text(consent.lost_at),
            "sha256": consent.consent.hex(),
            "pseudonym": consent.resident,
            "credential": consent.credential,
            "notice_sha256": consent.notice.hex(),
            "boot": consent.boot,
            "time": to_text(consent.time),
            "time_quality": consent.time_quality,
            "nonce": consent.nonce.hex(),
        }
    if as_json:
        show_result(row, True, "")
        return
    show_rows([{"field": key.replace("_", " "), "value": value} for key, value in row.items()], False, "")


@app.command("withdraw")
def withdraw(
    context: typer.Context,
    who: Annotated[str, typer.Argument(help="Name or pseudonym.")],
    at: Annotated[str | None, typer.Option("--door", help="Only at this door: id or name.")] = None,
    as_json: AsJson = False,
) -> None:
    """End face for a resident at all doors, or at one; each door erases when it is reached."""
    opened = site(context)
    with opened.write() as session:
        resident = residents.find(session, who)
        door = doors.find(session, at) if at else None
        ended = records.end_all(opened, session, resident, records.manager(opened), door)
        waiting = [one for one in records.pending(session, resident) if not door or one.door == door.id]
        names = sorted({session.get_one(Door, one.door).name for one in waiting})
        if not ended and not waiting:
            raise Refused(f"{resident.name} has no consent in force there: see altgate consent list.")
    row = {"resident": resident.pseudonym, "ended": [one.id for one in ended], "pending": names}
    show_result(row, as_json, _sentence(resident.name, len(ended), names))


def _sentence(name: str, ended: int, waiting: list[str]) -> str:
    did = f"{ended} consent{'s' if ended != 1 else ''} of {name} ended" if ended else f"{name} had none left"
    at = f"{len(waiting)} door{'s' if len(waiting) != 1 else ''}"
    return f"{did}; pending at {at}: {', '.join(waiting)}. See altgate consent list for what was erased."
