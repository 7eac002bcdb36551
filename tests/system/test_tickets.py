"""A board that gets a ticket from a laptop without a register, waits, is admitted over MQTT, and replaced."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from altgate.demo.building import FRONT, Building
from altgate.protocol import messages
from altgate.registry import doors, enrolments, revocation
from altgate.rig.board import Board
from support import installing
from support.commands import Run, commands

WAITS, ASKS = "waiting to be admitted", "asking to be admitted"


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    """A building whose host runs, with a bare board that is on."""
    with installing.bare(tmp_path) as made:
        yield made




@pytest.fixture
def run(building: Building) -> Run:
    return commands(building.site.data)


@pytest.fixture
def ticket(building: Building, run: Run, tmp_path: Path) -> Path:
    return issued(building, run, tmp_path / "front.ticket")


def issued(building: Building, run: Run, path: Path, *more: str) -> Path:
    broker = f"127.0.0.1:{building.broker.port}"
    run("ticket", "issue", "--door", FRONT, "--broker", broker, "--file", str(path), *more)
    return path


def install(building: Building, run: Run, ticket: Path, code: int = 0) -> str:
    """What the laptop says in the end; the board starts anew."""
    starts = building.board.starts
    done = run("provision", building.board.console_path, "--ticket", str(ticket), "--json", code=code)
    if code:
        return str(done.exception)
    building.board.wait_start(starts + 1)
    said = json.loads(done.stdout)
    assert said["state"] == "waiting"
    return str(said["fingerprint"])


def state(building: Building) -> str:
    with building.site.read() as session:
        return enrolments.state(session, doors.find(session, FRONT))


def wait_state(building: Building, wanted: str) -> None:
    building.wait(lambda: state(building) == wanted or None, f"the door to be {wanted}")


def test_a_door_by_ticket(building: Building, run: Run, ticket: Path) -> None:
    key = install(building, run, ticket)
    building.board.wait_console(WAITS)
    wait_state(building, "waiting")
    # It knows nobody, and does not even look: the resident's own card opens nothing.
    card = building.card()
    building.board.tap(card)
    time.sleep(1)
    assert building.board.pins["strike"] == 0
    building.board.reader.take(card)
    listed = json.loads(run("ticket", "list", "--json").stdout)
    assert [row["fingerprint"] for row in listed] == [key]
    wrong = run("door", "admit", FRONT, "--key", "0000-0000-0000-0000", code=2)
    assert key in str(wrong.exception) and state(building) == "waiting"
    starts = building.board.starts
    run("door", "admit", FRONT, "--key", key)
    building.board.wait_start(starts + 1)
    wait_state(building, "in use")
    building.wait_applied()
    building.board.tap(building.card())
    building.board.wait_pin("strike", 1)
    assert key in run("door", "show", FRONT, "--json").stdout


def test_the_same_ticket_again_goes_on_and_another_one_is_refused(
    building: Building, run: Run, ticket: Path, tmp_path: Path
) -> None:
    first = install(building, run, ticket)
    building.board.wait_console(ASKS)
    # The network is corrected, and the board is the same one.
    assert install(building, run, ticket) == first
    assert building.board.console.text().count("waiting to be provisioned") == 1
    back = issued(building, run, tmp_path / "other.ticket")
    # The first ticket has ended with that; the board is deaf to the second.
    assert "does not answer" in install(building, run, back, code=5)
    wait_state(building, "ticket issued")


def test_a_board_that_lost_power_while_it_waited_waits_on(
    building: Building, run: Run, ticket: Path
) -> None:
    install(building, run, ticket)
    wait_state(building, "waiting")
    building.board.power_off()
    run("door", "admit", FRONT)
    assert state(building) == "admitted"
    building.board.power_on()
    wait_state(building, "in use")
    building.wait_applied()


def test_a_replaced_board_takes_over_the_cards_and_the_old_one_is_shut_out(
    building: Building, run: Run, ticket: Path, tmp_path: Path
) -> None:
    install(building, run, ticket)
    wait_state(building, "waiting")
    run("door", "admit", FRONT)
    wait_state(building, "in use")
    building.wait_applied()
    building.board.power_off()
    (tmp_path / "new").mkdir()
    old, building.board = building.board, Board(tmp_path / "new", heap="512k")
    try:
        building.board.wait_console("waiting to be provisioned")
        broker = f"127.0.0.1:{building.broker.port}"
        path = tmp_path / "second.ticket"
        words = ("ticket", "issue", "--door", FRONT, "--broker", broker, "--file", str(path))
        assert "--replace" in str(run(*words, code=2).exception)
        run(*words, "--replace")
        install(building, run, path)
        wait_state(building, "waiting")
        starts = building.board.starts
        run("door", "admit", FRONT)
        building.board.wait_start(starts + 1)
        wait_state(building, "in use")
        building.wait_applied()
        building.board.tap(building.card())
        building.board.wait_pin("strike", 1)
        before = building.last_number()
        building.wait_event(messages.KIND_ENTRY, before - 1)
        assert run("audit", "verify").exit_code == 0
    finally:
        old.stop()


def test_a_lost_door_lists_what_it_knew(building: Building, run: Run, ticket: Path) -> None:
    install(building, run, ticket)
    wait_state(building, "waiting")
    run("door", "admit", FRONT)
    wait_state(building, "in use")
    lost = json.loads(run("door", "lost", FRONT, "--json").stdout)
    assert sorted(row["kind"] for row in lost["affected"]) == ["card", "pin"]
    assert FRONT not in run("door", "list", "--json").stdout
    revocation.refresh(building.site)


def test_a_batch_is_all_or_nothing(building: Building, run: Run, tmp_path: Path) -> None:
    broker, table, folder = "127.0.0.1:1883", tmp_path / "doors.csv", tmp_path / "tickets"
    words = ("ticket", "batch", str(table), "--broker", broker, "--folder", str(folder), "--json")
    for text, says in (
        ("", "must begin"), ("name,zone\n", "0 doors"), ("name,zone\nGarage,2\nCellar,x\n", "line 3"),
        ("name,zone\nGarage,2\nGarage,2\n", "line 3"), ("name,zone\nGarage,2\nCellar,300\n", "line 3"),
        ("name,zone\nGarage,2,3\n", "line 2"),
    ):  # fmt: skip
        table.write_text(text, encoding="utf-8")
        assert says in str(run(*words, code=2).exception), text
        assert not folder.exists() and "Garage" not in run("door", "list", "--json").stdout
    table.write_text("name,zone\nGarage,2\nRäume 3/4,1\n", encoding="utf-8")
    rows = json.loads(run(*words).stdout)
    assert [row["state"] for row in rows] == ["ticket issued"] * 2
    assert sorted(path.name for path in folder.iterdir()) == ["002-Garage.ticket", "003-Räume-3-4.ticket"]
    shown = json.loads(run("ticket", "show", str(folder / rows[0]["file"]), "--json").stdout)
    assert shown["door"] == "Garage" and shown["building"] == "Lakeside"


def test_mistakes_with_tickets(building: Building, run: Run, ticket: Path, tmp_path: Path) -> None:
    port = building.board.console_path
    assert "Give --ticket" in str(run("provision", port, code=2).exception)
    assert "--broker" in str(run("provision", port, "--door", FRONT, code=2).exception)
    both = ("provision", port, "--ticket", str(ticket), "--replace")
    assert "leave" in str(run(*both, code=2).exception)
    assert "cannot be read" in str(run("provision", port, "--ticket", "nowhere", code=2).exception)
    text = ticket.read_text()
    (tmp_path / "cut").write_text(text[:-40])
    assert "no ticket" in str(run("provision", port, "--ticket", str(tmp_path / "cut"), code=2).exception)
    assert "new" in str(run("ticket", "issue", "--door", FRONT, "--broker", "a:1", "--file", str(ticket),
                            code=2).exception)  # fmt: skip
    assert "--days" in str(run("ticket", "issue", "--door", FRONT, "--broker", "a:1", "--file",
                               str(tmp_path / "n"), "--days", "91", code=2).exception)  # fmt: skip
    assert not (tmp_path / "n").exists()
    assert "No board waits" in str(run("door", "admit", FRONT, code=2).exception)
    run("ticket", "withdraw", FRONT)
    assert "no open ticket" in str(run("ticket", "withdraw", FRONT, code=2).exception)
    assert text.strip()[10:50] not in building.board.console.text()
