"""The resident's page in a real browser: what it shows, takes back, and keeps to itself."""

import hashlib
import os
import re
import time

import pytest
from playwright.sync_api import expect

from altgate.consent import links, notices, records, states
from altgate.consent.states import Said
from altgate.ledger import chain
from altgate.protocol import messages as m
from altgate.protocol import reasons, statements
from altgate.registry import credentials, doors, residents, schedules, settings
from altgate.registry import site as sites
from altgate.registry.models import Event
from altgate.web.serve import PageServer
from support.browser import watched

pytestmark = pytest.mark.debian
SHOTS = os.environ.get("ALTGATE_SHOTS")
POLL_MS = 2000
NOTICE = notices.template().replace("[[", "").replace("]]", "")
# Everything that is read on the page, with the contrast of its text to what lies behind it.
CONTRASTS = """() => {
  const channel = (one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((one) => channel(one / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const found = getComputedStyle(one).backgroundColor;
      if (numbers(found)[3] !== 0) return found;
    }
  };
  return [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility()
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())).map((one) => {
    const both = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => b - a);
    return [one.textContent.trim().slice(0, 40), (both[0] + 0.05) / (both[1] + 0.05)];
  });
}"""
SMALL = """() => [...document.querySelectorAll("button, summary, a")].filter((one) => one.checkVisibility())
  .map((one) => [one.textContent, one.getBoundingClientRect().height]).filter(([_, high]) => high < 40)"""


class Place:
    """A building with two doors, Bo, who has a card for both, and a server of the page."""

    def __init__(self, folder):
        self.site = sites.create(folder, "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
        self._sequence = 0
        with self.site.write() as session:
            at = [doors.add(self.site, session, name, 1, None, False) for name in ("Front", "Back")]
            for door in at:
                on = {settings.FACE: 1, settings.FACE_UNPROVED: 1}
                doors.change_settings(self.site, session, door, on)
            bo = residents.add(self.site, session, "Bo", "1204")
            self.card = credentials.add(self.site, session, m.TYPE_CARD, bytes([4] * 7), bo, at, (0, 0))
            credentials.add(self.site, session, m.TYPE_PIN, b"1204#246813", bo, at[:1], (0, 0))
            self.notice = notices.publish(self.site, session, NOTICE)
        self.bo = bo
        self.server = PageServer(self.site, "127.0.0.1", 0)
        self.server.start()
        self.origin = f"http://localhost:{self.server.port}"

    def stop(self):
        self.server.stop()
        self.site.close()

    def link(self):
        with self.site.write() as session:
            return f"{self.origin}/me/#{links.make(self.site, session, self.bo)}"

    def say(self, name, state):
        """What the door of this name says of Bo's consent there."""
        with self.site.write() as session:
            door = doors.find(session, name)
            given = (self.bo.pseudonym, self.card.id, self.notice.sha256, 1, 1, m.QUALITY_HOST, bytes(16))
            consent = states.digest(statements.statement(door.door_id, *given))
            said = Said(consent, *given, state, reasons.NONE)
            records.take(self.site, session, door, said, b"message")

    def record(self, name, method, reason, kind=m.KIND_ENTRY, detail=0):
        """Something of Bo's that the door of this name has recorded."""
        self._sequence += 1
        with self.site.write() as session:
            event = Event(
                door_id=doors.find(session, name).door_id, journal=1, sequence=self._sequence, boot=1,
                kind=kind, reason=reason, method=method, credential=1, resident=self.bo.pseudonym,
                detail=detail, time=1_800_000_000 + self._sequence, time_quality=m.QUALITY_HOST, message=b"",
            )  # fmt: skip
            chain.append(session, self.site.vault, event)

    def consents(self):
        with self.site.read() as session:
            return records.listed(session, self.bo)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "site")
    yield made
    made.stop()


@pytest.fixture
def page(place, browser):
    """Bo's page, just opened by its link. A complaint of the browser fails the test, and so does a dialog."""
    page, problems = watched(browser, 1000)
    page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
    page.problems = problems
    page.goto(place.link())
    expect(page.locator("#whose")).to_have_text("Bo · unit 1204")
    yield page
    page.context.close()
    assert problems == []


def shot(page, name):
    if SHOTS:
        page.mouse.move(1, 1)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def row(page, name):
    return page.locator("#doors li", has=page.get_by_role("heading", name=name, exact=True))


def test_the_link_leaves_the_address_and_the_history(place, page):
    assert page.url == f"{place.origin}/me/"
    page.goto("about:blank")
    page.go_back()
    expect(page.locator("#whose")).to_contain_text("Bo")
    assert page.url == f"{place.origin}/me/"
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state, document.cookie])")
    assert kept == '[{},{},null,""]'
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/me"


