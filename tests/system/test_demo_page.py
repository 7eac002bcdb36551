"""The demo's page in a real browser: what a newcomer clicks, and what the real firmware answers."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from altgate.demo.broker import free_port
from support.browser import watched

pytestmark = pytest.mark.debian
START_S = 40
SHOTS = os.environ.get("ALTGATE_SHOTS")


@pytest.fixture(scope="module")
def demo():
    """The demo as ``make demo`` starts it; ended by Ctrl-C, and everything with it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "altgate", "demo", "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    lines = []
    is_ready = threading.Event()

    def read():
        for line in process.stdout:
            lines.append(line)
            if "Open http" in line:
                is_ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert is_ready.wait(START_S), "".join(lines)
    before = _children(process.pid)
    assert len(before) >= 2
    yield f"http://localhost:{port}"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0, "".join(lines)
    reader.join()
    process.stdout.close()
    assert "Traceback" not in "".join(lines)
    assert not [pid for pid in before if Path(f"/proc/{pid}").exists()]


@pytest.fixture
def page(demo, browser):
    page, problems = watched(browser, 1400)
    page.goto(demo)
    expect(page.locator("#reason")).to_contain_text("Show a card")
    yield page
    page.context.close()
    assert problems == []


def _children(pid):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(entry.name))
    return found


def shot(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def secured(page):
    expect(page.locator("#strike")).to_have_text(re.compile("secured|已锁定"), timeout=10_000)


def test_cards(page):
    page.click('[data-card="clone"]')
    expect(page.locator("#reason")).to_contain_text("could not prove that it is genuine")
    secured(page)
    page.click('[data-card="clone"]')
    page.click('[data-card="genuine"]')
    expect(page.locator("#strike")).to_have_text("released")
    expect(page.locator("#reason")).to_have_text("Welcome.")
    page.click("#push")
    expect(page.locator("#contact")).to_have_text("open")
    shot(page, "demo-en")
    page.click("#push")
    expect(page.locator("#records tr").first).to_contain_text("door closed")
    page.click('[data-card="genuine"]')
    secured(page)
    page.click("#push")
    expect(page.locator("#reason")).to_have_text("The door is locked.")


def test_keys_and_both_languages(page):
    for key in "1204#999999#":
        page.get_by_role("button", name=key, exact=True).click()
    expect(page.locator("#reason")).to_contain_text("PIN is wrong")
    page.click("#language")
    expect(page.locator("#reason")).to_contain_text("密码错误")
    for key in "1204#246813#":
        page.keyboard.press(key)
    expect(page.locator("#reason")).to_have_text("欢迎。", timeout=10_000)
    shot(page, "demo-zh")
    secured(page)


def test_passes(page):
    for name, text in (
        ("ended", "expired"),
        ("other", "another door"),
        ("forged", "not genuine"),
        ("good", "Welcome"),
        ("good", "used up"),
    ):
        page.click(f'[data-pass="{name}"]')
        expect(page.locator("#reason")).to_contain_text(text)
    page.click('[data-do="issue"]')
    secured(page)
    page.click('[data-pass="good"]')
    expect(page.locator("#strike")).to_have_text("released")
    secured(page)


def test_the_manager_and_the_broker(page):
    page.click('[data-card="uid"]')
    expect(page.locator("#reason")).to_contain_text("it can be copied")
    page.click('[data-card="uid"]')
    page.click('[data-do="unlock"]')
    expect(page.locator("#strike")).to_have_text("released")
    secured(page)
    page.click("#broker")
    expect(page.locator("#broker")).to_have_text("Start the broker")
    page.click('[data-card="genuine"]')
    expect(page.locator("#strike")).to_have_text("released")
    page.click('[data-card="genuine"]')
    page.click("#broker")
    expect(page.locator("#records tr").first).to_contain_text("entrycardWelcome.", timeout=40_000)
    page.click('[data-do="exit"]')
    expect(page.locator("#records")).to_contain_text("exit button")
    page.click("#power")
    expect(page.locator("#power")).to_have_text("Switch the board on")
    page.click("#power")
    expect(page.locator("#records tr").first).to_contain_text("door started", timeout=20_000)


def test_another_site_cannot_reach_the_door(demo):
    host, port = "localhost", int(demo.rsplit(":", 1)[1])
    with socket.create_connection((host, port), 5) as link:
        link.sendall(
            f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: https://elsewhere.example\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert b" 403 " in link.recv(4096).split(b"\r\n")[0]


def test_a_port_in_use_is_a_sentence(demo):
    port = demo.rsplit(":", 1)[1]
    again = subprocess.run(
        [sys.executable, "-m", "altgate", "demo", "--port", port], capture_output=True, text=True, timeout=30
    )
    assert again.returncode == 2
    assert again.stderr.strip() == f"Port {port} is in use: choose another with --port."
