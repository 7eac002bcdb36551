"""An installer and a manager at one simulated board: everything that ``altgate install`` asks of them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from altgate.demo.building import FRONT, RESIDENT, Building
from altgate.protocol import messages
from altgate.registry import credentials, doors, enrolments, residents, revocation
from altgate.rig.board import Board
from altgate.rig.ntag424 import Ntag424
from support.guided import Act, Guided

SSID, PASSWORD = "Lakeside doors", "correct horse battery"
AIR = [("Neighbours", "x" * 8, -81), (SSID, PASSWORD, -52), ("Cafe", "", -70)]
CREDENTIALS = 20
HELD_S, APART_S = 0.3, 0.2
Step = tuple[str, str, str]


@contextmanager
def bare(folder: Path) -> Iterator[Building]:
    """A building whose host runs, with networks in the air and a bare board that is on."""
    made = Building(folder)
    try:
        made.start_host()
        made.board.air(AIR)
        made.board.power_on()
        made.board.wait_console("waiting to be provisioned")
        yield made
    finally:
        made.stop()


def ticket(building: Building, path: Path) -> Path:
    """A ticket for the front door, and as many credentials as a small house has."""
    site = building.site
    with site.write() as session:
        front, resident = doors.find(session, FRONT), residents.find(session, RESIDENT)
        for number in range(CREDENTIALS):
            uid = bytes((4, 0xB1, 0, 0, 0, 0, number))
            credentials.add(site, session, messages.TYPE_CARD, uid, resident, [front], (0, 0))
        address = ("127.0.0.1", building.broker.port)
        path.write_text(enrolments.issue_ticket(site, session, front, address, 14), encoding="ascii")
    return path


def guided(building: Building, ticket_file: Path, *more: str | Path) -> Guided:
    """Start it; the board is on, with networks in the air."""

    def admit() -> None:
        building.wait(lambda: _waiting(building) or None, "the board to ask to be admitted", 60)
        with building.site.write() as session:
            door = doors.find(session, FRONT)
            row = enrolments.current(session, door)
            assert row
            enrolments.admit(building.site, session, door, row)
        revocation.refresh(building.site)

    words = ["install", building.board.console_path, "--ticket", ticket_file, *more]
    return Guided(words, acts(building.board, admit))


def acts(board: Board, admit: Callable[[], None]) -> dict[str, Act]:
    """What an installer does and types; ``admit`` is the manager's part, when they hear the key."""

    def card() -> None:
        board.tap(Ntag424(bytes.fromhex("04a17e9a7e0999"), bytes(16)))
        _later(board.untap)

    def key() -> None:
        board.press("5")

    def code() -> None:
        board.show_qr("something else")

    def way_out() -> None:
        exit_, door = board.wiring.rest["exit_contact"], board.wiring.rest["door_contact"]
        for name, level in (("exit_contact", 1 - exit_), ("exit_contact", exit_), ("door_contact", 1 - door),
                            ("door_contact", door)):  # fmt: skip
            board.drive(name, level)
            time.sleep(HELD_S)

    return {
        "Network, or Enter to look again": lambda: "1",
        f"Password of {SSID}": lambda: PASSWORD,
        "Read it to the manager": lambda: _later(admit),
        "Show any card to the reader": lambda: _later(card),
        "Press any key of the keypad": lambda: _later(key),
        "Show any code to the scanner": lambda: _later(code),
        "Press the exit button, open the door": lambda: _later(way_out),
        "[Y/n]": lambda: "",
    }


def _later(act: object) -> None:
    """Have a person do something a moment after they are told to."""
    assert callable(act)

    def wait() -> None:
        time.sleep(APART_S)
        act()

    threading.Thread(target=wait, daemon=True).start()


def _waiting(building: Building) -> bool:
    with building.site.read() as session:
        row = enrolments.current(session, doors.find(session, FRONT))
        return bool(row and row.record)