def test_the_token_is_sent_in_a_body_and_nowhere_else(place, browser):
    link = place.link()
    token = link.split("#")[1]
    context = browser.new_context()
    page = context.new_page()
    sent = []
    page.on("request", lambda request: sent.append(request))
    page.goto(link)
    expect(page.locator("#doors li")).to_have_count(2)
    assert [request.url for request in sent if token in (request.post_data or "")] == [
        f"{place.origin}/me/session"
    ]
    for request in sent:
        assert token not in request.url.split("#")[0] and token not in str(request.all_headers())
    page.context.close()


def test_a_spent_link_says_what_to_do(place, browser):
    link = place.link()
    for language, says in (("en", "Ask the manager for a new one"), ("zh-CN", "请向物业索取新链接")):
        first = browser.new_context(locale=language)
        page = first.new_page()
        page.goto(link)
        if language == "en":
            expect(page.locator("#doors li")).to_have_count(2)
            first.close()
            first = browser.new_context(locale=language)
            page = first.new_page()
            page.goto(link)
        expect(page.locator("#message")).to_contain_text(says)
        assert "#" not in page.url
        assert page.locator("#page").count() == 0
        first.close()


def test_a_browser_without_a_link_is_told_to_ask_for_one(place, browser):
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.goto(f"{place.origin}/me/")
    expect(page.locator("#message")).to_contain_text("opens with a link of your own. Ask the manager")
    page.context.close()


def test_hours_and_a_second_one_are_told_with_the_way_they_are_of(place, page):
    ways = page.locator("#ways li")
    expect(page.locator("#ways-lead")).to_be_visible()
    with place.site.write() as session:
        night = schedules.add(place.site, session, "night", ["mon-fri 22:00-06:00", "sun 00:00-24:00"])
        front, back = (doors.find(session, name) for name in ("Front", "Back"))
        for digits, door, terms in (
            (b"1204#246814", front, credentials.Terms(schedule=night)),
            (b"1204#246815", back, credentials.Terms(schedule=night, is_dual=True)),
        ):
            credentials.add(place.site, session, m.TYPE_PIN, digits, place.bo, [door], (0, 0), terms)
    hours = "Mon–Fri 22:00–06:00 and Sun 00:00–24:00"
    expect(ways.nth(1)).to_contain_text(f"At Front, 1 of 2 only {hours}.", timeout=3 * POLL_MS)
    expect(ways.nth(1)).to_contain_text(f"At Back only {hours}.")
    second = "At Back only together with another card or PIN of yours, shown within 15 seconds."
    expect(ways.nth(1)).to_contain_text(second)
    for number in (0, 2):
        expect(ways.nth(number)).not_to_contain_text("only")
    expect(page.locator("#ways-lead")).to_be_hidden()
    page.locator("#language").click()
    expect(ways.nth(1)).to_contain_text("Back：仅限 周一–周五 22:00–06:00和周日 00:00–24:00。")


def test_face_is_last_and_off_and_the_others_are_on(page):
    ways = page.locator("#ways li")
    assert [ways.nth(number).get_attribute("data-way") for number in range(3)] == ["card", "pin", "qr"]
    for number, held in enumerate(("a card for Back and Front", "a PIN for Front", "You have none")):
        expect(ways.nth(number).locator(".pill")).to_have_text("On")
        expect(ways.nth(number)).to_contain_text(held)
    expect(page.locator("#face-pill")).to_have_text("Off")
    assert page.evaluate("""ways.compareDocumentPosition(face) & Node.DOCUMENT_POSITION_FOLLOWING""")
    for name in ("Front", "Back"):
        expect(row(page, name).locator(".pill")).to_have_text("Off")
    expect(page.locator("#face")).to_contain_text("Saying no costs nothing")
    # Nothing on the page can switch face on, and nothing asks.
    assert page.locator("#face button:visible").count() == page.locator("input, dialog").count() == 0
    page.wait_for_timeout(POLL_MS + 500)
    expect(page.locator("#message")).to_be_empty()
    assert page.locator("details[open]").count() == 0
    shot(page, "resident-en")


