"""Nobody gets a prompt, and so new code, from a door's serial line: not while it starts, and not later.

From the firmware's first line on. What a stock image does with a Ctrl-C in the moment before, no line can
help; the threat model says so.
"""

import threading
import time
from contextlib import contextmanager

from altgate.demo.building import HEAP, Building
from altgate.protocol import messages as m
from altgate.rig.board import Board
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
