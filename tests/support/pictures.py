"""``python -m support.pictures`` plays the demo in Chromium and writes the pictures of docs/pictures.

No photo of a person may be in any of them: the demo is given a place for its photos that cannot be filled, so
that it goes on with stand-ins, and whatever it still calls a picture is kept from the page.
"""

import io
import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from rich.console import Console

from altgate.demo.broker import free_port
from altgate.demo.building import FRONT, PIN, UNIT
from conftest import ROOT
from support import installing
from support.browser import chromium

FOLDER = ROOT / "docs" / "pictures"
DEMO, RESIDENT = {"width": 1400, "height": 1060}, {"width": 800, "height": 900}
START_S, STEP_MS, INSTALL_S = 60, 20_000, 120
TERMINAL = 110  # letters in a line
MOST_BYTES = 250_000
GREEN, BLUE, CYAN, AMBER = "rgb(0, 240, 0)", "rgb(0, 0, 240)", "rgb(0, 160, 160)", "rgb(240, 120, 0)"


class Live:
    """What the demo tells its page, on its way there. ``hold`` keeps the page as it is at some message."""

    def __init__(self, page: Page) -> None:
        self._until: str | None = None
        self._held: list[str] | None = None
        page.route_web_socket("**/live", self._joined)

    def _joined(self, route: WebSocketRoute) -> None:
        self._route = route
        route.connect_to_server().on_message(self._message)

    def _message(self, text: str) -> None:
        message = json.loads(text)
        for gallery in (message, message.get("gallery") or {}):
            if "faces" in gallery:
                gallery["faces"] = [{**face, "picture": None} for face in gallery["faces"]]
                # As the page says it at every first start, before the photos are there.
                gallery["note"] = {"text": "photos", "part": 0}
        text = json.dumps(message)
        if self._held is not None:
            self._held.append(text)
            return
        self._route.send(text)
        if self._until and message.get(self._until):
            self._held, self._until = [], None

    def hold(self, name: str) -> None:
        """Let nothing pass after the next message in which ``name`` is true."""
        self._until = name

    def go_on(self) -> None:
        """Pass what was held."""
        held, self._held = self._held or [], None
        for text in held:
            self._route.send(text)


@contextmanager
def demo() -> Iterator[str]:
    """The demo as ``make demo`` starts it, without photos; its address."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        # A folder cannot be made below a file: the photos are neither found nor fetched.
        blocked = Path(folder) / "file"
        blocked.touch()
        process = subprocess.Popen(
            [sys.executable, "-m", "altgate", "demo", "--port", str(port), "--faces", str(blocked / "faces")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            assert process.stdout
            for line in process.stdout:
                if "Open http" in line:
                    break
            else:
                raise RuntimeError("The demo ended before it was ready.")
            yield f"http://localhost:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=START_S)


def keys(page: Page, text: str) -> None:
    """Press keys of the drawn keypad, one after the other."""
    for key in text:
        page.get_by_role("button", name=key, exact=True).click()
        page.wait_for_timeout(120)


def wait(page: Page, what: str, text: str) -> None:
    """Wait until an element holds a text."""
    expect(page.locator(what)).to_contain_text(text, timeout=STEP_MS)


def lamp(page: Page, colour: str) -> None:
    """Wait until the lamp has this colour."""
    expect(page.locator("#lamp")).to_have_css("background-color", colour, timeout=STEP_MS)


def secured(page: Page) -> None:
    """Wait until the strike is back on its safe side."""
    expect(page.locator("#strike")).to_have_text("secured", timeout=STEP_MS)


def ways_in(page: Page) -> None:
    """Story 1: a clone is refused, a pass opens once, the PIN and the card open."""
    page.click('[data-card="clone"]')
    wait(page, "#reason", "could not prove")
    page.click('[data-card="clone"]')
    for said in ("Welcome.", "used up"):
        page.click('[data-pass="good"]')
        wait(page, "#reason", said)
    secured(page)
    keys(page, f"{UNIT}#{PIN}#")
    wait(page, "#records tr:first-child", "PIN")
    secured(page)
    page.click('[data-card="genuine"]')
    wait(page, "#records tr:first-child", "card")
    lamp(page, GREEN)


def choose_face(page: Page) -> None:
    """Story 2: card, face key, door PIN twice, the card again, the notice's code, three shots."""
    steps = page.locator("#story li")
    door_pin = re.findall(r"\d{6,8}", steps.nth(2).inner_text())[0]
    code = re.findall(r"\d{6}", steps.nth(3).inner_text())[0]
    page.click('[data-card="genuine"]')
    secured(page)
    page.click('[data-card="genuine"]')
    wait(page, "#strike", "released")
    page.click('[data-card="genuine"]')
    page.click("#facehold")
    lamp(page, BLUE)
    keys(page, f"{door_pin}#")
    page.wait_for_timeout(300)
    keys(page, f"{door_pin}#")
    page.click('[data-card="genuine"]')
    lamp(page, CYAN)
    page.click('[data-card="genuine"]')
    keys(page, f"{code}#")
    wait(page, "#mqtt", "down/consent")
    page.wait_for_timeout(1500)
    for shot in ("bo1", "bo2", "bo3"):
        page.click(f'[data-face="{shot}"]')
        page.click("#facekey")
        lamp(page, AMBER)
        expect(page.locator("#lamp")).not_to_have_css("background-color", AMBER, timeout=STEP_MS)
        page.wait_for_timeout(400)
    wait(page, "#mqtt", "enrolled")


