"""The shipped firmware on the simulated board, the real host and a broker, from a bare board on."""

import threading
import time

import pytest
from sqlalchemy import select
from test_host_serve import port, site  # noqa: F401

from altgate.keys.cards import card_key
from altgate.link.server import Server
from altgate.protocol import messages as m
from altgate.protocol import provisioning, reasons
from altgate.provision import payload
from altgate.provision.session import Session
from altgate.registry import commands, doors
from altgate.registry.models import Event
from altgate.rig.ntag424 import CloneCard, Ntag424
from altgate.rig.supply import Board
from conftest import micropython

WAIT_S = 20


@pytest.fixture
def board(tmp_path):
    made = Board(tmp_path, micropython())
    made.power_on()
    yield made
    made.close()


@pytest.fixture
def serving(site, port):  # noqa: F811
    server = Server(site, "127.0.0.1", port)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join(WAIT_S)


@pytest.fixture
def events(site, port, board, serving):  # noqa: F811
    """A provisioned, connected door; a function that waits for an event of a kind in the register."""
    provision(site, port, board)

    def wait_for(kind, count=1):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            with site.read() as session:
                found = list(session.scalars(select(Event).where(Event.kind == kind)))
            if len(found) >= count:
                return found
            # The register has no signal to wait on; the console's lines set the pace.
            board.console.read_line(0.05)
        raise AssertionError(f"no event {m.KIND_NAMES[kind]}")

    wait_for(m.KIND_BOOT)
    return wait_for


def provision(site, port, board):  # noqa: F811
    talk = Session(board.console)
    found = talk.hello()
    with site.write() as session:
        door = doors.find(session, "Front")
        network = payload.Network("127.0.0.1", port, "", "")
        talk.send(payload.build(site, session, door, network), lambda done: None)
        talk.commit(doors.key(site, door), found.nonce)
        payload.mark_done(site, session, door)
    assert board.wait(lambda: board.starts == 2)


def test_the_host_opens_the_door_and_the_strike_secures_itself(site, board, events):  # noqa: F811
    with site.write() as session:
        number = commands.request(site, session, doors.find(session, "Front"), m.VERB_UNLOCK, 30)
    assert board.wait_pin("strike", 1)
    (event,) = events(m.KIND_COMMAND)
    assert event.method == m.METHOD_COMMAND
    with site.read() as session:
        assert commands.result(session, number) == reasons.DONE
    assert board.wait_pin("strike", 0)


def test_what_happens_around_the_door_reaches_the_register(board, events):
    board.drive("door_contact", 0)
    events(m.KIND_DOOR_CLOSED)
    board.drive("exit_contact", 0)
    events(m.KIND_EXIT)
    board.drive("door_contact", 1)
    events(m.KIND_DOOR_OPENED)
    board.drive("door_contact", 0)
    events(m.KIND_DOOR_CLOSED, 2)
    assert board.levels[board.pins["strike"]] == 0


def test_a_door_opened_from_outside_without_leave_is_forced(board, events):
    board.drive("door_contact", 0)
    events(m.KIND_DOOR_CLOSED)
    board.drive("door_contact", 1)
    events(m.KIND_FORCED_OPEN)


def test_the_register_reaches_the_door_and_outlives_its_supply(site, board, events):  # noqa: F811
    def applied():
        with site.read() as session:
            door = doors.find(session, "Front")
            return door.applied_version == door.state_version > 0

    deadline = time.monotonic() + WAIT_S
    while not applied() and time.monotonic() < deadline:
        board.console.read_line(0.05)
    assert applied()
    board.power_off()
    board.power_on()
    events(m.KIND_BOOT, 2)
    assert applied()


def test_a_provisioned_console_answers_nobody(board, events):
    for line in (b"AG gQE=\n", b"\x03\x03\n", b"\x01print(1)\x04\n", b"AG " + b"A" * 900 + b"\n"):
        board.console.write(line)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert provisioning.MARK not in board.console.read_line(0.2)
    assert board.starts == 2


def zone_key_of(site):  # noqa: F811
    with site.read() as session:
        return doors.zone_key(site, session, 1)


def test_a_genuine_card_opens_and_its_clone_does_not(site, board, events):  # noqa: F811
    uid = bytes([4, 0, 0, 0, 0, 0, 5])
    card = Ntag424(uid, card_key(zone_key_of(site), uid, 1))
    clone = CloneCard(card)
    board.reader.put(clone)
    (refused,) = events(m.KIND_ENTRY)
    assert refused.reason == reasons.CARD_NOT_GENUINE
    assert board.levels[board.pins["strike"]] == 0
    board.reader.take(clone)
    time.sleep(0.5)
    board.reader.put(card)
    assert board.wait_pin("strike", 1)
    events(m.KIND_ENTRY, 2)
