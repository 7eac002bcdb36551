"""The command ``altgate``."""

import sys
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from altgate.cli import (
    audit,
    broker,
    check,
    consents,
    credentials,
    demo,
    doors,
    flash,
    install,
    label,
    maintenance,
    managers,
    notices,
    passes,
    preflight,
    provision,
    release,
    residents,
    schedules,
    serve,
    services,
    setup,
    tickets,
)
from altgate.cli.errors import exit_code, table_text
from altgate.errors import AltgateError

app = typer.Typer(
    name="altgate",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=table_text(),
    help="Doors, residents, credentials and their audit for one building.",
)
app.command("init")(setup.init)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("tour")(demo.tour)
app.command("preflight")(preflight.preflight)
app.command("flash")(flash.flash)
app.command("install")(install.install)
app.command("provision")(provision.provision)
app.command("check")(check.check)
app.command("label")(label.label)
app.command("update")(maintenance.update)
app.command("window")(maintenance.window)
app.command("reset")(maintenance.reset)
app.add_typer(broker.app, name="broker")
app.add_typer(release.app, name="release")
app.add_typer(doors.app, name="door")
doors.app.command("service")(services.issue)
app.add_typer(tickets.app, name="ticket")
app.add_typer(managers.app, name="manager")
app.add_typer(residents.app, name="resident")
app.add_typer(credentials.app, name="credential")
app.add_typer(schedules.app, name="schedule")
app.add_typer(passes.app, name="pass")
app.add_typer(notices.app, name="notice")
app.add_typer(consents.app, name="consent")
app.add_typer(audit.app, name="audit")


@app.callback()
def _options(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option(envvar="ALTGATE_DATA", help="The building's data directory.")
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(envvar="ALTGATE_ACTOR", help="The manager who acts; needed where there are several."),
    ] = None,
) -> None:
    context.obj = {"data": data or Path(platformdirs.user_data_dir("altgate")), "actor": actor}


def main() -> None:
    """Run the command; a user's mistake ends in one sentence and a documented exit code."""
    try:
        app()
    except AltgateError as error:
        typer.echo(str(error), err=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(130)
