"""The serial line of a door: open to a service key, silent to everybody else, and no burden to the door."""

import base64
import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from altgate.demo.building import FRONT, HEAP, Building
from altgate.errors import ProvisionFailed
from altgate.protocol import limits, service
from altgate.protocol import messages as m
from altgate.protocol import provisioning as p
from altgate.provision import access as accesses
from altgate.provision.access import Access
from altgate.provision.port import SerialPort
from altgate.provision.service import open_line
from altgate.provision.session import Session
from altgate.registry import doors, services, settings
from altgate.rig.board import Board
from support.image import SCRIPTS

DEAF_S = 0.35
PATIENCE_S = 0.2
LOADED_BYTES = 24 * 1024  # from source; from an image a third of that
ROOMS = re.compile(r"^ROOMS (.*?)\r?$", re.MULTILINE)
USED = re.compile(r"^HEAP (\d+)\r?$", re.MULTILINE)


class Tapped(SerialPort):
    """A port whose lines somebody else listens to."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        super().write(data)


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    def board(folder: Path) -> Board:
        return Board(folder, SCRIPTS / "run_service.py", heap=HEAP, is_on=False)

    with Building(tmp_path_factory.mktemp("building"), board=board) as made:
        with made.site.write() as session:
            shortest = {settings.RELEASE_S: limits.RELEASE_S_MIN}
            doors.change_settings(made.site, session, doors.find(session, FRONT), shortest)
        made.wait_applied()
        yield made


@pytest.fixture
def port(building: Building) -> Iterator[Tapped]:
    time.sleep(DEAF_S)
    made = Tapped(building.board.console_path)
    yield made
    made.close()


def granted(building: Building, scope: int = service.SCOPE_CHECK) -> Access:
    with building.site.write() as session:
        return services.grant(building.site, session, doors.find(session, FRONT), scope)


def frame(*values: object) -> bytes:
    return p.MARK + base64.b64encode(cbor2.dumps(list(values), canonical=True)) + b"\n"


def knock(who: bytes, key: bytes) -> bytes:
    nonce = hashlib.sha256(who + key).digest()[:16]
    return frame(p.FRAME_KNOCK, who, nonce, hmac.digest(key, p.KNOCK + who + nonce, hashlib.sha256))


def is_silent(port: SerialPort, line: bytes) -> bool:
    """Whether nothing comes back for a line: no frame, no error, no echo."""
    port.write(line)
    deadline = time.monotonic() + PATIENCE_S
    heard = b""
    while (left := deadline - time.monotonic()) > 0:
        heard += port.read_line(left)
    said = [text for text in heard.splitlines() if not text.startswith((b"ROOMS", b"HEAP", b"altgate: "))]
    return not any(said)


def used(building: Building) -> list[int]:
    return [int(found) for found in USED.findall(building.board.console.text())]


def loaded(building: Building) -> str:
    return str(ROOMS.findall(building.board.console.text())[-1])


def wait_forgotten(building: Building, timeout_s: float = 2) -> None:
    """Wait until the door holds nothing for the line but what reads it."""
    wait_loaded(building, lambda rooms: not rooms, timeout_s)


def wait_loaded(building: Building, is_so: Callable[[str], bool], timeout_s: float = 2) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so(loaded(building)):
        assert time.monotonic() < deadline, loaded(building)
        time.sleep(0.02)


def test_who_proves_a_key_is_answered_and_recorded(building: Building, port: Tapped) -> None:
    before = building.last_number()
    line = open_line(Session(port), granted(building))
    about = line.ask(service.VERB_ABOUT)
    assert about[0] == "a17e9a7e0001" and abs(about[5] - time.time()) < 5
    event = building.wait_event(m.KIND_SERVICE, before)
    assert event.detail == service.SCOPE_CHECK
    key = x509.load_der_x509_certificate(line.certificate()).public_key()
    with building.site.read() as session:
        known = doors.find(session, FRONT).public_key
    assert key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == known
    with pytest.raises(ProvisionFailed, match="does not know"):
        line.ask(99)
    line.leave()
    wait_forgotten(building)
    assert is_silent(port, port.sent[-1])


def strangers(building: Building) -> dict[str, bytes]:
    """What is sent by those who prove nothing."""
    right = granted(building)
    with building.site.read() as session:
        door = doors.find(session, FRONT)
        other_key = doors.key(building.site, door)
        board_key = doors.board_key(building.site, door)
    console_key = hmac.digest(other_key, b"", hashlib.sha256)

    def own(who: bytes) -> bytes:
        """A key that is right for what it is for."""
        from altgate.keys.derive import door_subkey

        return hmac.digest(door_subkey(board_key, "console"), p.SERVICE + who, hashlib.sha256)

    expired = accesses.draw(service.SCOPE_CHECK, -1)
    unknown = accesses.draw(0x80 | service.SCOPE_CHECK, 60)
    short = right.who[:-1]
    widened = right.who[:-1] + bytes((service.SCOPE_ALL,))
    return {
        "Ctrl-C": b"\x03\x03\x03\r\n",
        "raw REPL": b"\r\x03\x01import os\x04\r\x05A\x01\r\n",
        "junk": bytes(range(32, 256)) + b"\n",
        "a marked line of junk": b"AG !!!!\n",
        "no frame": frame(),
        "another frame": frame(77, b"x"),
        "a hello": frame(p.FRAME_HELLO),
        "an agreement": frame(p.FRAME_OPEN, b"\x04" + bytes(64)),
        "a sealed frame": frame(p.FRAME_SEALED, 0, bytes(32)),
        "a line that is too long": b"AG " + b"A" * 300 + b"\n",
        "a wrong key": knock(right.who, bytes(32)),
        "the key of something else": knock(right.who, console_key),
        "an expired ticket": knock(expired, own(expired)),
        "an unknown scope": knock(unknown, own(unknown)),
        "a name that is cut": knock(short, own(short)),
        "a scope that was widened": knock(widened, right.key),
        "a nonce that is cut": frame(p.FRAME_KNOCK, right.who, b"n" * 8, bytes(32)),
    }


def test_strangers_get_silence(building: Building, port: Tapped) -> None:
    before = building.last_number()
    for name, line in strangers(building).items():
        assert is_silent(port, line), name
        if line.startswith(p.MARK):
            time.sleep(DEAF_S - PATIENCE_S)
    assert [event for event in building.events(m.KIND_SERVICE) if event.number > before] == []
    # The line was heeded all the time: a right knock is answered, with no waiting.
    right = granted(building)
    assert not is_silent(port, knock(right.who, right.key))
    assert building.board.starts == 2


def test_what_was_recorded_says_nothing_a_second_time(building: Building, port: Tapped) -> None:
    first = open_line(Session(port), granted(building))
    first.ask(service.VERB_ABOUT)
    first.ask(service.VERB_ABOUT)
    knocked, *sealed = port.sent
    assert is_silent(port, sealed[0])
    time.sleep(DEAF_S)
    before = building.last_number()
    second = open_line(Session(port), granted(building))
    for line in (knocked, sealed[-1]):
        assert is_silent(port, line)
        time.sleep(DEAF_S - PATIENCE_S)
    # Nobody was thrown out by that, and nothing was recorded.
    second.ask(service.VERB_ABOUT)
    building.wait_event(m.KIND_SERVICE, before)
    second.leave()
    assert len([event for event in building.events(m.KIND_SERVICE) if event.number > before]) == 1


def test_a_line_that_falls_silent_is_closed_and_forgotten(building: Building, port: Tapped) -> None:
    line = open_line(Session(port), granted(building))
    line.ask(service.VERB_ABOUT)
    wait_loaded(building, lambda rooms: "altgate.console.service" in rooms)
    wait_forgotten(building, 7)
    assert is_silent(port, port.sent[-1])
    with pytest.raises(ProvisionFailed, match="silent"):
        line.ask(service.VERB_ABOUT, answer_s=0.1)


@contextmanager
def flooded(board: Board, line: Callable[[], bytes]) -> Iterator[None]:
    done = threading.Event()

    def flood() -> None:
        while not done.is_set():
            board.type(line())
            time.sleep(0.002)

    typing = threading.Thread(target=flood)
    typing.start()
    try:
        yield
    finally:
        done.set()
        typing.join()


@pytest.mark.parametrize(
    "line", [b"AG " + b"QUFB" * 40 + b"\n", b"x" * 64 + b"AG "]
)
def test_cards_open_while_somebody_floods_the_line(building: Building, line: bytes) -> None:
    board = building.board
    wait_forgotten(building, 7)
    board.wait_console("HEAP")
    starts, took = board.starts, []
    steady = used(building)[-1]
    seen = len(used(building))
    with flooded(board, lambda: line):
        for _ in range(2):
            number, card, since = building.last_number(), building.card(), board.now_us()
            board.tap(card)
            released = board.wait_pin("strike", 1, after_us=since)
            took.append(released - card.last_byte_ns // 1000)
            board.untap()
            building.wait_event(m.KIND_ENTRY, number)
            board.wait_pin("strike", 0, 8, after_us=released)
    # From the card's last byte: as without a flood, but for the noise of a test machine.
    assert min(took) < 20_000
    # What a line may load, and no more with many lines than with one.
    assert max(used(building)[seen:]) < steady + LOADED_BYTES
    assert board.starts == starts
    wait_forgotten(building, 7)
