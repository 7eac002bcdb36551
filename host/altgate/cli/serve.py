"""``altgate serve``."""

import logging
import signal
from typing import Annotated

import typer

from altgate.cli.output import site
from altgate.errors import Refused
from altgate.link.server import Server

Broker = Annotated[str, typer.Option(help="Where the broker listens, as host:port.")]


def address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``; raises Refused for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise Refused(f"--broker {text!r} is not an address: write host:port, such as broker.local:8883.")
    return host.strip("[]"), int(port)


def serve(context: typer.Context, broker: Broker) -> None:
    """Serve the doors until Ctrl-C: keep their events, bring them up to date, carry commands."""
    host, port = address(broker)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    server = Server(site(context), host, port)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    server.run()
