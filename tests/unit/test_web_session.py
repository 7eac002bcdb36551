"""The resident's page without a browser: who gets in, what they see of their own, and what they can end."""

import hashlib
import http.client
import json
import logging
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from sqlalchemy import select
from test_host_consents import ENROLLED, Board, front, given, row, site

from altgate.clock import now_s
from altgate.consent import links, notices, states
from altgate.errors import Refused
from altgate.ledger import chain, review
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.registry import doors, managers, residents, settings
from altgate.registry import site as sites
from altgate.registry.models import Building, DoorOperation, Event, PageSession, ResidentLink
from altgate.web import guard
from altgate.web.serve import PageServer

__all__ = ["front", "site"]
DATA = ("state", "notice/1", "notice/1/text")
POSTS = {"session": {"token": "x"}, "leave": {"at": "here"}, "withdraw": {"at": "all"}}


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, got: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = got.status, got.headers, got.read()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json()["error"])


class Browser:
    """Keeps a cookie, and sends what a browser would; a test changes what it wants to be wrong."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie = port, ""
        self.origin = f"http://localhost:{port}"

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str | None]) -> Answer:
        sent = {"host": f"localhost:{self.port}", "cookie": self.cookie}
        sent |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            link.request(method, path if path.startswith("/") else f"/me/{path}", body, sent)
            answer = Answer(link.getresponse())
        finally:
            link.close()
        for name, one in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookie = f"{name}={one.value}"
        return answer

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, content: Any, **headers: str | None) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        usual: dict[str, str | None] = {"origin": self.origin, "content_type": "application/json"}
        return self.ask("POST", path, body, usual | headers)

    def face(self) -> dict[str, str]:
        """The state of face by door, as this browser is shown it."""
        return {door["name"]: door["face"] for door in self.get("state").json()["doors"]}


@pytest.fixture
def server(site: sites.Site) -> Iterator[PageServer]:
    with site.write() as session:
        for door in doors.present(session):
            doors.change_settings(site, session, door, {settings.FACE: 1, settings.FACE_UNPROVED: 1})
    started = PageServer(site, "127.0.0.1", 0)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def browser(server: PageServer) -> Browser:
    return Browser(server.port)


@pytest.fixture
def bo(site: sites.Site, browser: Browser) -> Browser:
    """A browser in which Bo's page is open."""
    assert browser.post("session", {"token": token(site)}).status == 204
    return browser


def token(site: sites.Site, name: str = "Bo") -> str:
    with site.write() as session:
        return links.make(site, session, residents.find(session, name))


def operations(site: sites.Site) -> int:
    with site.read() as session:
        return len(session.scalars(select(DoorOperation)).all())


def enter(site: sites.Site, name: str, reason: int, sequence: int) -> None:
    """An event of the front door about a resident."""
    with site.write() as session:
        door = doors.find(session, "Front")
        event = Event(
            door_id=door.door_id, journal=1, sequence=sequence, boot=1, kind=m.KIND_ENTRY, reason=reason,
            method=m.METHOD_CARD, credential=1, resident=residents.find(session, name).pseudonym, detail=0,
            time=1_800_000_000, time_quality=2, message=b"",
        )  # fmt: skip
        chain.append(session, site.vault, event)


def test_a_link_opens_the_page_once(site: sites.Site, browser: Browser) -> None:
    made = token(site)
    assert browser.get("state").status == 401
    assert browser.post("session", {"token": made}).status == 204
    shown = browser.get("state").json()
    assert (shown["name"], shown["unit"], shown["building"]) == ("Bo", "1204", "Lakeside")
    again = Browser(browser.port)
    answer = again.post("session", {"token": made})
    assert (answer.status, answer.error, again.cookie) == (403, "link_spent", "")
    assert again.get("state").status == 401


