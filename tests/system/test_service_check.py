"""``altgate check`` on a simulated board: all is well, what is broken is named, and who may do what."""

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest
from typer.testing import Result

from altgate.demo.building import FRONT, Building
from altgate.protocol import limits, service
from altgate.protocol import messages as m
from altgate.provision.check import PARTS, SKIPPED
from altgate.registry import doors, settings
from altgate.texts import check_texts
from conftest import ROOT
from support.commands import Run, commands

SHOWN = ("card", "keys", "scanner", "way_out")  # parts for which somebody has to do something


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    with Building(tmp_path_factory.mktemp("building")) as made:
        with made.site.write() as session:
            shortest = {settings.RELEASE_S: limits.RELEASE_S_MIN}
            doors.change_settings(made.site, session, doors.find(session, FRONT), shortest)
        made.wait_applied()
        yield made


@pytest.fixture
def run(building: Building) -> Run:
    return commands(building.site.data)


class Installer:
    """Does what he is told to, as soon as the command says so."""

    def __init__(self, building: Building) -> None:
        self._board, self._building = building.board, building

    def act(self, text: str) -> None:
        for said, does in (
            ("card to the reader", self._card), ("key of the keypad", lambda: self._board.press("*")),
            ("code to the scanner", lambda: self._board.show_qr("https://example.org")),
            ("exit button", self._leave),
        ):  # fmt: skip
            if said in text:
                Timer(0.3, does).start()

    def _card(self) -> None:
        self._board.tap(self._building.card())
        time.sleep(0.5)
        self._board.untap()

    def _leave(self) -> None:
        for name in ("exit_contact", "door_contact"):
            rest = self._board.wiring.rest[name]
            for level in (1 - rest, rest):
                self._board.drive(name, level)
                time.sleep(0.15)


@pytest.fixture
def installer(building: Building, monkeypatch: pytest.MonkeyPatch) -> Installer:
    made = Installer(building)
    monkeypatch.setattr("altgate.cli.check.Person.told", lambda _self, text: made.act(text))
    return made


def rows(done: Result) -> dict[str, dict[str, str]]:
    found = json.loads(done.stdout)
    assert [row["part"] for row in found] == list(PARTS)
    return {row["part"]: row for row in found}


@pytest.mark.usefixtures("installer")
def test_a_door_that_is_well_passes_in_everything(building: Building, run: Run, tmp_path: Path) -> None:
    ticket, report = tmp_path / "service.txt", tmp_path / "report.html"
    run("door", "service", FRONT, "--scope", "check,strike", "--hours", "2", "--file", str(ticket))
    before, since = building.last_number(), building.board.now_us()
    words = ("check", building.board.console_path, "--ticket", str(ticket), "--yes", "--json")
    found = rows(run(*words, "--report", str(report)))
    assert {part: row["state"] for part, row in found.items()} == dict.fromkeys(PARTS, "passed")
    assert found["reader"]["found"] == "PN532 firmware 1.6"
    assert found["card"]["found"] == "as card" and "pass malformed" in found["scanner"]["found"]
    assert found["strike"]["found"] == f"{limits.RELEASE_S_MIN} s, nobody watched"
    released = building.board.wait_pin("strike", 1, after_us=since)
    building.board.wait_pin("strike", 0, after_us=released)
    events = [event for event in building.events(m.KIND_SERVICE) if event.number > before]
    assert [(event.reason, event.detail) for event in events][-1] == (0, service.SCOPE_STRIKE)
    page = report.read_text(encoding="utf-8")
    for text in (FRONT, "a17e9a7e0001", "PIPL-26", "FRM-5", "SPC-10", "签名", "读卡器有响应"):
        assert text in page
    with building.site.read() as session:
        door = doors.find(session, FRONT)
        fingerprint = json.loads(run("door", "show", FRONT, "--json").stdout)["fingerprint"]
        assert door.door_id in page and fingerprint in page
    assert not re.search(r'(?:src|href)="', page)
    assert "service granted" in run("audit", "list", "--json").stdout


