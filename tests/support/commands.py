"""``altgate`` in this process, for one building."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner, Result

from altgate.cli import app
from altgate.cli.errors import exit_code
from altgate.errors import AltgateError

Run = Callable[..., Result]


def commands(data: Path) -> Run:
    """``run(*words, code=0)``: a command on this data directory, which must end with that exit code; with
    ``code`` None it may end with any."""

    def run(*words: str, code: int | None = 0) -> Result:
        done = CliRunner().invoke(app, ["--data", str(data), *words])
        found = exit_code(done.exception) if isinstance(done.exception, AltgateError) else done.exit_code
        assert code in (None, found), (done.output, done.exception)
        return done

    return run
