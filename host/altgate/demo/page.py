"""The demo's page on localhost: a drawing of the door unit, moved by the real firmware's pins."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from altgate.demo.stage import Stage
from altgate.errors import AltgateError
from altgate.registry.site import Site
from altgate.texts import demo_texts, words
from altgate.web.app import mounted

HOSTS = ["localhost", "127.0.0.1"]
BACKLOG = 500
Message = dict[str, Any]


class Page:
    """Joins browsers to a stage. ``tell`` may be called from any thread."""

    def __init__(self, port: int, site: Site) -> None:
        self._origins = {f"http://{host}:{port}" for host in HOSTS}
        self._queues: set[asyncio.Queue[Message]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stage: Stage | None = None
        folder = Path(str(files("altgate.demo") / "page"))
        self.app = Starlette(
            routes=[
                WebSocketRoute("/live", self._live),
                Route("/texts.json", _texts),
                *mounted(site, False),
                Mount("/", StaticFiles(directory=folder, html=True)),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
            lifespan=self._lifespan,
        )

    def tell(self, message: Message) -> None:
        """Send a message to every open page."""
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # the loop ended in this moment
                self._loop.call_soon_threadsafe(self._spread, message)

    def _spread(self, message: Message) -> None:
        for queue in self._queues:
            # A page that does not read loses what is old; it gets the whole state when it opens again.
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        yield
        self._loop = None

    async def _live(self, socket: WebSocket) -> None:
        # A page of another site must not reach through this browser to the demo's door.
        if self.stage is None or socket.headers.get("origin") not in self._origins:
            await socket.close(1008)
            return
        await socket.accept()
        queue: asyncio.Queue[Message] = asyncio.Queue(BACKLOG)
        queue.put_nowait(await asyncio.to_thread(self.stage.whole))
        self._queues.add(queue)
        sender = asyncio.create_task(_send(socket, queue))
        try:
            while True:
                await self._act(await socket.receive_text(), queue)
        except WebSocketDisconnect:
            return
        finally:
            self._queues.discard(queue)
            sender.cancel()

    async def _act(self, text: str, queue: "asyncio.Queue[Message]") -> None:
        assert self.stage is not None
        try:
            action = json.loads(text)
            if isinstance(action, dict):
                await asyncio.to_thread(self.stage.do, action)
        except (AltgateError, TimeoutError, ValueError) as error:
            queue.put_nowait({"type": "refused", "text": str(error)})


def _texts(_request: Request) -> JSONResponse:
    return JSONResponse({**demo_texts(), **words()})


async def _send(socket: WebSocket, queue: "asyncio.Queue[Message]") -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.send_text(json.dumps(await queue.get(), ensure_ascii=False))
