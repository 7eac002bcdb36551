"""``altgate resident``."""

from typing import Annotated

import typer

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.registry import residents
from altgate.registry.models import Resident

app = typer.Typer(no_args_is_help=True, help="Residents of the building.")


def _row(resident: Resident) -> Row:
    return {"pseudonym": resident.pseudonym, "name": resident.name, "unit": resident.unit}


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
    """All residents."""
    with site(context).read() as session:
        rows = [_row(resident) for resident in residents.present(session)]
    show_rows(rows, as_json, "There is no resident yet: altgate resident add.")


@app.command("remove")
def remove(
    context: typer.Context,
    who: Annotated[str, typer.Argument(help="Name or pseudonym.")],
    as_json: AsJson = False,
) -> None:
    """Revoke all that a resident holds, and take them off the register."""
    opened = site(context)
    with opened.write() as session:
        resident = residents.find(session, who)
        residents.remove(opened, session, resident)
    show_result(
        _row(resident), as_json, f"{resident.name} is removed; their credentials and passes are revoked."
    )
