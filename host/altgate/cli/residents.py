"""``altgate resident``."""

from typing import Annotated

import typer
from sqlalchemy import select

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.consent import links
from altgate.registry import residents
from altgate.registry.models import Building, Resident

app = typer.Typer(no_args_is_help=True, help="Residents of the building.")


def _row(resident: Resident) -> Row:
    return {
        "pseudonym": resident.pseudonym,
        "name": resident.name,
        "unit": resident.unit,
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
    show_result(_row(resident), as_json, f"{name} in unit {unit} is resident {resident.pseudonym}.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All residents. The personal number names a person at the keypad; it opens nothing."""
    with site(context).read() as session:
        rows = [_row(resident) for resident in residents.present(session)]
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
        residents.remove(opened, session, resident)
    show_result(
        _row(resident),
        as_json,
        f"{resident.name} is removed; their credentials and passes are revoked, their consents ended.",
    )
