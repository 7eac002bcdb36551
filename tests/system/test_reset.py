"""Factory reset by the board's button: nothing of a key or a template stays, and the board is bare."""

import time
from pathlib import Path

from sqlalchemy import select

from altgate.consent import states
from altgate.demo.building import HEAP, Building
from altgate.demo.cast import made_of_numbers
from altgate.demo.person import Person
from altgate.protocol import messages as m
from altgate.protocol import update
from altgate.registry.models import Consent, Event
from altgate.rig.board import Board
from support.erasure import WINDOW
from support.image import SCRIPTS

SECRET = ("keys", "face_keys", "templates", "consents", "journal_keys")
SEEN_S = 1.5  # the button is looked at every second


def board(folder: Path) -> Board:
    return Board(folder, SCRIPTS / "run_and_hold.py", heap=HEAP, is_on=False)


def secrets(made: Building) -> set[bytes]:
    """Pieces of what lies in the partitions of keys, templates and consents."""
    image = flash(made).read_bytes()
    found: set[bytes] = set()
    for label in SECRET:
        offset, size = made.board.wiring.partition(label)
        part = image[offset : offset + size]
        for at in range(0, size, WINDOW):
            piece = part[at : at + WINDOW]
            if len(set(piece)) > 4:
                found.add(piece)
    return found


def flash(made: Building) -> Path:
    return made.site.data.parent / "board" / "flash.bin"


def left(made: Building, held: set[bytes]) -> list[bytes]:
    """What of it is still in the flash."""
    image = flash(made).read_bytes()
    return [piece for piece in held if piece in image]


def hold(made: Building, seconds: float) -> None:
    made.board.drive("reset_button", 0)
    time.sleep(seconds)
    made.board.drive("reset_button", 1)


def test_the_button_held_down_leaves_a_bare_board_and_nothing_of_its_keys(tmp_path: Path) -> None:
    with Building(tmp_path, board=board) as building:
        door, person = building.board, Person(building)
        person.enrol(made_of_numbers().enrolment)
        held = secrets(building)
        assert len(held) > 20
        starts = door.starts
        # Let go in time, nothing happens.
        hold(building, SEEN_S)
        door.wait_console("factory reset cancelled")
        assert door.starts == starts
        person.show_card()
        # Held down: a red lamp and a tone warn first.
        beeps, number = door.events.beeps, building.last_number()
        door.drive("reset_button", 0)
        door.wait_start(starts + 1, 20)
        door.drive("reset_button", 1)
        assert door.events.beeps > beeps + 1
        door.wait_console("erasing everything")
        building.wait(lambda: door.console.text().count("waiting to be provisioned") > 1 or None, "bare")
        begun = building.wait_event(m.KIND_RESET, number)
        assert begun.detail == update.RESET_BEGUN
        # The host ends the consents as it does where a board is lost.
        with building.site.read() as session:
            assert session.scalars(select(Consent)).one().lost_at is not None
            assert session.scalars(select(Event).where(Event.action == states.ACTION_DAMAGED)).one().actor
        building.wait(lambda: door.pins.get("strike") == 0 or None, "a lock that is shut")
        assert not left(building, held)
        # Bare is bare: it is provisioned as any other board, and tells what was done.
        number = building.last_number()
        building.provision()
        done = building.wait_event(m.KIND_RESET, number)
        assert done.detail == update.RESET_DONE
        building.wait_applied()
        door.tap(building.card())
        door.wait_pin("strike", 1)


def test_a_cut_supply_does_not_end_it_half_way(tmp_path: Path) -> None:
    with Building(tmp_path, board=board) as building:
        door = building.board
        held = secrets(building)
        starts = door.starts
        door.cut_start_after(2)
        door.drive("reset_button", 0)
        door.wait_start(starts + 1, 20)
        door.drive("reset_button", 1)
        door.wait_off()
        assert left(building, held)
        door.cut_start_after(0)
        door.power_on()
        building.wait(lambda: door.console.text().count("waiting to be provisioned") > 1 or None, "bare")
        assert not left(building, held)


def test_a_board_whose_flash_does_not_open_is_reset_by_its_button(tmp_path: Path) -> None:
    with Building(tmp_path, board=board) as building:
        door = building.board
        held = secrets(building)
        door.power_off()
        with flash(building).open("r+b") as file:
            # A spoiled wrapping key: the identity does not open any more.
            file.seek(door.wiring.partition("keys")[0] + 20)
            file.write(bytes(4))
        door.power_on()
        door.wait_console("the flash does not open", 20)
        door.drive("reset_button", 0)
        building.wait(lambda: door.console.text().count("waiting to be provisioned") > 1 or None, "bare", 30)
        door.drive("reset_button", 1)
        assert not left(building, held)
        building.provision()
        building.wait_applied()
