"""``altgate notice``."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from altgate.cli.output import AsJson, Row, show_result, show_rows, site
from altgate.clock import to_text
from altgate.consent import form, notices
from altgate.errors import Refused
from altgate.registry.models import Building, Notice
from altgate.texts import LANGUAGES

app = typer.Typer(no_args_is_help=True, help="The notice on face that residents are given first.")
Version = Annotated[int | None, typer.Option("--version", help="Which one; the one in force if left out.")]


def _row(notice: Notice) -> Row:
    return {
        "version": notice.version,
        "code": notices.code(notice),
        "published": to_text(notice.published_at),
        "sha256": notice.sha256.hex(),
        "actor": notice.actor,
    }


@app.command("template")
def template(as_json: AsJson = False) -> None:
    """Print a notice to fill in. As it stands it cannot be published."""
    text = notices.template()
    if as_json:
        show_result({"template": text}, True, "")
    else:
        typer.echo(text, nl=False)


@app.command("publish")
def publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The filled-in template.")],
    as_json: AsJson = False,
) -> None:
    """Publish a notice. Face rests for everybody who said yes to an earlier one, until they do again."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}): name the filled-in template.") from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8: save it in that encoding.") from None
    opened = site(context)
    with opened.write() as session:
        notice = notices.publish(opened, session, text)
    row = _row(notice)
    said = f"Version {notice.version} of the notice is published; its code is {row['code']}."
    show_result(row, as_json, said + " Next: altgate notice print --out FILE.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All notices; the last one is in force."""
    with site(context).read() as session:
        rows = [_row(notice) for notice in notices.published(session)]
    show_rows(rows, as_json, "No notice was published yet: altgate notice template.")


@app.command("show")
def show(
    context: typer.Context,
    version: Version = None,
    language: Annotated[str, typer.Option(help="en or zh-CN.")] = "en",
    as_json: AsJson = False,
) -> None:
    """One notice in full; with --json the exact text whose SHA-256 names it, as content."""
    if language not in LANGUAGES:
        raise Refused(f"There are no texts in {language!r}: use {' or '.join(LANGUAGES)}.")
    with site(context).read() as session:
        notice = notices.find(session, version)
    if as_json:
        show_result(_row(notice) | {"content": notice.content}, True, "")
        return
    names = notices.texts()["form"]
    told = [(names["model"][language], " ".join(notices.model(notice).values()))]
    told += [(title, text) for _, title, text in notices.sections(notice, language)]
    head = ", ".join(f"{name} {value}" for name, value in _row(notice).items())
    typer.echo("\n\n".join([head, *(f"{title}\n{text}" for title, text in told)]))


@app.command("print")
def print_(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="New HTML file, to be printed from a browser.")],
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Write a notice as one HTML file in large type, with its code, to be read, signed and kept."""
    with site(context).read() as session:
        notice = notices.find(session, version)
        building = session.scalars(select(Building)).one().name
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(form.html(building, notice))
    except OSError as error:
        raise Refused(
            f"{out} cannot be written as a new file ({error.strerror}): choose another name."
        ) from None
    row = _row(notice) | {"out": str(out)}
    show_result(row, as_json, f"Version {notice.version} of the notice is in {out}.")
