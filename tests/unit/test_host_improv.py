"""The host as an Improv client, against boards that answer well, badly, and not at all."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from altgate.errors import ProvisionFailed, Refused
from altgate.protocol import improv as p
from altgate.provision.improv import About, Client, Frame, Seen, decode, encode

Answers = Callable[[int, bytes], list[bytes]]
WAIT_S = 0.05
NONE = encode(p.TYPE_ERROR, b"\0")
ABOUT = encode(p.TYPE_RESULT, b"\x03\x14\x07altgate\x010\x03ESP\x05north")


def result(command: int, *texts: bytes) -> bytes:
    body = b"".join(bytes((len(text),)) + text for text in texts)
    return encode(p.TYPE_RESULT, bytes((command, len(body))) + body)


def state(number: int) -> bytes:
    return encode(p.TYPE_STATE, bytes((number,)))


class Board:
    """A Port whose board answers each request with these chunks of bytes; ``deaf`` to the first so many."""

    def __init__(self, answers: Answers, deaf: int = 0) -> None:
        self.answers, self.deaf = answers, deaf
        self.asked: list[tuple[int, bytes]] = []
        self.waiting: list[bytes] = [b"altgate 0.1.0, waiting to be provisioned\n"]

    def write(self, data: bytes) -> None:
        assert data[:1] == data[-1:] == b"\n"
        frame, rest = decode(data[1:])
        assert frame and frame.kind == p.TYPE_RPC and not rest.strip()
        assert frame.content[1] == len(frame.content) - 2
        self.asked.append((frame.content[0], frame.content[2:]))
        if len(self.asked) > self.deaf:
            self.waiting += self.answers(*self.asked[-1])

    def read_line(self, timeout_s: float) -> bytes:
        if not self.waiting:
            time.sleep(min(timeout_s, 0.005))
            return b""
        return self.waiting.pop(0)

    def close(self) -> None:
        pass


def client(answers: Answers, deaf: int = 0) -> Client:
    return Client(Board(answers, deaf), answer_s=WAIT_S, scan_s=WAIT_S, join_s=WAIT_S)


def saying(*chunks: bytes) -> Client:
    return client(lambda command, data: list(chunks))


def test_frames_are_the_published_ones() -> None:
    assert state(p.STATE_READY).hex() == "494d50524f5601010102e2"
    assert state(p.STATE_PROVISIONING).hex() == "494d50524f5601010103e3"
    assert state(p.STATE_PROVISIONED).hex() == "494d50524f5601010104e4"
    assert encode(p.TYPE_RPC, b"\x03\0").hex() == "494d50524f560103020300e6"
    board = Board(lambda command, data: [NONE, result(p.RPC_WIFI)])
    sent: list[bytes] = []
    write = board.write
    board.write = lambda data: (sent.append(data), write(data))[1]  # type: ignore[method-assign]
    assert Client(board).set_wifi("MyWirelessAP", "mysecurepassword") == []
    assert sent == [b"\nIMPROV\x01\x03\x20\x01\x1e\x0cMyWirelessAP\x10mysecurepassword\xc1\n"]


def test_a_board_is_asked_everything() -> None:
    def answers(command: int, data: bytes) -> list[bytes]:
        return {
            p.RPC_STATE: [b"\n", NONE + b"\n", state(p.STATE_READY) + b"\n"],
            p.RPC_ABOUT: [NONE, ABOUT[:9], ABOUT[9:] + b"\n"],
            p.RPC_SCAN: [
                NONE, result(4, b"far", b"-90", b"YES"), b"wifi: joined\n",
                result(4, b"far", b"-70", b"YES") + result(4, b"x", b"-5", b"NO", b""),
                result(4, "é".encode(), b"-60", b"YES"),
                result(4, b"odd", b"loud", b"YES"), result(4, b"short"), result(4),
            ],
            p.RPC_WIFI: [NONE, state(p.STATE_PROVISIONING), state(p.STATE_PROVISIONED), result(1, b"", b"http://a/")],
        }[command]  # fmt: skip

    talk = client(answers)
    assert talk.state() == p.STATE_READY
    assert talk.about() == About("altgate", "0", "ESP", "north")
    assert talk.scan() == [Seen("x", -5, False), Seen("é", -60, True), Seen("far", -70, True)]
    assert talk.set_wifi("far", "secret77") == ["http://a/"]


@pytest.mark.parametrize(
    ("error", "says"),
    [(1, "for damaged"), (2, "does not know"), (3, "cannot join"), (5, "do that now"), (255, "do that now")],
)
def test_each_error_says_what_to_do_next(error: int, says: str) -> None:
    with pytest.raises(ProvisionFailed, match=says):
        saying(NONE, encode(p.TYPE_ERROR, bytes((error,)))).set_wifi("a", "b")


def test_a_board_that_is_still_starting_is_asked_again() -> None:
    talk = client(lambda command, data: [state(p.STATE_READY)], deaf=2)
    assert talk.state() == p.STATE_READY
    with pytest.raises(ProvisionFailed, match="does not answer"):
        client(lambda command, data: [state(p.STATE_READY)], deaf=3).state()


@pytest.mark.parametrize(
    "ask", [Client.state, Client.about, Client.scan, lambda talk: talk.set_wifi("a", "")]
)
@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b"\n"],
        [ABOUT[:-1]],
        [ABOUT[:-1] + b"\0"],
        [result(9, b"a", b"b", b"c", b"d")],
        [encode(p.TYPE_RESULT, b""), encode(p.TYPE_STATE, b""), NONE, encode(7, b"\2")],
        [encode(p.TYPE_RESULT, bytes((one, 9, 1, 65))) for one in range(1, 5)],
        [encode(p.TYPE_RESULT, bytes((one, 2, 9, 65))) for one in range(1, 5)],
    ],
)
def test_what_is_no_answer_is_passed_over(ask: Callable[[Client], object], chunks: list[bytes]) -> None:
    with pytest.raises(ProvisionFailed, match="does not answer"):
        ask(saying(*chunks))


def test_an_old_answer_is_not_taken_for_the_new_one() -> None:
    board = Board(lambda command, data: [state(p.STATE_READY)])
    board.waiting += [encode(p.TYPE_ERROR, b"\1"), state(p.STATE_PROVISIONED)]
    assert Client(board).state() == p.STATE_READY


def test_a_board_that_never_ends_is_left() -> None:
    class Endless(Board):
        def read_line(self, timeout_s: float) -> bytes:
            return result(p.RPC_SCAN, b"net", b"-40", b"NO") * 4

    began = time.monotonic()
    with pytest.raises(ProvisionFailed, match="does not answer"):
        Client(Endless(lambda command, data: []), scan_s=WAIT_S).scan()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("ssid", ["", "x" * 33, "é" * 17, "\udcff"])
def test_what_no_network_is_called_is_not_sent(ssid: str) -> None:
    board = Board(lambda command, data: [])
    with pytest.raises(Refused):
        Client(board).set_wifi(ssid, "")
    assert not board.asked
    with pytest.raises(Refused, match="password"):
        Client(board).set_wifi("a", "x" * 65)


def test_no_password_in_an_error() -> None:
    with pytest.raises(ProvisionFailed) as failed:
        saying(encode(p.TYPE_ERROR, b"\3")).set_wifi("Lakeside", "correct horse")
    assert "horse" not in repr(failed.value)


def test_a_frame_is_found_behind_anything_and_in_any_pieces() -> None:
    seed = random.randrange(2**30)
    print("seed", seed)
    draw = random.Random(seed)
    for _ in range(3000):
        content = draw.randbytes(draw.randrange(40))
        before = draw.choice([b"", b"text\n", b"IMPROV", b"IMPROIMPR", ABOUT[: draw.randrange(7)]])
        data = before + encode(4, content) + b"\n" + encode(1, b"\2") + draw.randbytes(3)
        held, found, at = b"", [], 0
        while at < len(data):
            step = draw.randrange(1, 30)
            held += data[at : at + step]
            at += step
            frame, held = decode(held)
            while frame:
                found.append(frame)
                frame, held = decode(held)
            assert len(held) < p.FRAME_BYTES
        assert found == [Frame(4, content), Frame(1, b"\2")]


def test_the_formats_tell_the_numbers_of_the_code(root: Path) -> None:
    page = " ".join((root / "docs" / "formats.md").read_text(encoding="utf-8").split())
    wifi = (root / "firmware/altgate/link/wifi.py").read_text(encoding="utf-8")
    serial = (root / "firmware/altgate/console/serial.py").read_text(encoding="utf-8")
    for said, is_right in (
        (f"name (1 to {p.SSID_BYTES} bytes)", True),
        (f"password (up to {p.PASSWORD_BYTES})", True),
        (f"up to {p.NETWORKS} networks", True),
        ("within 15 seconds state 4", "\nJOIN_MS = 15000\n" in wifi),
        ("for up to half a second", "\nPAUSE_MS = 250 " in serial),
        ("its state: 2 ready, 3 joining, 4 joined", (p.STATE_READY, p.STATE_PROVISIONED) == (2, 4)),
        ("| 4 | for each network a result", p.RPC_SCAN == 4),
        ("error 3 and state 2", p.ERROR_CANNOT_CONNECT == 3),
        (f"error {p.ERROR_UNKNOWN} that a scan", True),
    ):
        assert said in page and is_right, said
