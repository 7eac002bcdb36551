"""``altgate broker``."""

import getpass
import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from altgate.cli.output import AsJson, show_result, site
from altgate.errors import Refused
from altgate.link import mosquitto

app = typer.Typer(no_args_is_help=True, help="The broker that doors and host meet at.")


@app.command("init")
def init(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option(help="Where to write, and where the broker keeps what it holds.")
    ] = None,
    listen: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every one.")] = "0.0.0.0",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8883,
    user: Annotated[
        str | None, typer.Option(help="Whom the broker runs as; it must be able to read the building's keys.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over files that say otherwise.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write mosquitto's settings and access list for this building.

    Clients need a certificate of the building, and each door reaches its
    own topics only. Certificates of removed doors are refused. Started
    again with the same options this changes nothing.
    """
    if not 0 < port < 1 << 16:
        raise Refused(f"--port {port} is no port: choose 1 to 65535.")
    try:
        ipaddress.ip_address(listen)
    except ValueError:
        raise Refused(f"--listen {listen!r} is no address of this machine: write one, or 0.0.0.0.") from None
    opened = site(context)
    data = opened.data.resolve()
    place = (folder or data / mosquitto.FOLDER).resolve()
    listener = mosquitto.Listener(listen, port, user or getpass.getuser())
    conf, acl = mosquitto.write(data, place, listener, replace)
    show_result(
        {"settings": str(conf), "access": str(acl), "listen": listen, "port": port, "user": listener.user},
        as_json,
        f"Start the broker with: mosquitto -c {conf}. Then: altgate serve --broker NAME:{port}, where NAME "
        "is in the broker's certificate.",
    )
