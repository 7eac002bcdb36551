"""What the steps of an installation share: port, board file, and how they show how far they are.

With ``--json`` a line of JSON for each event on standard output: ``progress`` (step, done, total: bytes),
``note`` (text), and at the end ``result``, or ``failed`` (cause, says, do; a row of provision/causes.py).
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from altgate.errors import AltgateError
from altgate.provision import port
from altgate.provision.causes import BoardRefused, Named, trouble

# A step is told of again when this share of it is done.
_SHARE = 0.05

PortName = Annotated[
    str | None,
    typer.Argument(help="Serial port, such as COM3 or /dev/ttyACM0; the one board's if left out."),
]
BoardPath = Annotated[
    Path | None, typer.Option("--board", help="The board's file; the reference board's if left out.")
]
Micropython = Annotated[
    Path | None, typer.Option("--micropython", help="Stock MicroPython image for the board, a .bin file.")
]
Sha256 = Annotated[
    str | None, typer.Option("--sha256", help="What the image's publisher gives as its SHA-256.")
]
Baud = Annotated[int, typer.Option("--baud", min=9600, help="Rate to try first.")]


class Shown:
    """A provision.esp.Tell: a bar and sentences for a person, lines of JSON for a script."""

    def __init__(self, as_json: bool) -> None:
        self._as_json, self._told, self._share = as_json, "", 0.0
        console = Console(file=sys.stderr)
        self._bar = Progress(console=console, transient=True, disable=as_json or not console.is_terminal)
        self._task: TaskID | None = None

    def progress(self, step: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes of a step."""
        if not self._as_json:
            self._draw(step, done, total)
            return
        share = done / total
        if step != self._told or share >= min(self._share + _SHARE, 1):
            self._told, self._share = step, share
            self.event("progress", step=step, done=done, total=total)

    def note(self, text: str) -> None:
        """A sentence."""
        if self._as_json:
            self.event("note", text=text)
        else:
            typer.echo(text, err=True)

    def event(self, event: str, **facts: Any) -> None:
        """One line of JSON."""
        typer.echo(json.dumps({"event": event, **facts}, ensure_ascii=False))

    def close_bar(self) -> None:
        """Before something is asked or printed."""
        if self._task is not None:
            self._bar.stop()
            self._bar.remove_task(self._task)
            self._task = None

    def _draw(self, step: str, done: int, total: int) -> None:
        if self._task is None or step != self._told:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._told, self._task = step, self._bar.add_task(step, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done)


@contextlib.contextmanager
def shown(as_json: bool) -> Iterator[Shown]:
    """Show one step; what ends it is told to a script, too, before it goes on to be the exit code."""
    made = Shown(as_json)
    try:
        with _tools():
            yield made
    except AltgateError as error:
        if as_json:
            named = error if isinstance(error, Named) else None
            cause, says = (named.cause, named.says) if named else (None, str(error))
            made.event("failed", cause=cause, says=says, do=named.do if named else "")
        raise
    finally:
        made.close_bar()


@contextlib.contextmanager
def _tools() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise trouble("no_tools", error=f"no module {error.name}") from None


def chosen(name: str | None, as_json: bool) -> str:
    """The port; where there are several, a person at a terminal says which."""
    try:
        return port.choose(name)
    except BoardRefused as error:
        if error.cause != "several_ports" or as_json or not is_terminal():
            raise
    boards = [one for one in port.found() if one.adapter]
    for number, one in enumerate(boards, 1):
        typer.echo(f"{number}: {one}", err=True)
    number = int(typer.prompt("Which board", value_proc=_number(len(boards)), err=True))
    return boards[number - 1].name


def _number(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise typer.BadParameter(f"give a number from 1 to {most}")
        return int(text)

    return number


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return typer.get_text_stream("stdin").isatty()
