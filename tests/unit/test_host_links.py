"""The link to a resident's own page: works once, for its time, and for nobody whom it was not made for."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_host_cli import Altgate, altgate

from altgate.consent import links
from altgate.errors import Refused
from altgate.ledger import review
from altgate.registry import residents
from altgate.registry import site as sites

__all__ = ["altgate"]
HOUR = 3600


class Clock:
    """The time that the links see; the test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(links, "now_s", made)
    return made


@pytest.fixture
def site(tmp_path: Path, clock: Clock) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        for name in ("Bo", "Cy"):
            residents.add(made, session, name, "1204")
    yield made
    made.close()


def make(site: sites.Site, name: str = "Bo", hours: int = links.HOURS) -> str:
    with site.write() as session:
        return links.make(site, session, residents.find(session, name), hours)


def redeem(site: sites.Site, token: str) -> tuple[str, str, int]:
    with site.write() as session:
        resident, cookie, expires_at = links.redeem(site, session, token)
    return resident.name, cookie, expires_at


def whose(site: sites.Site, cookie: str) -> str | None:
    with site.read() as session:
        resident = links.of_cookie(session, cookie)
    return resident and resident.name


def refused(site: sites.Site, token: str, says: str) -> None:
    before = dump(site)
    with pytest.raises(Refused, match=says) as said:
        redeem(site, token)
    assert dump(site) == before and (not token or token not in str(said.value))


def dump(site: sites.Site) -> str:
    database = sqlite3.connect(site.data / "altgate.db")
    try:
        return "\n".join(database.iterdump())
    finally:
        database.close()


def test_a_link_opens_its_residents_page_once(site: sites.Site) -> None:
    token = make(site)
    name, cookie, _ = redeem(site, token)
    assert name == "Bo" == whose(site, cookie)
    refused(site, token, "used already")
    assert whose(site, cookie) == "Bo"


def test_links_of_two_residents_open_their_own_pages(site: sites.Site) -> None:
    bo, cy = make(site), make(site, "Cy")
    assert redeem(site, cy)[0] == "Cy" and redeem(site, bo)[0] == "Bo"


def test_a_link_expires(site: sites.Site, clock: Clock) -> None:
    early, late = make(site, hours=1), make(site, "Cy", hours=1)
    clock.now += HOUR - 1
    assert redeem(site, early)[0] == "Bo"
    clock.now += 1
    refused(site, late, "expired")


def test_a_new_link_takes_the_place_of_unused_ones_of_that_resident_only(site: sites.Site) -> None:
    other, first, second = make(site, "Cy"), make(site), make(site)
    refused(site, first, "not valid")
    assert redeem(site, second)[0] == "Bo" and redeem(site, other)[0] == "Cy"


@pytest.mark.parametrize("token", ["", "x", "é\0", "a" * 5000])
def test_anything_else_is_no_link(site: sites.Site, token: str) -> None:
    make(site)
    refused(site, token, "not valid")


def test_neither_a_hash_nor_a_cookie_is_a_token(site: sites.Site) -> None:
    _, cookie, _ = redeem(site, make(site))
    refused(site, cookie, "not valid")
    token = make(site)
    assert whose(site, token) is None and whose(site, links._hash(cookie).hex()) is None
    refused(site, links._hash(token).hex(), "not valid")


def test_a_page_closes_by_itself_and_when_its_resident_says_so(site: sites.Site, clock: Clock) -> None:
    _, cookie, expires_at = redeem(site, make(site))
    clock.now = expires_at - 1
    assert whose(site, cookie) == "Bo"
    clock.now += 1
    assert whose(site, cookie) is None
    _, cookie, _ = redeem(site, make(site))
    with site.write() as session:
        links.end_session(session, "another")
    assert whose(site, cookie) == "Bo"
    with site.write() as session:
        links.end_session(session, cookie)
    assert whose(site, cookie) is None


def test_a_new_link_closes_the_page_on_a_phone_that_was_lost(site: sites.Site) -> None:
    _, lost, _ = redeem(site, make(site))
    _, others, _ = redeem(site, make(site, "Cy"))
    token = make(site)
    assert whose(site, lost) == "Bo"
    _, cookie, _ = redeem(site, token)
    assert whose(site, lost) is None
    assert (whose(site, cookie), whose(site, others)) == ("Bo", "Cy")


def test_a_resident_who_leaves_takes_links_and_pages_along(site: sites.Site) -> None:
    _, cookie, _ = redeem(site, make(site))
    token = make(site)
    with site.write() as session:
        residents.remove(site, session, residents.find(session, "Bo"))
    assert whose(site, cookie) is None
    refused(site, token, "not valid")


def test_neither_token_nor_cookie_is_kept_or_logged(
    site: sites.Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = make(site)
        _, cookie, _ = redeem(site, token)
        whose(site, cookie)
    for secret in (token, cookie):
        assert len(secret) >= 43 and secret not in dump(site) and secret not in caplog.text
        assert secret.encode().hex().upper() not in dump(site)


def test_who_made_and_who_used_a_link_is_on_record(site: sites.Site) -> None:
    redeem(site, make(site))
    with site.read() as session:
        bo = str(residents.find(session, "Bo").pseudonym)
        made, used = review.latest(session, 2, "en")
    assert (made["actor"], made["what"], made["subject"]) == ("Ana", "page link made", bo)
    assert (used["actor"], used["what"], used["subject"]) == (f"resident:{bo}", "page opened", bo)


def test_the_command_prints_the_token_behind_the_hash_only(altgate: Altgate) -> None:
    said = altgate("resident", "link", "Bo")
    (link,) = re.findall(r"http://localhost:8080/me/#[\w-]{43}\b", said)
    made = altgate.json("resident", "link", "Bo", "--hours", "1")
    assert made["link"].startswith("http://localhost:8080/me/#") and made["link"] != link
    for one in (link, made["link"]):
        assert one.partition("#")[2] not in "".join(altgate.dump())
    site = sites.Site(altgate.data)
    refused(site, link.partition("#")[2], "not valid")
    assert redeem(site, made["link"].partition("#")[2])[0] == "Bo"
    site.close()


@pytest.mark.parametrize(
    "args", [("Di",), ("Bo", "--hours", "0"), ("Bo", "--hours", "721"), ("Bo", "--hours", "-1")], ids=" ".join
)
def test_a_mistake_is_one_sentence_and_changes_nothing(altgate: Altgate, args: tuple[str, ...]) -> None:
    before = altgate.dump()
    said = altgate("resident", "link", *args, code=2)
    assert said.count("\n") == 1 and said.rstrip().endswith(".") and altgate.dump() == before
