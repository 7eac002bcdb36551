"""What holds for every answer and request of the resident's page: headers, origin, and small JSON bodies."""

import json
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 1024
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
NO_STORE = "no-store"
REVALIDATE = "no-cache"  # a file of the page may be kept, and is asked for again each time


class Headers:
    """Puts the headers on every answer; an answer that says nothing about caching is not to be stored."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", NO_STORE)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def check_origin(request: Request, secure: bool) -> None:
    """Raise HTTPException 403 unless the request comes from a page of this very origin.

    A request without an Origin is refused too: every browser sends one with a POST.
    """
    scheme = "https" if secure else "http"
    if request.headers.get("origin") != f"{scheme}://{request.headers.get('host')}":
        raise HTTPException(403, "other_origin")


async def posted(request: Request, secure: bool, name: str) -> str:
    """The text under ``name`` in the JSON object that was posted.

    Raises HTTPException 403 for another origin, 415 for another content type, 400 for anything else.
    """
    check_origin(request, secure)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "bad_request")
    try:
        content: Any = json.loads(await request.body())
    except (ValueError, RecursionError):
        content = None
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, str):
        raise HTTPException(400, "bad_request")
    return value
