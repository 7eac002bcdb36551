"""``altgate schedule``."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.clock import now_s, to_text
from altgate.registry import schedules, time_zone
from altgate.registry.models import Schedule

app = typer.Typer(no_args_is_help=True, help="Hours that credentials can be bound to, at all doors.")
Name = Annotated[str, typer.Argument(help="The schedule's name.")]
Written = Annotated[
    list[str],
    typer.Argument(
        help="Each as days and times: 'mon-fri 07:00-19:00', 'sat,sun 22:00-06:00', 'daily 00:00-24:00'."
    ),
]


def _row(session: Session, schedule: Schedule) -> Row:
    return {
        "schedule": schedule.name,
        "number": schedule.number,
        "periods": schedule.periods.splitlines(),
        "credentials": schedules.users(session, schedule),
        "actor": schedule.actor,
    }


def _hours(session: Session, schedule: Schedule) -> str:
    return f"{'; '.join(schedule.periods.splitlines())}, in the time of {schedules.zone(session)}"


@app.command("add")
def add(context: typer.Context, name: Name, periods: Written, as_json: AsJson = False) -> None:
    """Make a schedule. Times are local ones of the building; a period may go past midnight."""
    opened = site(context)
    with opened.write() as session:
        made = schedules.add(opened, session, name, periods)
        row, hours = _row(session, made), _hours(session, made)
    show_result(
        row, as_json, f"Schedule {made.name} is {hours}. Next: altgate credential add with --schedule."
    )


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All schedules, and how many credentials are bound to each."""
    with site(context).read() as session:
        rows = [_row(session, one) for one in schedules.present(session)]
    show_rows(rows, as_json, "There is no schedule yet: altgate schedule add.")


@app.command("set")
def set_(context: typer.Context, name: Name, periods: Written, as_json: AsJson = False) -> None:
    """Give a schedule other periods, in place of all it had."""
    opened = site(context)
    with opened.write() as session:
        found = schedules.find(session, name)
        schedules.change(opened, session, found, periods)
        row, hours = _row(session, found), _hours(session, found)
    said = f"Schedule {found.name} is now {hours}; each door applies it when it is reached."
    show_result(row, as_json, said)


@app.command("remove")
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Remove a schedule that no credential is bound to."""
    opened = site(context)
    with opened.write() as session:
        found = schedules.find(session, name)
        row = _row(session, found)
        schedules.remove(opened, session, found)
    show_result(row, as_json, f"Schedule {found.name} is removed.")


@app.command("zone")
def zone(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="IANA name of another one, such as Europe/Berlin.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the time zone that schedules are in, or change it."""
    opened = site(context)
    if name is None:
        with opened.read() as session:
            name = schedules.zone(session)
        is_changed = False
    else:
        with opened.write() as session:
            schedules.change_zone(opened, session, name)
        is_changed = True
    (_, now), *coming = time_zone.table(name, now_s())
    changes = [{"from": to_text(at), "offset": time_zone.offset_text(minutes)} for at, minutes in coming]
    row = {"time_zone": name, "offset": time_zone.offset_text(now), "changes": changes}
    said = f"Schedules are in the time of {name}, now {row['offset']}"
    if changes:
        said += f", from {changes[0]['from']} on {changes[0]['offset']}"
    later = "; each door applies it when it is reached." if is_changed else "."
    show_result(row, as_json, said + later)