def test_the_notice_is_the_published_one_in_both_languages(place, page):
    page.get_by_text("Read the notice").click()
    text = page.locator("#notice-text")
    expect(text).to_contain_text("Notice, version 1")
    expect(text.locator(".hash")).to_have_text(place.notice.sha256.hex())
    expect(text.locator(".code")).to_have_text(notices.code(place.notice))
    for language in ("en", "zh-CN"):
        for _, title, section in notices.sections(place.notice, language):
            expect(text).to_contain_text(title)
            expect(text).to_contain_text(section)
        shot(page, f"resident-notice-{language}")
        page.click("#language")
    with page.expect_download() as started:
        text.locator("a").click()
    body = started.value.path().read_bytes()
    assert hashlib.sha256(body).hexdigest() == text.locator(".hash").inner_text()
    page.get_by_text("How to say yes, at the door").click()
    expect(page.locator("#steps li")).to_have_text(notices.steps("en"))
    expect(page.locator("#yes-code")).to_contain_text(notices.code(place.notice))


def test_the_language_turns_and_is_remembered(page):
    page.click("#language")
    expect(page.get_by_role("heading", level=1)).to_have_text("我的进门方式")
    assert page.title() == "我的进门方式"
    page.reload()
    expect(page.locator("#doors li").first).to_contain_text("未开启")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert not re.search(
        r"[a-z]{3}", page.locator("#face").inner_text().replace("Front", "").replace("Back", "")
    )
    page.click("#language")
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_yes_at_the_door_appears_and_one_click_takes_it_back(place, page):
    place.say("Front", m.CONSENT_GIVEN)
    expect(row(page, "Front").locator(".pill")).to_have_text("Not set up yet")
    place.say("Front", m.CONSENT_ENROLLED)
    expect(row(page, "Front").locator(".pill")).to_have_text("On")
    expect(row(page, "Front")).to_contain_text("to version 1 of the notice")
    expect(page.locator("#face-pill")).to_have_text("On at 1 of 2 doors")
    page.get_by_role("button", name="Withdraw at Front").click()
    expect(row(page, "Front")).to_contain_text("waiting for the door to say that it has erased", timeout=1500)
    (consent,) = place.consents()
    assert (consent.state, consent.ended_by) == (m.CONSENT_WITHDRAWN, states.RESIDENT)
    assert consent.erased_at is None
    expect(page.locator("#changes")).to_have_text("Front: Ending")
    shot(page, "resident-ending")
    place.say("Front", m.CONSENT_WITHDRAWN)
    expect(row(page, "Front")).to_contain_text("Erased on")
    expect(page.locator("#face-pill")).to_have_text("Off")


def test_one_click_for_all_doors(place, page):
    for name in ("Front", "Back"):
        place.say(name, m.CONSENT_GIVEN)
    page.get_by_role("button", name="Withdraw at all doors").click()
    for name in ("Front", "Back"):
        expect(row(page, name).locator(".pill")).to_have_text("Ending")
    assert all(one.ended_by == states.RESIDENT for one in place.consents())
    assert page.locator("#face button:visible").count() == 0


def test_the_keyboard_does_it_too(place, page):
    place.say("Front", m.CONSENT_GIVEN)
    expect(page.get_by_role("button", name="Withdraw at Front")).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Read the notice":
            page.keyboard.press("Enter")
            expect(page.locator("#notice-text .hash")).to_be_visible()
        if page.evaluate("document.activeElement.textContent") == "Withdraw at Front":
            break
    page.keyboard.press("Enter")
    expect(row(page, "Front").locator(".pill")).to_have_text("Ending")
    assert page.evaluate("document.activeElement.dataset.face") == "ending"


def test_a_consent_to_an_earlier_notice_rests_and_shows_that_notice(place, page):
    place.say("Front", m.CONSENT_ENROLLED)
    with place.site.write() as session:
        newer = notices.publish(place.site, session, NOTICE.replace("Lakeside", "Hillside"))
    expect(row(page, "Front").locator(".pill")).to_have_text("Suspended")
    expect(row(page, "Front")).to_contain_text("The notice has changed")
    row(page, "Front").get_by_role("button", name="Read version 1").click()
    expect(page.locator("#notice-text .hash")).to_have_text(place.notice.sha256.hex())
    page.locator("#notice summary").click()
    page.locator("#notice summary").click()
    expect(page.locator("#notice-text .hash")).to_have_text(newer.sha256.hex())
    expect(page.get_by_role("button", name="Withdraw at Front")).to_be_visible()


def test_entries_show_their_reasons_newest_first(place, page):
    expect(page.locator("#entries-none")).to_be_visible()
    place.record("Front", m.METHOD_CARD, reasons.GRANTED)
    place.record("Back", m.METHOD_PIN, reasons.WRONG_PIN)
    entries = page.locator("#entries li")
    expect(entries).to_have_count(2)
    for number, parts in enumerate((("Back", "PIN", "PIN is wrong"), ("Front", "card", "Welcome."))):
        for part in parts:
            expect(entries.nth(number)).to_contain_text(part)
    assert entries.first.locator("time").get_attribute("datetime") == "2027-01-15T08:00:02.000Z"
    place.record("Front", m.METHOD_FACE, reasons.NONE, m.KIND_CONSENT, m.CONSENT_GIVEN)
    expect(entries.first).to_contain_text("You said yes.")
    page.click("#language")
    expect(entries.nth(1)).to_contain_text("密码错误")
    shot(page, "resident-zh")


