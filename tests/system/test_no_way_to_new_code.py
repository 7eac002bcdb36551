"""Nobody gets a prompt, and so new code, from a door's serial line: not while it starts, and not later.

From the firmware's first line on. What a stock image does with a Ctrl-C in the moment before, no line can
help; the threat model says so. A prompt comes after a maintenance window has taken the keys, and never else.
"""

import threading
import time
from contextlib import contextmanager

import pytest

from altgate.demo.building import FRONT, HEAP, Building
from altgate.protocol import messages as m
from altgate.protocol import provisioning as p
from altgate.protocol import service
from altgate.provision import image, maintenance
from altgate.provision.port import SerialPort
from altgate.provision.service import open_line
from altgate.provision.session import Session
from altgate.registry import doors, services
from altgate.release import key as keys
from altgate.release.slot import from_slot
from altgate.rig.board import Board
from support import image as boards
from support import signed
from support.image import SCRIPTS

PROMPTS = (">>>", "raw REPL", "MicroPython", "KeyboardInterrupt", "Traceback")
FIRST_LINE_S = 0.03
KEYS = b"\r\x03\x03\x01\x02\x04\r\nimport os\r\n"


def board(folder):
    return Board(folder, SCRIPTS / "run_and_say.py", heap=HEAP, is_on=False)


@contextmanager
def hammered(door):
    """Switch the board on, and from its first line on send what mpremote and others send, again and again."""
    done = threading.Event()

    def hammer():
        while not done.is_set():
            door.type(KEYS)
            time.sleep(0.002)

    said = door.console.text().count("first line")
    door.power_on()
    deadline = time.monotonic() + 10
    while door.console.text().count("first line") == said and time.monotonic() < deadline:
        time.sleep(0.0005)
    # The interpreter reads and compiles main.py first; loading the firmware then takes far longer than this.
    time.sleep(FIRST_LINE_S)
    typing = threading.Thread(target=hammer)
    typing.start()
    try:
        yield
    finally:
        done.set()
        typing.join()


def no_prompt(door):
    printed = door.console.text()
    assert not [prompt for prompt in PROMPTS if prompt in printed], printed[-2000:]


def test_a_door_gives_no_prompt_while_it_starts_or_after(tmp_path):
    with Building(tmp_path, board=board) as building:
        door = building.board
        door.power_off()
        before, starts = building.last_number(), door.starts
        with hammered(door):
            building.wait_event(m.KIND_BOOT, before)
            since = door.now_us()
            door.tap(building.card())
            door.wait_pin("strike", 1, after_us=since)
        no_prompt(door)
        assert door.starts == starts + 1


def test_a_bare_board_gives_no_prompt_either(tmp_path):
    building = Building(tmp_path, board=board)
    try:
        with hammered(building.board):
            building.board.wait_console("waiting to be provisioned", 20)
    finally:
        building.stop()
    no_prompt(building.board)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys.platformdirs, "user_state_dir", lambda name: str(folder / "state"))
        yield signed.build(folder, image.regions()[:2])


@pytest.fixture
def building(tmp_path, images):
    with Building(tmp_path, board=lambda folder: boards.stock(folder, images.regions)) as made:
        yield made


@contextmanager
def spoken(building, scope):
    """The line of the door, open for a scope: the port, the session, and who asks."""
    with building.site.write() as session:
        access = services.grant(building.site, session, doors.find(session, FRONT), scope)
    line = SerialPort(building.board.console_path)
    try:
        exchange = Session(line)
        yield line, exchange, open_line(exchange, access)
    finally:
        line.close()


def page(building):
    """The page of the wrapping key."""
    offset = building.board.wiring.partition("keys")[0]
    return (building.site.data.parent / "board" / "flash.bin").read_bytes()[offset : offset + 80]


def test_a_signed_firmware_that_ends_gives_no_prompt_while_there_are_keys(building, images):
    board, starts = building.board, building.board.starts
    with spoken(building, service.SCOPE_UPDATE) as (_, exchange, door):
        maintenance.send(exchange, door, from_slot(images.ending.read_bytes()), lambda *_: None)
    board.wait_console("the firmware has ended", 20)
    board.type(KEYS)
    board.wait_start(starts + 2, 20)
    board.wait_console("was not confirmed: back to code_a", 10)
    no_prompt(board)
    assert page(building) != bytes(80)


def test_whoever_hammers_at_a_window_gets_a_prompt_after_the_keys_have_gone(building):
    board = building.board
    before = page(building)
    with spoken(building, service.SCOPE_WINDOW) as (line, exchange, _):
        maintenance.open_window(exchange, line, True)
    deadline = time.monotonic() + 10
    while ">>>" not in board.console.text() and time.monotonic() < deadline:
        board.type(KEYS)
        time.sleep(0.01)
    printed = board.console.text()
    assert printed.index("erasing everything") < printed.index("maintenance window") < printed.index(">>>")
    assert page(building) == bytes(80) and before != bytes(80)


def test_a_window_that_cannot_erase_does_not_open(building):
    board = building.board
    with spoken(building, service.SCOPE_WINDOW) as (_, exchange, _):
        # From the next start on the partition of the templates' keys does not answer.
        board.kill_flash("face_keys")
        exchange.say([p.SAY_ASK, service.VERB_WINDOW, True], 20)
    board.wait_console("not erased: face_keys", 20)
    board.wait_console("locked, trying again", 10)
    board.type(KEYS)
    time.sleep(1)
    no_prompt(board)
    assert board.pins["strike"] == 0
