"""The face module and its supply: no face comes of nonsense, and the supply is low but for one look."""

import hashlib
import random
import re
import time

import pytest

from altgate.protocol import reasons
from altgate.rig.board import Board

PARTS = ["all_cases", "faces", "settings", "supply", "busy", "cancelled", "flood", "mutated"]


@pytest.mark.parametrize("part", PARTS)
def test_module_that_is_scripted(device, root, part, record_property):
    seed = random.randrange(2**30)
    print("seed", seed)
    record_property("seed", seed)
    script = root / "tests/device/scripts/mf1_lines.py"
    assert device.run(script, heap="4m", args=[str(seed), part]).stdout == "ok\n"


class Looks:
    """A board with the module, whose every message from the board is kept."""

    def __init__(self, board):
        self.board, self.heard, self.number = board, [], 0
        board.camera.boot_s = 0.1
        receive = board.camera.receive

        def heard(data):
            self.heard.append(data)
            receive(data)

        board.camera.receive = heard
        board.wait_console("ready")

    def look(self):
        """(reason, SHA-256 of what was seen, what was dropped, what the board said to the module)."""
        self.heard.clear()
        self.number += 1
        with self.board.supply.expected():
            self.board.type(b"look\n")
            pattern = rf"look {self.number} (\d+) ([0-9a-f]+) \[(.*)\]"
            deadline_s = time.monotonic() + 10
            while not (found := re.search(pattern, self.board.console.text())):
                assert time.monotonic() < deadline_s, self.board.console.text()
                time.sleep(0.01)
            self.board.wait_pin("face_supply", 0)
        return int(found[1]), found[2], found[3], b"".join(self.heard)


@pytest.fixture
def looks(tmp_path, root):
    with Board(tmp_path, root / "tests/device/scripts/mf1_module.py") as board:
        yield Looks(board)
        assert board.supply.outside_us == 0 and board.supply.rises > 0


def vector(seed):
    return random.Random(seed).randbytes(196)


def test_the_modules_settings_are_written_once(looks):
    face = vector(1)
    looks.board.camera.show(face)
    reason, seen, dropped, heard = looks.look()
    assert (reason, seen, dropped) == (reasons.NONE, hashlib.sha256(face).hexdigest(), "")
    assert heard.count(b'"get_cfg":0') == heard.count(b'"reset"') == 1
    for number in (2, 3):
        looks.board.camera.show(vector(number))
        reason, seen, dropped, heard = looks.look()
        assert (reason, seen) == (reasons.NONE, hashlib.sha256(vector(number)).hexdigest())
        assert heard.count(b'"get_cfg":1') == 1 and b"reset" not in heard and b'"get_cfg":0' not in heard
    assert looks.board.supply.rises == 3 and looks.board.pins["face_supply"] == 0


def test_a_look_needs_a_module_that_speaks_and_one_face_before_it(looks):
    camera = looks.board.camera
    looks.board.camera.show(vector(1))
    assert looks.look()[0] == reasons.NONE
    camera.show(vector(1), vector(2))
    assert looks.look()[0] == reasons.NO_FACE
    camera.show()
    # Whatever the module said of the faces before is not taken for one of now.
    reason, seen, dropped, _ = looks.look()
    assert (reason, dropped) == (reasons.NO_FACE, "") and seen == hashlib.sha256(bytes(196)).hexdigest()
    camera.is_mute = True
    assert looks.look()[0] == reasons.MODULE_SILENT
    camera.is_mute, camera.fault = False, lambda line: bytes(len(line) - 1) + b"\n"
    assert looks.look()[0] == reasons.MODULE_NONSENSE
    camera.fault = None
    camera.show(vector(3))
    assert looks.look()[:2] == (reasons.NONE, hashlib.sha256(vector(3)).hexdigest())
    # Between looks nothing is sent to the module, and nothing of it is powered.
    looks.heard.clear()
    time.sleep(0.3)
    assert not looks.heard and looks.board.pins["face_supply"] == 0