def test_it_asks_only_while_it_is_looked_at_and_gets_only_what_is_new(page):
    answers = []
    page.on("response", lambda answer: answers.append(answer.status) if "/state" in answer.url else None)
    page.wait_for_timeout(2 * POLL_MS + 500)
    assert 1 <= len(answers) <= 3 and set(answers) == {304}
    turn = """(is) => { Object.defineProperty(document, "hidden", { get: () => is, configurable: true });
        document.dispatchEvent(new Event("visibilitychange")); }"""
    page.evaluate(turn, True)
    page.wait_for_timeout(POLL_MS + 200)
    answers.clear()
    page.wait_for_timeout(2 * POLL_MS)
    assert answers == []
    page.evaluate(turn, False)
    page.wait_for_timeout(500)
    assert answers == [304]


def test_a_lost_connection_is_said_and_mended(page):
    page.route("**/state", lambda route: route.abort())
    expect(page.locator("#message")).to_contain_text("No connection. What you see is from")
    expect(page.locator("#doors li")).to_have_count(2)
    page.unroute("**/state")
    expect(page.locator("#message")).to_be_empty()
    assert page.problems and all("Failed to load resource" in one for one in page.problems)
    page.problems.clear()


def test_a_withdrawal_that_did_not_get_through_says_so(place, page):
    place.say("Front", m.CONSENT_GIVEN)
    page.route("**/withdraw", lambda route: route.abort())
    page.get_by_role("button", name="Withdraw at Front").click()
    expect(page.locator("#message")).to_contain_text("did not work, and nothing was changed")
    expect(page.get_by_role("button", name="Withdraw at Front")).to_be_visible()
    assert place.consents()[0].ended_at is None
    page.problems.clear()


def test_a_page_that_is_closed_keeps_nothing(place, page):
    page.get_by_role("button", name="Close my page").click()
    expect(page.locator("#message")).to_contain_text("closed in this browser")
    assert "Bo" not in page.content() and str(place.bo.personal_number) not in page.content()
    assert page.context.cookies() == []
    page.reload()
    expect(page.locator("#message")).to_contain_text("Ask the manager")
    page.problems.clear()


def test_a_newer_link_elsewhere_closes_this_page(place, browser, page):
    other = browser.new_context()
    other.new_page().goto(place.link())
    expect(page.locator("#message")).to_contain_text("a newer link was opened elsewhere")
    assert "1204" not in page.content()
    other.close()
    page.problems.clear()


def test_another_link_over_the_open_page_works(place, page):
    link = place.link()
    page.evaluate("(link) => { location.href = link; }", link)
    expect(page.locator("#doors li")).to_have_count(2)
    page.wait_for_url(f"{place.origin}/me/")
    time.sleep(0.5)
    expect(page.locator("#message")).to_be_empty()
    with place.site.read() as session:
        (cookie,) = page.context.cookies()
        assert links.of_cookie(session, cookie["value"]).name == "Bo"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everyone(place, page, scheme):
    """FRM-5: contrast, targets, headings, a narrow screen and large text."""
    place.say("Front", m.CONSENT_ENROLLED)
    place.record("Back", m.METHOD_PIN, reasons.WRONG_PIN)
    page.emulate_media(color_scheme=scheme)
    expect(page.get_by_role("button", name="Withdraw at Front")).to_be_visible()
    for summary in page.locator("summary").all():
        summary.click()
    expect(page.locator("#notice-text .hash")).to_be_visible()
    page.mouse.move(1, 1)
    for language in ("en", "zh-CN"):
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 50 and [one for one in contrasts if one[1] < 4.5] == []
        assert page.evaluate(SMALL) == []
        levels = page.evaluate(
            """[...document.querySelectorAll("h1, h2, h3, h4")].map((one) => +one.tagName[1])"""
        )
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(below <= above + 1 for above, below in zip(levels, levels[1:], strict=False))
        for width, size in ((320, "100%"), (320, "200%"), (640, "200%")):
            page.set_viewport_size({"width": width, "height": 700})
            page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", size)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            shot(page, f"resident-{language}-{scheme}-{width}-{size}")
        page.evaluate("document.documentElement.style.fontSize = ''")
        page.set_viewport_size({"width": 1000, "height": 900})
        page.click("#language")
        page.mouse.move(1, 1)
