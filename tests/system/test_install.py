"""From a bare board to a working door by the one guided command, as a newcomer goes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from altgate.demo.building import Building
from support import installing
from support.guided import Guided

WHOLE_S = 40


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    with installing.bare(tmp_path) as made:
        yield made


def test_a_bare_board_becomes_a_working_door(building: Building, tmp_path: Path) -> None:
    ticket = installing.ticket(building, tmp_path / "front.ticket")
    label, report = tmp_path / "front.svg", tmp_path / "report.html"
    done = installing.guided(building, ticket, "--label", label, "--report", report)
    assert done.wait(WHOLE_S) == 0, done.text
    assert done.questions <= 8 and "is a working door" in done.text
    key = re.search(r"key is ([0-9a-f-]{19})", done.text)
    assert key and key[1] in label.read_text() and key[1] in report.read_text()
    building.wait_applied()
    building.board.tap(building.card())
    building.board.wait_pin("strike", 1)
    # Nothing that is secret was said.
    assert installing.PASSWORD not in done.text
    # The same command again finds the door, and checks it once more.
    building.board.untap()
    building.board.wait_pin("strike", 0, 10)
    again = installing.guided(building, ticket)
    assert again.wait(WHOLE_S) == 0, again.text
    assert "It is that door already" in again.text


def test_nobody_answers_and_that_is_said(building: Building, tmp_path: Path) -> None:
    ticket = installing.ticket(building, tmp_path / "front.ticket")
    building.board.power_off()
    done = Guided(["install", building.board.console_path, "--ticket", ticket], {})
    assert done.wait(WHOLE_S) == 5
    assert "give --micropython" in done.text
