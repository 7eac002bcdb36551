"""Runs the demo until Ctrl-C."""

import logging
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from altgate.demo.building import Building
from altgate.demo.page import Page
from altgate.demo.stage import Stage
from altgate.errors import Refused


def run(folder: Path, port: int, faces: Path, told: Callable[[str], None]) -> None:
    """Serve the page on localhost; returns after Ctrl-C, with everything ended. Raises Refused."""
    if not 0 < port < 1 << 16:
        raise Refused(f"--port {port} is not a port: choose 1024 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Refused(f"Port {port} is in use: choose another with --port.") from None
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=folder / "host.log", level=logging.INFO)
    with Building(folder, told=told, origin=f"http://localhost:{port}") as building:
        page = Page(port, building.site)
        stage = Stage(building, page.tell, faces)
        stage.start()
        page.stage = stage
        told(f"Open http://localhost:{port} in a browser. Ctrl-C ends it.")
        settings = uvicorn.Config(page.app, "127.0.0.1", port, log_config=None, timeout_graceful_shutdown=2)
        try:
            uvicorn.Server(settings).run()
        except KeyboardInterrupt:
            pass  # uvicorn has ended by itself and passes the signal on
        finally:
            stage.stop()
    told("Everything has ended.")
