"""``altgate check``."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from altgate.cli.lines import DoorName, ServiceFile, opened
from altgate.cli.output import AsJson, Row, show_rows
from altgate.errors import CheckFailed, ProvisionFailed, Refused
from altgate.keys import fingerprints
from altgate.protocol import service
from altgate.provision import check as checks
from altgate.provision.check import FAILED, PARTS, Check, Result
from altgate.reports import check as reports
from altgate.texts import check_texts


class Person:
    """A provision.check.Watcher on a terminal; ``is_there`` is False where nobody is to be asked."""

    def __init__(self, is_there: bool) -> None:
        self._is_there = is_there

    def told(self, text: str) -> None:
        """On standard error, so that a script's output stays its own."""
        typer.echo(text, err=True)

    def confirms(self, question: str) -> bool | None:
        """Yes is the answer of whoever just presses Enter."""
        return typer.confirm(question, default=True, err=True) if self._is_there else None


def check(
    context: typer.Context,
    port: Annotated[str, typer.Argument(help="Serial port, such as COM3 or /dev/ttyACM0.")],
    ticket: ServiceFile = None,
    door: DoorName = None,
    skip: Annotated[
        str, typer.Option(help=f"Parts that the door has not, joined by commas: {', '.join(PARTS)}.")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nobody: what must be watched passes by the board's own word.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="New HTML file, to be printed and signed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Try every part of a door at its cable, and write a report to sign.

    The door goes on meanwhile. With the scope strike it opens once, while you
    stand before it; the door records that.
    """
    left_out = frozenset(word.strip() for word in skip.split(",") if word.strip())
    if unknown := left_out - set(PARTS):
        raise Refused(f"There is no part {min(unknown)!r}: --skip takes {', '.join(PARTS)}.")
    if report is not None and (report.exists() or not report.parent.is_dir()):
        raise Refused(f"{report} cannot be written as something new: choose another name.")
    if not yes and not sys.stdin.isatty():
        raise Refused("There is no terminal to ask whoever watches: run it from one, or give --yes.")
    scope = service.SCOPE_CHECK | service.SCOPE_STRIKE
    line, access = opened(context, port, ticket, door, scope)
    tried = Check(line, access, Person(not yes), left_out)
    about, results = tried.about(), []
    for result in tried.run():
        results.append(result)
        typer.echo(f"{result.part.replace('_', ' ')}: {result.state}. {result.note}".rstrip(". "), err=True)
    key = fingerprints.of_certificate(line.certificate())
    with suppress(ProvisionFailed):
        # All is known; a line that breaks now closes by itself.
        line.leave()
    if report is not None:
        made = reports.Report(access, about, key, checks.time_text(), results)
        try:
            report.write_text(reports.html(made), encoding="utf-8")
        except OSError as error:
            raise Refused(f"{report} cannot be written ({error.strerror}): choose another name.") from None
    show_rows([_row(result) for result in results], as_json, "")
    failed = [result.part.replace("_", " ") for result in results if result.state == FAILED]
    if failed:
        raise CheckFailed(f"{access.door_name}: failed: {', '.join(failed)}. Do what is said there; repeat.")


def _row(result: Result) -> Row:
    texts = check_texts()
    remedy = texts["remedy"][result.part]["en"] if result.state == FAILED else ""
    return {
        "part": result.part, "what": texts["part"][result.part]["en"], "state": result.state,
        "found": result.note, "remedy": remedy,
    }  # fmt: skip
