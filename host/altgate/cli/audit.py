"""``altgate audit``."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from altgate.cli.output import AsJson, show_result, show_rows, site
from altgate.clock import to_text
from altgate.errors import CheckFailed, Refused
from altgate.ledger import review
from altgate.registry import doors
from altgate.reports import flash_image
from altgate.texts import LANGUAGES

app = typer.Typer(no_args_is_help=True, help="The record of what doors and managers did.")


@app.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest records.")] = 50,
    language: Annotated[str, typer.Option(help="en or zh-CN.")] = "en",
    as_json: AsJson = False,
) -> None:
    """The newest records."""
    if language not in LANGUAGES:
        raise Refused(f"There are no texts in {language!r}: use {' or '.join(LANGUAGES)}.")
    with site(context).read() as session:
        rows = review.latest(session, limit, language)
    if not as_json:
        rows = [
            {
                name: one[name]
                for name in ("number", "received", "door", "what", "method", "text", "subject", "actor")
            }
            for one in rows
        ]
    show_rows(rows, as_json, "There is no record yet.")


@app.command("verify")
def verify(context: typer.Context, as_json: AsJson = False) -> None:
    """Check every hash and every door's MAC; names the first bad record and exits with 1."""
    count, fault = review.verify(site(context))
    if fault:
        raise CheckFailed(fault)
    show_result({"records": count, "is_intact": True}, as_json, f"All {count} records are intact.")


@app.command("export")
def export(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(help="New file; standard output if left out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """All records as JSON lines, for anyone to check.

    A record's hash is SHA-256 of the hash before it (32 zero bytes before
    the first) and the canonical CBOR array of its other values in the order
    of the line; message and hash are bytes, written in hexadecimal.
    """
    if output is not None and output.exists() and not force:
        raise Refused(f"{output} exists: choose another name, or overwrite it with --force.")
    with site(context).read() as session:
        rows = review.export_rows(session)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Refused(f"{output} cannot be written ({error.strerror}): choose another name.") from None
    said = f"{len(rows)} records are in {output}."
    show_result({"records": len(rows), "output": str(output)}, as_json, said)


@app.command("flash")
def flash(
    context: typer.Context,
    image: Annotated[Path, typer.Argument(help="Raw image of a door's whole flash, as esptool reads it.")],
    door: Annotated[str | None, typer.Option(help="Its name, to check seals with the key kept here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a door's flash: events with their chain and seals, credentials, counters, what was erased.

    Names the first bad place and exits with 1. Without --door the chain is
    checked and the seals are not.
    """
    key = None
    if door is not None:
        building = site(context)
        with building.read() as session:
            key = doors.journal_key(building, doors.find(session, door))
        if key is None:
            raise Refused(f"No key of {door!r}'s journal is kept here: leave out --door, or provision it.")
    report = flash_image.read(image, key)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
    else:
        show_rows(_summary(report), False, "")
    if report.faults:
        more = f" ({len(report.faults) - 1} more)" if len(report.faults) > 1 else ""
        raise CheckFailed(report.faults[0] + more)


def _summary(report: flash_image.Report) -> list[dict[str, object]]:
    sealed = {None: "seals not checked, no --door", True: "every seal holds", False: "not every seal holds"}
    events = [int(event["sequence"]) for event in report.events]
    span = f"{events[0]} to {events[-1]}, " if events else ""
    rows: dict[str, str] = {
        "flash": f"{report.flash_mb} MB",
        "events": f"{len(events)}: {span}acknowledged up to {report.acknowledged}",
        "journal": f"{report.epochs} epochs; {sealed[report.is_sealed]}",
        "credentials": f"{len(report.credentials)}, state {report.version}, generation {report.generation}",
        "bound": _bound(report.credentials),
        "schedules": "\n".join(f"{one}: {'; '.join(hours)}" for one, hours in report.schedules.items()),
        "time zone": _zone(report.time_zone),
        "counters": str(len(report.counters)),
        "consents": f"{sum(report.consents.values())}, door PINs {report.door_pins}",
    }
    for label, counts in report.secrets.items():
        rows[label.replace("_", " ")] = ", ".join(f"{count} {name}" for name, count in counts.items())
    rows["skipped"] = ", ".join(f"{count} {name}" for name, count in report.skipped.items()) or "nothing"
    return [{"what": name, "found": found or "none"} for name, found in rows.items()]


def _bound(credentials: list[dict[str, Any]]) -> str:
    """How many credentials do not open alone, at any hour and any number of times."""
    counts = {
        "dual": sum(one["rule"] == "dual" for one in credentials),
        "to a schedule": sum(bool(one["schedule"]) for one in credentials),
        "to a number of uses": sum(bool(one["uses"]) for one in credentials),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _zone(changes: list[dict[str, Any]]) -> str:
    """The offset that a door began with, and when it changes for the first and the last time it knows of."""
    if not changes:
        return ""
    known = f", known to change until {to_text(changes[-1]['from'])}" if changes[-1]["from"] else ""
    return f"{changes[0]['offset']} at first{known}"
