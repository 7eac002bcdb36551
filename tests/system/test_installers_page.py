"""docs/installers.md as a newcomer follows it: each command of it in its order, to a door that opens."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from altgate.demo.broker import free_port
from altgate.keys.cards import card_key
from altgate.registry import doors
from altgate.registry.site import Site
from altgate.rig.board import Board
from altgate.rig.ntag424 import Ntag424
from conftest import ROOT
from support import installing
from support.guided import Guided

pytestmark = pytest.mark.debian
PAGE = (ROOT / "docs" / "installers.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ {4,7}((?:altgate|mosquitto|pip) .*)$", PAGE, re.M)
ENDS_S, STARTS_S = 120, 30


class Newcomer:
    """Types what the page says, with this machine's port, place and broker in the place of the page's."""

    def __init__(self, folder: Path, board: Board) -> None:
        self.folder, self.board, self.port = folder, board, free_port()
        self.environment = {**os.environ, "ALTGATE_DATA": str(folder / "altgate")}
        self.running: list[subprocess.Popen[bytes]] = []
        self.installing: Guided | None = None
        self.done: list[str] = []

    def type(self, line: str) -> None:
        words = [self.here(word) for word in shlex.split(line)]
        self.done.append(" ".join(words[:3]))
        if words[0] == "pip":
            # The environment of the tests is made by that; what is in brackets must be there.
            extra = re.search(r"\[(\w+)\]", line)
            assert not extra or f"\n{extra[1]} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        elif words[0] == "mosquitto" or words[:2] == ["altgate", "serve"]:
            self.start(words)
        elif words[:2] == ["altgate", "install"]:
            self.install(words[1:])
        else:
            if words[:3] == ["altgate", "broker", "init"]:
                words += ["--port", str(self.port), "--listen", "127.0.0.1"]
            if words[:3] == ["altgate", "door", "admit"]:
                self.admit(words)
            self.run(words)

    def here(self, word: str) -> str:
        word = word.replace("/srv/altgate", str(self.folder / "altgate"))
        return word.replace("broker.lan:8883", f"localhost:{self.port}")

    def program(self, words: list[str]) -> list[str]:
        if words[0] == "altgate":
            return [sys.executable, "-m", "altgate", *words[1:]]
        found = Path("/usr/sbin/mosquitto")
        return [str(found) if found.exists() else words[0], *words[1:]]

    def run(self, words: list[str]) -> str:
        done = subprocess.run(
            self.program(words), cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=ENDS_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def start(self, words: list[str]) -> None:
        with (self.folder / f"{len(self.running)}.log").open("wb") as log:
            self.running.append(
                subprocess.Popen(
                    self.program(words), cwd=self.folder, env=self.environment, stdout=log, stderr=log
                )
            )
        time.sleep(1)
        assert self.running[-1].poll() is None, (self.folder / f"{len(self.running) - 1}.log").read_text()

    def install(self, words: list[str]) -> None:
        # A simulated board has no loader of the chip: docs/flashing.md has a test of its own.
        at = words.index("--micropython")
        del words[at : at + 2]
        self.installing = Guided(
            [*words, self.board.console_path], installing.acts(self.board, lambda: None), cwd=self.folder
        )

    def admit(self, words: list[str]) -> None:
        assert self.installing
        key = self.installing.wait_for(r"board's key is ([0-9a-f-]{19})", ENDS_S)
        words[-1] = key
        deadline = time.monotonic() + STARTS_S
        while key not in self.run(["altgate", "ticket", "list", "--json"]):
            assert time.monotonic() < deadline
            time.sleep(0.5)

    def end(self) -> None:
        for process in reversed(self.running):
            process.terminate()
            process.wait(STARTS_S)


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    (tmp_path / "board").mkdir()
    board = Board(tmp_path / "board", heap="512k")
    made = Newcomer(tmp_path, board)
    try:
        board.air(installing.AIR)
        board.wait_console("waiting to be provisioned")
        yield made
    finally:
        made.end()
        board.stop()


def test_a_newcomer_gets_from_pip_to_a_door_that_opens_for_a_card(newcomer: Newcomer) -> None:
    for line in COMMANDS:
        newcomer.type(line)
    assert newcomer.installing and newcomer.installing.wait(ENDS_S) == 0, newcomer.installing.text
    assert len(newcomer.done) == len(COMMANDS) > 12
    site = Site(newcomer.folder / "altgate")
    with site.read() as session:
        uid = bytes.fromhex("04a17e9a7e0101")
        card = Ntag424(uid, card_key(doors.zone_key(site, session, 1), uid, 1))
    site.close()
    deadline = time.monotonic() + STARTS_S
    row = '"applied_version": {0},'
    while True:
        shown = newcomer.run(["altgate", "door", "show", "Front door", "--json"])
        wanted = re.search(r'"state_version": (\d+)', shown)
        if wanted and row.format(wanted[1]) in shown:
            break
        assert time.monotonic() < deadline, shown
        time.sleep(0.5)
    newcomer.board.tap(card)
    newcomer.board.wait_pin("strike", 1)
    assert (newcomer.folder / "front.svg").exists() and (newcomer.folder / "front.html").exists()