def test_no_other_token_opens_anything_and_all_are_answered_alike(site: sites.Site, browser: Browser) -> None:
    replaced, expired = token(site), token(site)
    with site.write() as session:
        session.scalars(select(ResidentLink)).one().expires_at = now_s()
    answers = [browser.post("session", {"token": wrong}) for wrong in (replaced, expired, "", "x" * 43)]
    assert {(answer.status, answer.body) for answer in answers} == {(403, b'{"error":"link_spent"}')}
    assert browser.cookie == "" and browser.get("state").status == 401


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_stays_in_the_browser_and_with_the_page(site: sites.Site, scheme: str) -> None:
    with site.write() as session:
        session.scalars(select(Building)).one().origin = f"{scheme}://door.example"
    server = PageServer(site, "127.0.0.1", 0)
    server.start()
    browser = Browser(server.port)
    browser.origin = f"{scheme}://localhost:{server.port}"
    answer = browser.post("session", {"token": token(site)})
    state = browser.get("state").status
    server.stop()
    ((name, cookie),) = SimpleCookie(answer.headers["set-cookie"]).items()
    assert cookie["httponly"] is True and cookie["samesite"] == "strict" and cookie["path"] == "/me"
    assert 0 < int(cookie["max-age"]) <= links.SESSION_S and not cookie["domain"]
    assert bool(cookie["secure"]) is name.startswith("__Secure-") is (scheme == "https")
    assert state == 200 and answer.body == b""


def test_nothing_is_shown_without_the_cookie(site: sites.Site, browser: Browser) -> None:
    for cookie in ("", "altgate-me=", "altgate-me=" + "x" * 43, "other=1"):
        browser.cookie = cookie
        for path in DATA:
            answer = browser.get(path)
            assert (answer.status, answer.body) == (401, b'{"error":"no_session"}')
        assert browser.post("withdraw", {"at": "all"}).status == 401


def test_a_page_is_open_for_its_time_only(site: sites.Site, bo: Browser) -> None:
    assert bo.get("state").status == 200
    with site.write() as session:
        session.scalars(select(PageSession)).one().expires_at = now_s()
    assert bo.get("state").status == 401 and bo.post("withdraw", {"at": "all"}).status == 401


def test_a_page_that_was_closed_stays_closed(site: sites.Site, bo: Browser) -> None:
    kept = bo.cookie
    answer = bo.post("leave", {"at": "here"})
    ((_, cookie),) = SimpleCookie(answer.headers["set-cookie"]).items()
    assert answer.status == 204 and cookie["max-age"] == "0" and cookie["path"] == "/me"
    bo.cookie = kept
    assert bo.get("state").status == 401


def test_another_persons_link_in_the_same_browser_closes_the_page_before(
    site: sites.Site, bo: Browser
) -> None:
    kept = bo.cookie
    assert bo.post("session", {"token": token(site, "Cy")}).status == 204
    assert bo.get("state").json()["name"] == "Cy"
    bo.cookie = kept
    assert bo.get("state").status == 401


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("origin", [None, "null", "https://elsewhere.example", "https://localhost", ""])
def test_a_page_of_another_origin_can_do_nothing(
    front: Board, bo: Browser, path: str, origin: str | None
) -> None:
    said = given(front)
    before = operations(front.site)
    content = {"token": token(front.site)} if path == "session" else POSTS[path]
    answer = bo.post(path, content, origin=origin)
    assert (answer.status, answer.error) == (403, "other_origin") and "set-cookie" not in answer.headers
    assert row(front.site, said).ended_at is None and operations(front.site) == before
    assert bo.get("state").status == 200
    if path == "session":
        assert bo.post(path, content).status == 204


def test_the_same_host_by_another_scheme_or_port_is_another_origin(bo: Browser) -> None:
    for origin in (f"https://localhost:{bo.port}", f"http://localhost:{bo.port + 1}"):
        assert bo.post("leave", {"at": "here"}, origin=origin).status == 403


@pytest.mark.parametrize("path", POSTS)
def test_what_a_form_could_send_is_refused(bo: Browser, path: str) -> None:
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        assert bo.post(path, POSTS[path], content_type=kind).status == 415
    assert bo.get("state").status == 200
    assert bo.get(path).status == 404


