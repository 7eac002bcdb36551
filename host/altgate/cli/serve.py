"""``altgate serve``."""

import json
import logging
import signal
from typing import Annotated

import typer

from altgate.cli.output import site
from altgate.clock import to_text
from altgate.errors import Refused
from altgate.link.server import Server
from altgate.registry import revocation

Broker = Annotated[str, typer.Option(help="Where the broker listens, as host:port.")]


def address(text: str, option: str = "--broker", example: str = "broker.local:8883") -> tuple[str, int]:
    """Host and port of ``host:port``; raises Refused for anything else, naming the option."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise Refused(f"{option} {text!r} is not an address: write host:port, such as {example}.")
    return host.strip("[]"), int(port)


class _JsonLines(logging.Formatter):
    """A log record as one JSON object on a line."""

    def format(self, record: logging.LogRecord) -> str:
        row = {
            "time": to_text(int(record.created)),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            row["trace"] = self.formatException(record.exc_info)
        return json.dumps(row, ensure_ascii=False)


def _log_to_stderr(as_json: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(
        _JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)


def serve(
    context: typer.Context,
    broker: Broker,
    page: Annotated[
        str | None,
        typer.Option(
            help="Serve the residents' page here too, as host:port; for an https origin behind a proxy."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Log JSON lines for scripts.")] = False,
) -> None:
    """Serve the doors until Ctrl-C: keep their events, bring them up to date, carry commands.

    The log goes to standard error. At its start this writes the list of
    revoked certificates anew. At its start and once a day it gives doors the
    coming changes of the time zone, where they would run out of them within
    a year.
    """
    host, port = address(broker)
    _log_to_stderr(as_json)
    opened = site(context)
    revocation.refresh(opened)
    server = Server(opened, host, port)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    if page is None:
        server.run()
        return
    # Loaded where it is wanted: every other command starts the quicker for it.
    from altgate.web.serve import PageServer

    pages = PageServer(opened, *address(page, "--page", "127.0.0.1:8080"))
    pages.start()
    try:
        server.run()
    finally:
        pages.stop()
