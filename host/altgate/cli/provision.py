"""``altgate provision``."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from altgate.cli.output import AsJson, read_secret, show_result, site
from altgate.cli.serve import Broker, address
from altgate.provision.payload import Network, build, mark_done
from altgate.provision.port import SerialPort
from altgate.provision.session import Session
from altgate.registry import doors


def provision(
    context: typer.Context,
    port: Annotated[str, typer.Argument(help="Serial port, such as COM3 or /dev/ttyACM0.")],
    door: Annotated[str, typer.Option(help="The door's id or name.")],
    broker: Broker,
    ssid: Annotated[str, typer.Option(help="Wi-Fi network; left out where the board needs none.")] = "",
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the Wi-Fi password from standard input.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give a bare board its identity, keys, broker and certificates."""
    host, number = address(broker)
    opened = site(context)
    opened.check_actor()
    with opened.read() as session:
        found = doors.find(session, door)
    password = read_secret("Wi-Fi password", stdin) if ssid else ""
    with opened.read() as session:
        given = build(opened, session, found, Network(host, number, ssid, password))
    line = SerialPort(port)
    context.call_on_close(line.close)
    exchange = Session(line)
    board = exchange.hello()
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("Provisioning", total=len(given.payload))
        exchange.send(given.payload, lambda done: progress.update(task, completed=done))
    exchange.commit(doors.key(opened, found), board.nonce)
    with opened.write() as session:
        mark_done(opened, session, doors.find(session, door), given)
    row = {
        "door_id": found.door_id,
        "hardware_id": board.hardware_id,
        "firmware": board.firmware,
        "build": board.build,
    }
    show_result(
        row,
        as_json,
        f"Door {found.name} is provisioned on {board.hardware_id}, firmware {board.firmware} "
        f"({board.build}).",
    )
