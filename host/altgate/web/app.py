"""The resident's page as an app to be mounted at /me: who is asking, what they see, what they take back.

Everything but the page's own files and texts needs the cookie of one resident, and touches only theirs.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from altgate.clock import now_s
from altgate.consent import links, notices, records, states
from altgate.errors import Refused
from altgate.registry.models import Door, Notice, Resident
from altgate.registry.site import Site
from altgate.web import guard, shown

PATH = "/me"
ALL = "all"


class _Files(StaticFiles):
    """The page's own files; a browser asks each time whether they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = guard.REVALIDATE
        return response


class _Page:
    """The routes, over one building. Synchronous ones run in a thread of their own."""

    def __init__(self, site: Site, secure: bool) -> None:
        self._site, self._secure = site, secure
        # The prefix makes browsers refuse such a cookie over plain HTTP.
        self._cookie = "__Secure-altgate-me" if secure else "altgate-me"

    def routes(self) -> list[Route]:
        """All but the files."""
        return [
            Route("/texts.json", _texts),
            Route("/session", self.open, methods=["POST"]),
            Route("/leave", self.leave, methods=["POST"]),
            Route("/withdraw", self.withdraw, methods=["POST"]),
            Route("/state", self.state),
            Route("/notice/{version:int}", self.notice),
            Route("/notice/{version:int}/text", self.notice_text),
        ]

    async def open(self, request: Request) -> Response:
        """Exchange the token of a link for a cookie; the page it replaces in this browser is closed."""
        token = await guard.posted(request, self._secure, "token")
        return await run_in_threadpool(self._open, token, self._cookie_of(request))

    def _open(self, token: str, replaced: str) -> Response:
        with self._site.write() as session:
            try:
                _, cookie, expires_at = links.redeem(self._site, session, token)
            except Refused:
                raise HTTPException(403, "link_spent") from None
            links.end_session(session, replaced)
        response = Response(status_code=204)
        self._set_cookie(response, cookie, expires_at - now_s())
        return response

    async def leave(self, request: Request) -> Response:
        """Close the page in this browser."""
        await guard.posted(request, self._secure, "at")
        return await run_in_threadpool(self._leave, self._cookie_of(request))

    def _leave(self, cookie: str) -> Response:
        with self._site.write() as session:
            links.end_session(session, cookie)
        response = Response(status_code=204)
        self._set_cookie(response, "", 0)
        return response

    async def withdraw(self, request: Request) -> Response:
        """Take back this resident's yes at one door, or at all; what has ended already stays as it is."""
        at = await guard.posted(request, self._secure, "at")
        return await run_in_threadpool(self._withdraw, self._cookie_of(request), at)

    def _withdraw(self, cookie: str, at: str) -> Response:
        with self._site.write() as session:
            resident = _resident(session, cookie)
            door = None
            if at != ALL:
                door = session.scalars(select(Door).where(Door.door_id == at)).first()
                if door is None:
                    raise HTTPException(404, "failed")
            records.end_all(self._site, session, resident, states.RESIDENT, door)
        return Response(status_code=204)

    def state(self, request: Request) -> Response:
        """Everything the page shows; 304 where it is what the page has already."""
        with self._site.read() as session:
            resident = _resident(session, self._cookie_of(request))
            response = JSONResponse(shown.state(session, resident))
        response.headers["etag"] = shown.etag(bytes(response.body))
        if request.headers.get("if-none-match") == response.headers["etag"]:
            return Response(status_code=304, headers={"etag": response.headers["etag"]})
        return response

    def notice(self, request: Request) -> Response:
        """One notice in every language, with what it can be known by."""
        with self._site.read() as session:
            return JSONResponse(shown.notice(self._notice(session, request)))

    def notice_text(self, request: Request) -> Response:
        """The exact bytes whose SHA-256 names a notice."""
        with self._site.read() as session:
            found = self._notice(session, request)
        name = f'attachment; filename="notice-{found.version}.json"'
        headers = {"content-disposition": name}
        return Response(found.content.encode(), media_type="application/json", headers=headers)

    def _notice(self, session: Session, request: Request) -> Notice:
        _resident(session, self._cookie_of(request))
        try:
            return notices.find(session, request.path_params["version"])
        except Refused:
            raise HTTPException(404, "failed") from None

    def _cookie_of(self, request: Request) -> str:
        return request.cookies.get(self._cookie, "")

    def _set_cookie(self, response: Response, value: str, seconds: int) -> None:
        response.set_cookie(
            self._cookie, value, max_age=seconds, path=PATH, secure=self._secure, httponly=True,
            samesite="strict",
        )  # fmt: skip


def _resident(session: Session, cookie: str) -> Resident:
    """Whose page it is; raises HTTPException 401 where no page is open under this cookie."""
    resident = links.of_cookie(session, cookie)
    if resident is None:
        raise HTTPException(401, "no_session")
    return resident


def _texts(_request: Request) -> Response:
    return JSONResponse(shown.texts())


async def _error(_request: Request, error: Any) -> Response:
    """An error as the name of a text; nothing that was sent is repeated."""
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def resident_app(site: Site, secure: bool) -> Starlette:
    """The app, to be mounted at ``PATH``. secure: whether browsers reach it over https."""
    page = Path(str(files("altgate.web") / "page"))
    return Starlette(
        routes=[*_Page(site, secure).routes(), Mount("/", _Files(directory=page, html=True))],
        middleware=[
            Middleware(guard.Headers),
            Middleware(RequestBodyLimitMiddleware, max_body_size=guard.BODY_BYTES),
        ],
        exception_handlers={HTTPException: _error},
    )


def home(_request: Request) -> Response:
    """The way to the page from an address without its last slash; browsers keep the link's token."""
    return RedirectResponse(f"{PATH}/", 307)


def mounted(site: Site, secure: bool) -> list[BaseRoute]:
    """The page's routes in an app that holds more; they come before a mount at the root."""
    return [Route(PATH, home), Mount(PATH, resident_app(site, secure))]