def test_what_is_broken_is_named_with_what_to_do(
    building: Building, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    building.board.drive("tamper", 1)
    monkeypatch.setattr(building.board.reader, "receive", lambda _data: None)
    monkeypatch.setattr("altgate.provision.check.WAIT_S", 2)
    building.pause_host()
    skipped = ",".join((*SHOWN, "lamp", "tones", "strike", "clock"))
    report = tmp_path / "report.html"
    words = ("check", building.board.console_path, "--door", FRONT, "--yes", "--skip", skipped, "--json")
    try:
        done = run(*words, "--report", str(report), code=1)
    finally:
        building.board.drive("tamper", 0)
        monkeypatch.undo()
        building.serve()
    found = rows(done)
    failed = {part for part, row in found.items() if row["state"] == "failed"}
    assert failed == {"reader", "contacts", "host"}
    assert {part for part, row in found.items() if row["state"] == SKIPPED} == set(skipped.split(","))
    assert found["contacts"]["found"] == "case open"
    for part in failed:
        assert found[part]["remedy"] == check_texts()["remedy"][part]["en"]
        assert check_texts()["remedy"][part]["zh-CN"] in report.read_text(encoding="utf-8")
    assert "reader, contacts, host" in str(done.exception)


def test_a_ticket_without_the_strike_opens_nothing(building: Building, run: Run, tmp_path: Path) -> None:
    ticket, since = tmp_path / "service.txt", building.board.now_us()
    run("door", "service", FRONT, "--file", str(ticket))
    skipped = ",".join(part for part in PARTS if part not in ("strike", "flash"))
    words = ("check", building.board.console_path, "--ticket", str(ticket), "--yes", "--json")
    found = rows(run(*words, "--skip", skipped))
    assert found["strike"]["state"] == SKIPPED and found["flash"]["state"] == "passed"
    with pytest.raises(TimeoutError):
        building.board.wait_pin("strike", 1, 0.3, after_us=since)
    ticket.unlink()
    run("door", "service", FRONT, "--scope", "strike", "--file", str(ticket))
    done = run("check", building.board.console_path, "--ticket", str(ticket), "--yes", code=5)
    assert "does not allow this" in str(done.exception)


def test_mistakes(building: Building, run: Run, tmp_path: Path) -> None:
    port, there = building.board.console_path, tmp_path / "there"
    there.write_text("ALTGATE:S:1:AAAA")
    ticket = tmp_path / "service.txt"
    for words, says in (
        (("check", port, "--yes"), "Give --ticket"),
        (("check", port, "--door", "Nowhere", "--yes"), "No door"),
        (("check", port, "--door", FRONT), "no terminal"),
        (("check", port, "--door", FRONT, "--yes", "--skip", "wings"), "wings"),
        (("check", port, "--ticket", str(there), "--yes"), "no service ticket"),
        (("check", port, "--door", FRONT, "--yes", "--report", str(there)), "new"),
        (("door", "service", FRONT, "--scope", "all", "--file", str(ticket)), "no scope"),
        (("door", "service", FRONT, "--hours", "0", "--file", str(ticket)), "--hours"),
        (("door", "service", FRONT, "--file", str(there)), "new"),
    ):  # fmt: skip
        assert says in str(run(*words, code=2).exception), words
    assert not ticket.exists()


def test_every_text_of_a_check_is_there_and_every_duty_is_known() -> None:
    texts = check_texts()
    assert set(texts["part"]) == set(texts["remedy"]) == set(PARTS)
    duties = (ROOT / "docs" / "duties.md").read_text(encoding="utf-8")
    named = [duty.split("-") for duty in texts["duty"] if duty not in ("exit", "fire")]
    assert named
    for law, article in named:
        assert re.search(rf"{law}-(?:\d+, )*{article}\b", duties), law


@pytest.mark.usefixtures("installer")
def test_the_commands_of_the_page_do_what_it_says(
    building: Building, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    altgate (.*)$", page, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        words = shlex.split(line.replace("/dev/ttyACM0", building.board.console_path))
        if words[0] == "check":
            # Nobody is at a terminal here, and nothing waits for what the other tests have shown.
            given = words.pop(words.index("--skip") + 1) if "--skip" in words else ""
            words = [word for word in words if word != "--skip"]
            skipped = {*given.split(","), *SHOWN, "lamp", "tones", "strike", "clock"} - {""}
            words += ["--yes", "--skip", ",".join(sorted(skipped))]
        run(*words)
    made = {"front.service", "front.html", "front.svg", "again.svg"}
    assert {path.name for path in tmp_path.iterdir()} >= made
    named = set(re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE))
    assert {part.strip("`") for cell in named for part in cell.split(", ")} == {*PARTS, "check", "strike"}