def claim_by_face(page: Page, live: Live) -> None:
    """The personal number and the face key; the page stands still while the camera has its supply."""
    number = re.findall(r"\d{6}", page.locator("#story li").nth(5).inner_text())[0]
    secured(page)
    page.click('[data-face="bo4"]')
    live.hold("face_supply")
    keys(page, number)
    page.click("#facekey")
    wait(page, "#face", "on")


def resident(browser: Browser, page: Page) -> Page:
    """Bo's own page, opened by a one-time link in another window."""
    page.click('[data-do="link"]')
    link = page.locator("#link")
    expect(link).to_be_visible()
    target = link.get_attribute("href")
    opened = browser.new_context(viewport=RESIDENT, locale="en").new_page()
    opened.goto(page.url.rstrip("/") + target)
    row = opened.locator("#doors li", has=opened.get_by_role("heading", name=FRONT, exact=True))
    expect(row.locator(".pill")).to_have_text("On", timeout=STEP_MS)
    return opened


def write(page: Page, name: str, is_whole: bool = False) -> None:
    """What the window shows now, or the whole page, with nothing under the mouse."""
    page.mouse.move(1, 1)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=is_whole)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}  {size} bytes")
    if size > MOST_BYTES:
        raise SystemExit(f"{path.name} is larger than {MOST_BYTES} bytes: show less.")


def play(browser: Browser, address: str) -> None:
    """Both stories, with a picture at the end of each step that is worth one."""
    page = browser.new_context(viewport=DEMO, locale="en").new_page()
    live = Live(page)
    page.goto(address)
    wait(page, "#reason", "Show a card")
    ways_in(page)
    write(page, "demo")
    choose_face(page)
    claim_by_face(page, live)
    write(page, "face")
    live.go_on()
    wait(page, "#records tr:first-child", "entryfaceWelcome.")
    opened = resident(browser, page)
    write(opened, "resident", is_whole=True)
    opened.click("#language")
    write(opened, "resident-zh", is_whole=True)


def installation(browser: Browser) -> None:
    """What the guided command says on a terminal, from the bare board to the checked door."""
    with tempfile.TemporaryDirectory(prefix="altgate-pictures-") as name:
        folder = Path(name)
        with installing.bare(folder) as building:
            done = installing.guided(building, installing.ticket(building, folder / "front.ticket"))
            code = done.wait(INSTALL_S)
    if code:
        raise SystemExit(done.text)
    said = done.text.replace(building.board.console_path, "/dev/ttyACM0")
    typed = "$ altgate install --ticket front.ticket\n"
    terminal = Console(record=True, width=TERMINAL, file=io.StringIO())
    terminal.print(typed + said, markup=False, highlight=False)
    page = browser.new_page(viewport={"width": 1200, "height": 400})
    page.set_content(terminal.export_svg(title="altgate install"))
    write(page, "install", is_whole=True)


def main() -> None:
    """Write all pictures anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        installation(browser)
    with demo() as address, chromium() as browser:
        play(browser, address)


if __name__ == "__main__":
    main()
