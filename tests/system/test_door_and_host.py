"""The shipped firmware on the simulated board, the real host and a broker, from a bare board on."""

import threading

import pytest
from sqlalchemy import select
from test_host_serve import port, site  # noqa: F401

from altgate.link.server import Server
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.provision import payload
from altgate.provision.session import Session
from altgate.registry import doors
from altgate.registry.models import Event
from altgate.rig.board import Board
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


def provision(site, port, board):  # noqa: F811
    talk = Session(board.console)
    found = talk.hello()
    with site.write() as session:
        door = doors.find(session, "Front")
        network = payload.Network("127.0.0.1", port, "", "")
        talk.send(payload.build(site, session, door, network), lambda done: None)
        talk.commit(doors.key(site, door), found.nonce)
        payload.mark_done(site, session, door)


def test_a_bare_board_becomes_a_door_that_reports(site, port, board, serving):  # noqa: F811
    provision(site, port, board)
    assert board.wait(lambda: board.starts == 2)
    assert board.wait_pin("strike", 0)

    def kinds():
        with site.read() as session:
            return [(event.kind, event.reason) for event in session.scalars(select(Event))]

    for _ in range(40):
        if (m.KIND_BOOT, reasons.NONE) in kinds():
            break
        print(board.console.read_line(0.5))
    assert (m.KIND_BOOT, reasons.NONE) in kinds()
