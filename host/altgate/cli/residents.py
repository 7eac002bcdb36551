"""``altgate resident``."""

from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.consent import links
from altgate.registry import households, residents
from altgate.registry.models import Building, Resident

app = typer.Typer(no_args_is_help=True, help="Residents of the building.")


def _row(session: Session, resident: Resident) -> Row:
    return {
        "pseudonym": resident.pseudonym,
        "name": resident.name,
        "unit": resident.unit,
        "household": households.of(session, resident).number,
        "personal_number": resident.personal_number,
    }


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The resident's name, known to the host only.")],
    unit: Annotated[str, typer.Option(help="Unit number, typed before the PIN: 1 to 5 digits.")],
    as_json: AsJson = False,
) -> None:
    """Register a resident."""
    opened = site(context)
    with opened.write() as session:
        resident = residents.add(opened, session, name, unit)
        row = _row(session, resident)
    show_result(row, as_json, f"{name} in unit {unit} is resident {resident.pseudonym}.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All residents. The personal number names a person at the keypad; it opens nothing.

    The household is what doors have in place of the unit: one number for
    all residents of it.
    """
    with site(context).read() as session:
        rows = [_row(session, resident) for resident in residents.present(session)]
    show_rows(rows, as_json, "There is no resident yet: altgate resident add.")


@app.command("link")
def link(
    context: typer.Context,
    who: Annotated[str, typer.Argument(help="Name or pseudonym.")],
    hours: Annotated[int, typer.Option(help=f"Until it expires, 1 to {links.HOURS_MAX}.")] = links.HOURS,
    as_json: AsJson = False,
) -> None:
    """Make a link to a resident's own page. It works once, is shown now and never again.

    Unused links of that resident stop working. Whoever has the link can open
    the page, so give it to the resident alone.
    """
    opened = site(context)
    with opened.write() as session:
        resident = residents.find(session, who)
        token = links.make(opened, session, resident, hours)
        origin = session.scalars(select(Building)).one().origin
    url = f"{origin}/me/#{token}"
    row = {"pseudonym": resident.pseudonym, "link": url, "hours": hours}
    show_result(row, as_json, f"For {resident.name}, once, within {hours} h:\n{url}")


@app.command("remove")
def remove(
    context: typer.Context,
    who: Annotated[str, typer.Argument(help="Name or pseudonym.")],
    as_json: AsJson = False,
) -> None:
    """End all that a resident holds and consented to, and take them off the register."""
    opened = site(context)
    with opened.write() as session:
        resident = residents.find(session, who)
        row = _row(session, resident)
        residents.remove(opened, session, resident)
    show_result(
        row,
        as_json,
        f"{resident.name} is removed; their credentials and passes are revoked, their consents ended.",
    )