@pytest.mark.parametrize("path", POSTS)
def test_what_is_not_a_small_object_is_refused(bo: Browser, path: str) -> None:
    (name,) = POSTS[path]
    wrong = [b"", b"{", b"\xff", b"[]", b"null", b"{}", f'{{"{name}": 1}}'.encode(), b"[" * 1000]
    for body in wrong:
        answer = bo.post(path, body)
        assert (answer.status, answer.error) == (400, "bad_request")
    assert bo.post(path, {name: "x" * guard.BODY_BYTES}).status == 413
    assert bo.get("state").status == 200


def test_one_click_ends_ones_own_consent_at_that_door_only(front: Board, bo: Browser) -> None:
    back = Board(front.site, "Back")
    own, other = given(front), given(front, "Cy", 2)
    front.say(own, ENROLLED)
    elsewhere = given(back)
    assert bo.face() == {"Front": "on", "Back": "asked"}
    assert bo.post("withdraw", {"at": front.id}).status == 204
    assert bo.face() == {"Front": "ending", "Back": "asked"}
    ended = row(front.site, own)
    assert (ended.state, ended.ended_by) == (m.CONSENT_WITHDRAWN, states.RESIDENT)
    assert front.operations()[-1] == [m.OP_END_CONSENT, own[m.CONSENT], m.CONSENT_WITHDRAWN]
    assert [row(front.site, one).ended_at for one in (other, elsewhere)] == [None, None]
    front.say(own, m.CONSENT_WITHDRAWN)
    assert bo.face()["Front"] == "off"
    assert bo.get("state").json()["doors"][1]["erased_at"]
    assert review.verify(front.site)[1] is None


def test_all_doors_means_all_of_ones_own(front: Board, bo: Browser) -> None:
    back = Board(front.site, "Back")
    own, other = [given(front), given(back)], [given(front, "Cy", 2), given(back, "Cy", 2)]
    assert bo.post("withdraw", {"at": "all"}).status == 204
    assert bo.face() == {"Front": "ending", "Back": "ending"}
    assert all(row(front.site, one).ended_at for one in own)
    assert not any(row(front.site, one).ended_at for one in other)


def test_withdrawing_again_changes_nothing_and_is_no_error(front: Board, bo: Browser) -> None:
    own = given(front)
    bo.post("withdraw", {"at": front.id})
    before, ended = operations(front.site), row(front.site, own).ended_at
    assert bo.post("withdraw", {"at": front.id}).status == bo.post("withdraw", {"at": "all"}).status == 204
    assert operations(front.site) == before and row(front.site, own).ended_at == ended


def test_what_is_no_door_ends_nothing(front: Board, bo: Browser) -> None:
    own, other = given(front), given(front, "Cy", 2)
    for at in ("", "Front", "ffffffff", "ALL", str(row(front.site, other).id), other[m.CONSENT].hex()):
        assert bo.post("withdraw", {"at": at}).status == 404
    assert row(front.site, own).ended_at is row(front.site, other).ended_at is None


def test_withdrawing_needs_no_manager_to_be_named(front: Board, bo: Browser) -> None:
    own = given(front)
    with front.site.write() as session:
        managers.add(front.site, session, "Ben")
    several = sites.Site(front.site.data)
    server = PageServer(several, "127.0.0.1", 0)
    server.start()
    browser = Browser(server.port)
    browser.cookie = bo.cookie
    status = browser.post("withdraw", {"at": "all"}).status
    server.stop()
    several.close()
    assert status == 204 and row(front.site, own).ended_at


