"""Debian's Chromium, as the tests of pages use it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, until the block ends."""
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


def watched(browser: Browser, width: int) -> tuple[Page, list[str]]:
    """A new page in English, and a list into which goes whatever the browser complains of."""
    page = browser.new_context(viewport={"width": width, "height": 900}, locale="en").new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    return page, problems
