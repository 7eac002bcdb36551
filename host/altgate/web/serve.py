"""Serves the resident's page beside ``altgate serve``, in a thread of its own."""

import socket
import threading

import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Route

from altgate.errors import Refused
from altgate.registry.models import Building
from altgate.registry.site import Site
from altgate.web.app import home, mounted

STOP_S = 2


class PageServer:
    """Listens from the moment it is made; ``start`` and ``stop`` once each. It writes no log of requests."""

    def __init__(self, site: Site, host: str, port: int) -> None:
        """Raises Refused where nothing can listen there. ``port`` is the one that was chosen for port 0."""
        with site.read() as session:
            origin = session.scalars(select(Building)).one().origin
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._socket = socket.create_server((host, port), family=family)
        except OSError as error:
            raise Refused(
                f"The page cannot listen at {host}:{port} ({error.strerror}): choose another with --page."
            ) from None
        self.port = int(self._socket.getsockname()[1])
        secure = origin.startswith("https://")
        app = Starlette(routes=[Route("/", home), *mounted(site, secure)])
        settings = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, proxy_headers=False, ws="none",
            lifespan="off", timeout_graceful_shutdown=STOP_S,
        )  # fmt: skip
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="page", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering; returns when that is done."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
