"""``altgate manager``."""

from typing import Annotated

import typer

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.clock import to_text
from altgate.registry import managers
from altgate.registry.models import Manager

app = typer.Typer(no_args_is_help=True, help="Managers, who answer for every change.")
Name = Annotated[str, typer.Argument(help="The manager's name, as given with --actor.")]


def _row(manager: Manager) -> Row:
    return {"name": manager.name, "created": to_text(manager.created_at), "actor": manager.actor}


@app.command("add")
def add(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Register a manager. With more than one, every change must say with --actor who makes it."""
    opened = site(context)
    with opened.write() as session:
        manager = managers.add(opened, session, name)
    said = f"{name} is a manager. From now on say who acts with --actor or ALTGATE_ACTOR."
    show_result(_row(manager), as_json, said)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All managers, and who registered them."""
    with site(context).read() as session:
        rows = [_row(manager) for manager in managers.present(session)]
    show_rows(rows, as_json, "There is no manager.")


@app.command("remove")
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Take a manager off the register. The last one stays; what they did stays in the audit."""
    opened = site(context)
    with opened.write() as session:
        managers.remove(opened, session, name)
    show_result({"name": name}, as_json, f"{name} is no manager any more.")
