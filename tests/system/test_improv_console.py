"""Wi-Fi by Improv on a simulated board's serial line: while the door is bare, and beside provisioning."""

import random
import re
import time
from contextlib import contextmanager

import pytest

from altgate.demo.building import HEAP, Building
from altgate.errors import ProvisionFailed
from altgate.protocol import improv as p
from altgate.protocol import messages as m
from altgate.provision.improv import About, Client, Seen, encode
from altgate.provision.port import SerialPort
from altgate.provision.session import Session
from altgate.rig.board import Board
from support.image import SCRIPTS

AIR = [("Lakeside", "correct horse", -61), ("Café", "", -5), ("Lakeside", "correct horse", -48)]
STATE = encode(p.TYPE_RPC, b"\x02\x00")
FLOOD_S = 1.5


@contextmanager
def client(board, **times):
    port = SerialPort(board.console_path)
    try:
        yield Client(port, **times)
    finally:
        port.close()


@pytest.fixture
def bare(tmp_path):
    with Board(tmp_path, heap=HEAP, settings={"air": [list(one) for one in AIR]}) as board:
        board.wait_console("waiting to be provisioned", 20)
        yield board


def printed_after(board, mark):
    return board.console.text()[mark:]


def test_a_bare_door_scans_and_joins(bare):
    with client(bare) as talk:
        assert talk.state() == p.STATE_READY
        about = talk.about()
        assert about == About("altgate", about.version, about.chip, "altgate a17e9a7e0001") and about.version
        assert talk.scan() == [Seen("Café", -5, False), Seen("Lakeside", -48, True)]
        with pytest.raises(ProvisionFailed, match="cannot join"):
            talk.set_wifi("Lakeside", "wrong horse")
        assert talk.state() == p.STATE_READY
        with pytest.raises(ProvisionFailed, match="cannot join"):
            talk.set_wifi("Elsewhere", "")
        assert talk.set_wifi("Lakeside", "correct horse") == []
        assert talk.state() == p.STATE_PROVISIONED
        # Another try ends what was, also where it fails.
        with pytest.raises(ProvisionFailed, match="cannot join"):
            talk.set_wifi("Café", "not open")
        assert talk.state() == p.STATE_READY
        assert talk.set_wifi("Café", "") == []
    assert "horse" not in bare.console.text() and bare.starts == 1


def test_provisioning_and_improv_share_the_line(bare):
    port = SerialPort(bare.console_path)
    try:
        talk, exchange = Client(port), Session(port)
        for _ in range(3):
            hello = exchange.hello()
            # A frame that was cut short, a word that is no frame, and a line that a frame cuts short.
            port.write(STATE[:-3])
            time.sleep(0.6)
            assert exchange.hello().hardware_id == hello.hardware_id
            port.write(b"IMPROV IMPROV\x02 " + STATE[:6] + b"\nAG half a line")
            assert talk.state() == p.STATE_READY
            # Behind one that says it is far longer than it is, at once.
            port.write(p.HEADER + b"\x03\xff\n")
            assert exchange.hello().hardware_id == hello.hardware_id
    finally:
        port.close()
    assert bare.starts == 1


def test_ctrl_c_is_a_byte_like_any_other(bare):
    bare.type(b"\x03\x03\r\x01\x04")
    with client(bare) as talk:
        # The type of every RPC is Ctrl-C.
        assert talk.state() == p.STATE_READY
    assert bare.starts == 1 and "Traceback" not in bare.console.text()


def loaded(board, start):
    """``(bytes held, names of modules)`` of a board that runs run_and_list.py, ``start`` from 1 on."""
    deadline = time.monotonic() + 30
    while len(found := re.findall(r"holds (\d+) bytes: ([^\n]*)\.\s", board.console.text())) < start:
        assert time.monotonic() < deadline, board.console.text()[-2000:]
        time.sleep(0.05)
    return int(found[start - 1][0]), set(found[start - 1][1].split())


def test_a_provisioned_door_listens_to_nobody_and_holds_none_of_it(tmp_path):
    def board(folder):
        return Board(folder, SCRIPTS / "run_and_list.py", heap=HEAP, is_on=False)

    with Building(tmp_path, board=board) as building:
        door = building.board
        _, held = loaded(door, 1)
        rooms = {f"altgate.console.{one}" for one in ("serial", "stream", "improv", "line")}
        assert not held & {*rooms, "protocol.improv"} and "altgate.link.mqtt" in held
        with client(door, answer_s=0.3) as talk, pytest.raises(ProvisionFailed, match="does not answer"):
            talk.state()
        mark, before = len(door.console.text()), building.last_number()
        # One byte, and nothing after it: nobody waits for the rest.
        for some in (b"x", STATE + b"\n" + encode(p.TYPE_RPC, b"\x01\x06\x04open\x00") + b"\x03" * 70):
            door.type(some)
            time.sleep(0.3)
            since = door.now_us()
            door.tap(building.card())
            door.wait_pin("strike", 1, after_us=since)
            door.wait_pin("strike", 0, 10)
            door.untap()
        assert "IMPROV" not in printed_after(door, mark) and door.starts == 2
        building.wait_event(m.KIND_ENTRY, before)


def damaged(draw):
    """An RPC with some bytes exchanged, and in half of the cases with a right length and checksum again."""
    content = bytearray(draw.choice([b"\x01\x17\x08Lakeside\x0dcorrect horse", b"\x02\x00", b"\x04\x00"]))
    for _ in range(draw.randrange(1, 4)):
        content[draw.randrange(len(content))] = draw.choice([0, 1, 2, 4, 8, 10, 13, 65, 255])
    frame = bytearray(encode(draw.choice([1, 2, 3, 3, 3, 4]), bytes(content)))
    if draw.random() < 0.5:
        frame[draw.randrange(len(frame))] ^= 1 << draw.randrange(8)
        return bytes(frame[: draw.randrange(len(frame))])
    return bytes(frame)


def test_whoever_writes_without_end_harms_nobody(bare):
    seed = random.randrange(2**30)
    print("seed", seed)
    draw = random.Random(seed)
    with client(bare) as talk:
        ends = time.monotonic() + FLOOD_S
        frames = 0
        while time.monotonic() < ends:
            bare.type(b"".join(damaged(draw) for _ in range(20)) + p.HEADER + b"\x03\xff" + b"AG ")
            frames += 20
        assert frames > 500
        said = -1
        while said != len(bare.console.text()):
            said = len(bare.console.text())
            time.sleep(1)
        # One of them may have been whole, and asked for a network that is not there.
        while (state := talk.state()) == p.STATE_PROVISIONING:
            time.sleep(1)
        assert state in (p.STATE_READY, p.STATE_PROVISIONED)
        assert talk.set_wifi("Lakeside", "correct horse") == []
    printed = bare.console.text()
    assert bare.starts == 1 and "altgate: " not in printed and "Traceback" not in printed