def test_a_page_shows_ones_own_and_nothing_of_others(front: Board, bo: Browser) -> None:
    given(front, "Cy", 2)
    enter(front.site, "Bo", reasons.GRANTED, 1)
    enter(front.site, "Cy", reasons.CARD_LOST, 2)
    answer = bo.get("state")
    shown = answer.json()
    assert bo.face() == {"Front": "off", "Back": "off"} and not shown["doors"][1]["can_end"]
    assert [(one["door"], one["reason"]) for one in shown["entries"]] == [("Front", "granted")]
    assert shown["doors"][1]["cards"] == 1
    with front.site.read() as session:
        cy = residents.find(session, "Cy")
        assert shown["personal_number"] == str(residents.find(session, "Bo").personal_number)
    for secret in ("Cy", str(cy.personal_number), str(cy.pseudonym)):
        assert secret.encode() not in answer.body


def test_the_state_is_sent_again_only_when_it_has_changed(front: Board, bo: Browser) -> None:
    first = bo.get("state")
    etag = first.headers["etag"]
    same = bo.get("state", if_none_match=etag)
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", etag)
    given(front)
    changed = bo.get("state", if_none_match=etag)
    assert changed.status == 200 and changed.headers["etag"] != etag
    assert changed.json()["doors"][1]["face"] == "asked"


def test_the_notice_is_exactly_the_one_that_was_published(site: sites.Site, bo: Browser) -> None:
    with site.read() as session:
        notice = notices.find(session)
        code = notices.code(notice)
    text = bo.get("notice/1/text")
    assert text.body == notice.content.encode()
    assert "attachment" in text.headers["content-disposition"]
    shown = bo.get("notice/1").json()
    assert shown["sha256"] == hashlib.sha256(text.body).hexdigest()
    assert (shown["version"], shown["code"]) == (1, code) and len(code) == 6
    for language, sections in shown["sections"].items():
        assert [text for _, text in sections] == [
            json.loads(text.body)["text"][field][language] for field in notices.FIELDS
        ]
    assert bo.get("state").json()["notice"]["code"] == code
    assert bo.get("notice/2").status == bo.get("notice/2/text").status == 404


def test_every_answer_carries_the_headers(bo: Browser) -> None:
    files = ("", "app.js", "style.css", "link.js")
    answers = [bo.get(path) for path in (*files, *DATA, "texts.json", "nowhere", "session")]
    answers += [bo.post("leave", {"at": "here"}, origin="null"), bo.post("leave", {"at": "here"})]
    answers += [bo.post("leave", {"at": "x" * guard.BODY_BYTES}), bo.get("state")]
    for answer in answers:
        for name, value in guard.HEADERS.items():
            assert answer.headers[name] == value
        assert "server" not in answer.headers
    policy = answers[0].headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answers[0].headers["referrer-policy"] == "no-referrer"
    assert {answer.headers["cache-control"] for answer in answers[: len(files)]} == {"no-cache"}
    assert {answer.headers["cache-control"] for answer in answers[len(files) :]} == {"no-store"}


def test_no_secret_is_in_the_log_the_audit_or_an_answer(
    site: sites.Site, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = token(site)
    answers = [browser.post("session", {"token": made}) for _ in range(2)]
    cookie = browser.cookie.split("=")[1]
    answers += [
        browser.get("state"),
        browser.post("withdraw", {"at": made}),
        browser.post("leave", {"at": "here"}),
    ]
    with site.read() as session:
        said = json.dumps(review.latest(session, 100, "en"))
    for secret in (made, cookie):
        assert len(secret) > 40 and secret not in said and secret not in caplog.text
        assert all(secret.encode() not in answer.body for answer in answers)


def test_a_removed_residents_page_is_closed(site: sites.Site, bo: Browser) -> None:
    with site.write() as session:
        residents.remove(site, session, residents.find(session, "Bo"))
    assert bo.get("state").status == 401


def test_ways_to_the_page(browser: Browser) -> None:
    assert browser.get("/").headers["location"] == "/me/"
    assert browser.get("/me").headers["location"].endswith("/me/")
    assert browser.get("").status == 200 and browser.get("/me/../serve.py").status == 404


def test_an_address_in_use_is_a_sentence(site: sites.Site, server: PageServer) -> None:
    with pytest.raises(Refused, match=f"127.0.0.1:{server.port} .*choose another with --page"):
        PageServer(site, "127.0.0.1", server.port)
