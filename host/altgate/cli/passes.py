"""``altgate pass``."""

from pathlib import Path
from typing import Annotated

import segno
import typer
from sqlalchemy import select

from altgate.cli.output import AsJson, show_result, show_rows, site
from altgate.clock import to_text, window
from altgate.errors import Refused
from altgate.registry import doors, passes, residents
from altgate.registry.models import Door, Pass

app = typer.Typer(no_args_is_help=True, help="QR passes for visitors.")


@app.command("issue")
def issue(
    context: typer.Context,
    at: Annotated[list[str], typer.Option("--door", help="Door id or name; up to 8 times.")],
    until: Annotated[str, typer.Option(help="End, such as 2027-01-31T18:00.")],
    start: Annotated[str | None, typer.Option("--from", help="First moment; now if left out.")] = None,
    uses: Annotated[int, typer.Option(help="How often each door accepts it; 0 for any number.")] = 1,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    who: Annotated[str | None, typer.Option("--resident", help="Host of the visitor.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the QR code to this new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Issue a pass. Its text is shown now and never again."""
    validity = window(start, until)
    if png is not None and (png.exists() or not png.parent.is_dir()):
        raise Refused(f"{png} cannot be written as a new file: choose another name.")
    opened = site(context)
    with opened.write() as session:
        chosen = [doors.find(session, name) for name in at]
        resident = residents.find(session, who) if who else None
        issued, text = passes.issue(opened, session, chosen, validity, uses, note, resident)
    code = segno.make(text, micro=False, error="m")
    if png is not None:
        code.save(str(png), kind="png", scale=8)
    row = {
        "pass": issued.pass_id.hex(),
        "text": text,
        "doors": [door.name for door in chosen],
        "uses": uses,
        "from": to_text(validity[0]),
        "until": to_text(validity[1]),
        "png": str(png) if png else None,
    }
    show_result(row, as_json, f"Pass {row['pass']}\n{text}")
    if not as_json:
        code.terminal(compact=True)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All passes that were not revoked."""
    with site(context).read() as session:
        in_use = select(Pass).where(Pass.revoked_at.is_(None)).order_by(Pass.id)
        rows = [
            {
                "pass": one.pass_id.hex(),
                "note": one.note,
                "uses": one.uses,
                "doors": [session.get_one(Door, link.door).name for link in one.doors],
                "from": to_text(one.not_before),
                "until": to_text(one.not_after),
                "actor": one.actor,
            }
            for one in session.scalars(in_use)
        ]
    show_rows(rows, as_json, "There is no pass yet: altgate pass issue.")


@app.command("revoke")
def revoke(
    context: typer.Context,
    pass_id: Annotated[str, typer.Argument(help="From the list.")],
    as_json: AsJson = False,
) -> None:
    """Have every door of a pass refuse it."""
    opened = site(context)
    with opened.write() as session:
        found = passes.find(session, pass_id)
        passes.revoke(opened, session, found)
    show_result({"pass": found.pass_id.hex()}, as_json, f"Pass {found.pass_id.hex()} is revoked.")
