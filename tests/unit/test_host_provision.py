"""Provisioning against a console that behaves as a bare board does, and as broken ones do."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509

from altgate.errors import ProvisionFailed
from altgate.keys.cards import diversify
from altgate.keys.derive import door_subkey
from altgate.protocol import provisioning as p
from altgate.protocol import reasons
from altgate.provision.payload import Network, build, mark_done
from altgate.provision.session import Session
from altgate.registry import doors
from altgate.registry import site as sites

NETWORK = Network("broker.local", 8883, "Lakeside", "correct horse")


class Board:
    """A Port with a bare board behind it; ``lost`` lines are never answered."""

    def __init__(
        self, lost: tuple[int, ...] = (), provisioned: bool = False, proof: bytes | None = None
    ) -> None:
        self.lost, self.provisioned, self.proof = lost, provisioned, proof
        self.received, self.lines, self.count = b"", [b"boot text\n"], 0

    def write(self, data: bytes) -> None:
        assert len(data) <= 240 and data.endswith(b"\n") and data.startswith(b"AG ")
        self.count += 1
        if self.count not in self.lost:
            answer = self.answer(cbor2.loads(base64.b64decode(data[3:])))
            self.lines.append(b"AG " + base64.b64encode(cbor2.dumps(answer)) + b"\n")

    def answer(self, frame: list[Any]) -> list[Any]:
        if frame[0] == 1:
            return [1, "a1b2", "0.1.0", "development", self.provisioned, bytes(16)]
        if frame[0] == 2:
            self.total, self.sha = frame[1:]
            return [3, 0]
        if frame[0] == 3:
            if frame[1] == len(self.received):
                self.received += frame[2]
            return [3, len(self.received)]
        if hashlib.sha256(self.received).digest() != self.sha:
            return [0, reasons.BAD_CHECKSUM]
        key = door_subkey(cbor2.loads(self.received)[2], "console")
        return [4, self.proof or hmac.digest(key, bytes(16), "sha256")]

    def read_line(self, timeout_s: float) -> bytes:
        return self.lines.pop(0) if self.lines else b""

    def close(self) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        doors.add(made, session, "Front", 1, "0a1b2c3d", False)
    yield made
    made.close()


def run(site: sites.Site, board: Board) -> bytes:
    with site.read() as session:
        door = doors.find(session, "Front")
        payload = build(site, session, door, NETWORK).payload
    exchange = Session(board, answer_s=0.05)
    hello = exchange.hello()
    exchange.send(payload, lambda done: None)
    exchange.commit(doors.key(site, door), hello.nonce)
    return payload


@pytest.mark.parametrize("lost", [(), (1,), (2, 5), (3,)])
def test_payload_arrives_whole(site: sites.Site, lost: tuple[int, ...]) -> None:
    board = Board(lost)
    payload = run(site, board)
    assert board.received == payload
    content = cbor2.loads(payload)
    assert content[1] == "0a1b2c3d" and len(content[2]) == 32 and len(content[4]) == 16
    assert content[7] == "altgate-broker" and list(content) == list(range(1, 16))


@pytest.mark.parametrize(
    ("board", "says"),
    [
        (Board(lost=tuple(range(1, 9))), "does not answer"),
        (Board(provisioned=True), "provisioned already"),
        (Board(proof=bytes(32)), "did not prove"),
    ],
)
def test_board_that_fails_is_named(site: sites.Site, board: Board, says: str) -> None:
    with pytest.raises(ProvisionFailed, match=says):
        run(site, board)


def test_no_secret_in_a_representation() -> None:
    assert "horse" not in repr(NETWORK)


def test_micropython_takes_the_certificates(site: sites.Site, device: Any, tmp_path: Path) -> None:
    with site.read() as session:
        content = cbor2.loads(build(site, session, doors.find(session, "Front"), NETWORK).payload)
    for name, number in (("ca", 8), ("cert", 9), ("key", 10)):
        (tmp_path / name).write_bytes(content[number])
    device.run(
        "import sys, tls\nread = lambda n: open(sys.argv[-1] + '/' + n, 'rb').read()\n"
        "c = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)\nc.load_verify_locations(read('ca'))\n"
        "c.load_cert_chain(read('cert'), read('key'))\n",
        args=[str(tmp_path)],
    )


def test_card_keys_follow_an10922() -> None:
    key = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    context = bytes.fromhex("04782E21801D803042F54E585020416275")
    assert diversify(key, context).hex().upper() == "A8DD63A3B89D54B37CA802473FDA9175"


def test_what_a_board_was_given_is_what_the_register_expects(site: sites.Site) -> None:
    with site.read() as session:
        given = build(site, session, doors.find(session, "Front"), NETWORK)
    with site.write() as session:
        mark_done(site, session, doors.find(session, "Front"), given)
    content = cbor2.loads(given.payload)
    with site.read() as session:
        door = doors.find(session, "Front")
        assert doors.journal_key(site, door) == content[p.JOURNAL_KEY]
        assert door.generation == content[p.GENERATION] == 0
        ends = x509.load_der_x509_certificate(content[p.CERTIFICATE]).not_valid_after_utc
        assert door.certificate_until == int(ends.timestamp())
