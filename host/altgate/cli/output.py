"""How results look: a table for people, JSON for scripts."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from altgate.errors import Refused
from altgate.protocol import messages
from altgate.registry.site import Site

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Row = dict[str, Any]

CLONABLE = "clonable"


def site(context: typer.Context) -> Site:
    """Open the data directory named by the global options."""
    opened = Site(context.obj["data"], context.obj["actor"])
    context.call_on_close(opened.close)
    return opened


def show_rows(rows: Sequence[Row], as_json: bool, empty: str) -> None:
    """A listing: one row a line; ``empty`` is the sentence for none."""
    if as_json:
        typer.echo(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    if not rows:
        typer.echo(empty)
        return
    table = Table()
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")  # nothing is cut off
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    Console().print(table)


def show_result(result: Row, as_json: bool, sentence: str) -> None:
    """The result of a change: a sentence, or the same as JSON."""
    typer.echo(json.dumps(result, ensure_ascii=False, indent=2) if as_json else sentence)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def type_text(kind: int) -> str:
    """A credential type's name; a UID-only card is marked as clonable wherever it is named."""
    names = {messages.TYPE_CARD: "card", messages.TYPE_PIN: "pin"}
    return names.get(kind, f"legacy-uid ({CLONABLE})")


def read_secret(prompt: str, from_stdin: bool, is_new: bool = True) -> str:
    """A secret by prompt without echo, or the first line of standard input; never an argument. A new one is
    asked for twice."""
    if from_stdin:
        return typer.get_text_stream("stdin").readline().rstrip("\r\n")
    if not typer.get_text_stream("stdin").isatty():
        raise Refused(
            f"There is no terminal to ask for the {prompt}: give it on standard input with --stdin."
        )
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=is_new))
