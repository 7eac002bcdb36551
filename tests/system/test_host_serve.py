"""``altgate serve`` against a real broker that demands certificates, and a door made with paho and cbor2."""

import hashlib
import hmac
import json
import os
import queue
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion

from altgate.keys.authority import issue
from altgate.keys.derive import link_key
from altgate.ledger import review
from altgate.protocol import limits, reasons, topics
from altgate.protocol import messages as m
from altgate.registry import credentials, doors, residents
from altgate.registry import site as sites
from support.broker import Amqtt, Broker, BuildingMosquitto, free_port

WAIT_S = 20
ALTGATE = (sys.executable, "-m", "altgate", "--data")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        front = doors.add(made, session, "Front", 1, "0a1b2c3d", False)
        bo = residents.add(made, session, "Bo", "1204")
        for at in range(30):
            card = credentials.add(
                made, session, m.TYPE_CARD, bytes([4, 0, 0, 0, 0, 0, at]), bo, [front], (0, 0)
            )
            if at == 0:
                credentials.revoke(made, session, card)
    yield made
    made.close()


@pytest.fixture
def broker(request: pytest.FixtureRequest, site: sites.Site, tmp_path: Path) -> Iterator[Broker]:
    """amqtt, or the class that a test names."""
    pki, kind = site.data / "pki", getattr(request, "param", Amqtt)
    made = kind(tmp_path, free_port(), (pki / "ca.pem", pki / "broker.pem", pki / "broker.key"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def port(broker: Broker) -> int:
    return broker.port


EITHER_BROKER = pytest.mark.parametrize(
    "broker", [Amqtt, pytest.param(BuildingMosquitto, marks=pytest.mark.debian)], indirect=True
)


class FakeDoor:
    """Speaks a door's sealed messages with libraries."""

    def __init__(self, site: sites.Site, port: int) -> None:
        with site.read() as session:
            door = doors.find(session, "Front")
        self.id, key = door.door_id, doors.key(site, door)
        self.up, self.down, self.epoch = link_key(key, "up", 0), link_key(key, "down", 0), os.urandom(16)
        self.seen: dict[str, queue.Queue[dict[int, Any]]] = {name: queue.Queue() for name in topics.DOWN}
        identity, folder = issue(site.authority(), self.id), site.data
        (folder / "door.pem").write_bytes(identity.certificate_pem())
        (folder / "door.key").write_bytes(identity.key_pem())
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.id)
        self.client.tls_set(str(folder / "pki/ca.pem"), str(folder / "door.pem"), str(folder / "door.key"))
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]
        self.subscribed = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe(f"altgate/{self.id}/down/#", 1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_disconnect = lambda *_: self.subscribed.clear()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.wait_connected()

    def wait_connected(self) -> None:
        assert self.subscribed.wait(WAIT_S)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def forget(self) -> None:
        """What came so far is not looked at any more."""
        for seen in self.seen.values():
            seen.queue.clear()

    def _mac(self, key: bytes, topic: str, payload: bytes) -> bytes:
        return hmac.digest(
            key, cbor2.dumps(["MAC0", b"\xa1\x01\x05", topic.encode(), payload]), hashlib.sha256
        )

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        _protected, _headers, payload, tag = cbor2.loads(message.payload).value
        assert tag == self._mac(self.down, message.topic, payload)
        self.seen[topics.split(message.topic)[1]].put(cbor2.loads(payload))

    def send(self, name: str, content: dict[int, Any], key: bytes | None = None) -> None:
        topic, payload = topics.topic(self.id, name), cbor2.dumps(content, canonical=True)
        tag = self._mac(key or self.up, topic, payload)
        sealed = cbor2.dumps(cbor2.CBORTag(17, [b"\xa1\x01\x05", {}, payload, tag]))
        self.client.publish(topic, sealed, qos=1).wait_for_publish(WAIT_S)

    def get(self, name: str) -> dict[int, Any]:
        return self.seen[name].get(timeout=WAIT_S)

    def reply(self, request: int, challenge: bytes = b"") -> None:
        content = {m.EPOCH: self.epoch, m.REQUEST: request, m.RESULT: reasons.DONE}
        self.send(topics.UP_REPLY, content | ({m.CHALLENGE: challenge} if challenge else {}))

    def unlock(self, site: sites.Site, code: int = 0) -> None:
        """Run ``altgate door open`` against this door; it must end with this exit code."""
        with subprocess.Popen([*ALTGATE, str(site.data), "door", "open", "Front"]) as opening:
            ask = self.get(topics.DOWN_COMMAND)
            self.reply(ask[m.REQUEST], b"u" * 16)
            step = self.get(topics.DOWN_COMMAND)
            assert step[m.VERB] == m.VERB_UNLOCK and step[m.CHALLENGE] == b"u" * 16
            if code == 0:
                self.reply(step[m.REQUEST])
            assert opening.wait(WAIT_S) == code

    def hello(self, version: int) -> None:
        self.send(
            topics.UP_HELLO,
            {
                m.BOOT: 1,
                m.EPOCH: self.epoch,
                m.STATE_VERSION: version,
                m.JOURNAL_HEAD: 0,
                m.JOURNAL_ACKED: 0,
                m.GENERATION: 0,
                m.FIRMWARE: "0.1.0",
                m.BUILD: "development",
                m.NONCE: bytes(16),
                m.TIME: 0,
                m.TIME_QUALITY: 0,
                m.BAD_INPUT: {},
            },
        )

    def event(
        self, sequence: int, key: bytes | None = None, kind: int = m.KIND_ENTRY, detail: int = 0
    ) -> None:
        self.send(
            topics.UP_EVENT,
            {
                m.BOOT: 1,
                m.SEQUENCE: sequence,
                m.KIND: kind,
                m.REASON: 0,
                m.METHOD: m.METHOD_CARD,
                m.CREDENTIAL: 1,
                m.RESIDENT: 7,
                m.DETAIL: detail,
                m.TIME: 1,
                m.TIME_QUALITY: 0,
            },
            key,
        )


class Log:
    """What ``altgate serve`` writes, line by line as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(process,))
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr
        with process.stderr:
            for line in process.stderr:
                self._lines.put(line)

    def wait(self, text: str) -> str:
        """The next line with this text in it; those before it are gone."""
        while text not in (line := self._lines.get(timeout=WAIT_S)):
            pass
        return line

    def join(self) -> None:
        self._reader.join(WAIT_S)


@pytest.fixture
def serving(site: sites.Site, port: int) -> Iterator[Log]:
    process = subprocess.Popen(
        [*ALTGATE, str(site.data), "serve", "--broker", f"127.0.0.1:{port}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    log = Log(process)
    try:
        log.wait("connected")
        yield log
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0
        log.join()


@pytest.fixture
def door(site: sites.Site, port: int, serving: object) -> Iterator[FakeDoor]:
    made = FakeDoor(site, port)
    yield made
    made.leave()


def test_broker_wants_a_certificate(site: sites.Site, port: int) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.tls_set(str(site.data / "pki/ca.pem"))
    is_connected = threading.Event()
    client.on_connect = lambda *_: is_connected.set()
    try:
        client.connect("127.0.0.1", port)
        for _ in range(20):
            if client.loop(0.1):
                break
    except (ssl.SSLError, OSError):
        pass
    assert not is_connected.is_set()


def test_hello_events_state_and_unlock(site: sites.Site, door: FakeDoor) -> None:
    door.hello(0)
    welcome = door.get(topics.DOWN_WELCOME)
    assert welcome[m.NONCE] == bytes(16) and welcome[m.EPOCH] == door.epoch
    assert abs(welcome[m.TIME] - time.time()) < 60
    assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == 0

    applied, last = 0, 0
    while applied < 31:
        batch = door.get(topics.DOWN_STATE)
        assert batch[m.BASE_VERSION] == applied and len(batch[m.OPERATIONS]) <= limits.OPERATIONS_PER_MESSAGE
        assert not any(op[0] == m.OP_PUT and op[1] == 1 for op in batch[m.OPERATIONS])
        applied, last = batch[m.NEW_VERSION], last + 1
        door.event(last, kind=m.KIND_STATE, detail=applied)
        assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == last
    assert applied == 31 and last > 1

    door.event(last, kind=m.KIND_STATE, detail=31)
    assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == last
    for ahead, acked in ((2, 0), (1, 2), (2, 2)):  # gap, gap filled, repeat
        door.event(last + ahead)
        assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == last + acked
    door.event(last + 3, key=bytes(32))
    door.event(last + 4)
    assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == last + 2

    with subprocess.Popen([*ALTGATE, str(site.data), "door", "open", "Front"]) as opening:
        ask = door.get(topics.DOWN_COMMAND)
        assert ask[m.VERB] == m.VERB_CHALLENGE and ask[m.EPOCH] == door.epoch
        answer = {
            m.EPOCH: door.epoch,
            m.REQUEST: ask[m.REQUEST],
            m.RESULT: reasons.DONE,
            m.CHALLENGE: b"c" * 16,
        }
        door.send(topics.UP_REPLY, answer)
        unlock = door.get(topics.DOWN_COMMAND)
        assert unlock[m.VERB] == m.VERB_UNLOCK and unlock[m.CHALLENGE] == b"c" * 16
        door.send(
            topics.UP_REPLY, {m.EPOCH: door.epoch, m.REQUEST: unlock[m.REQUEST], m.RESULT: reasons.DONE}
        )
        assert opening.wait(WAIT_S) == 0
    assert review.verify(site)[1] is None


def test_door_ahead_gets_a_snapshot(site: sites.Site, door: FakeDoor) -> None:
    door.hello(500)
    batch = door.get(topics.DOWN_STATE)
    assert batch[m.IS_SNAPSHOT] is True and batch[m.BASE_VERSION] == 500
    assert batch[m.NEW_VERSION] == 500 + limits.OPERATIONS_PER_MESSAGE


@EITHER_BROKER
def test_broker_stops_and_returns(site: sites.Site, broker: Broker, serving: Log, door: FakeDoor) -> None:
    door.hello(31)
    assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == 0
    with site.write() as session:
        credentials.revoke(site, session, credentials.find(session, 2))
    offered = door.get(topics.DOWN_STATE)
    assert offered[m.NEW_VERSION] == 32

    broker.stop(at_once=True)
    serving.wait("the broker is away")
    with site.write() as session:
        credentials.revoke(site, session, credentials.find(session, 3))
    door.forget()
    broker.start()
    serving.wait("connected")
    door.wait_connected()
    door.hello(31)
    again = door.get(topics.DOWN_STATE)
    while again[m.NEW_VERSION] == 32:  # what was under way when the broker went comes too
        again = door.get(topics.DOWN_STATE)
    assert again[m.BASE_VERSION] == 31 and again[m.NEW_VERSION] == 33
    door.event(1, kind=m.KIND_STATE, detail=33)
    while door.get(topics.DOWN_ACK)[m.SEQUENCE] != 1:
        pass
    door.unlock(site)


def test_state_is_offered_again_without_a_word_from_the_door(
    site: sites.Site, broker: Broker, serving: Log, door: FakeDoor
) -> None:
    door.hello(30)
    assert door.get(topics.DOWN_STATE)[m.NEW_VERSION] == 31
    broker.restart(at_once=True)
    assert door.get(topics.DOWN_STATE)[m.NEW_VERSION] == 31


@EITHER_BROKER
def test_a_command_outlives_the_broker(
    site: sites.Site, broker: Broker, serving: Log, door: FakeDoor
) -> None:
    door.hello(31)
    door.get(topics.DOWN_ACK)
    command = [*ALTGATE, str(site.data), "door", "open", "Front", "--wait", "40"]
    with subprocess.Popen(command) as opening:
        first = door.get(topics.DOWN_COMMAND)
        broker.restart(at_once=True)
        serving.wait("connected")
        door.wait_connected()
        again = door.get(topics.DOWN_COMMAND)
        assert again == first and again[m.VERB] == m.VERB_CHALLENGE
        door.reply(again[m.REQUEST], b"2" * 16)
        step = door.get(topics.DOWN_COMMAND)
        while step[m.VERB] == m.VERB_CHALLENGE:
            door.reply(step[m.REQUEST], b"2" * 16)
            step = door.get(topics.DOWN_COMMAND)
        assert step[m.VERB] == m.VERB_UNLOCK and step[m.CHALLENGE] == b"2" * 16
        door.reply(step[m.REQUEST])
        assert opening.wait(WAIT_S) == 0


def test_a_lost_question_is_repeated_and_a_lost_yes_is_not(site: sites.Site, door: FakeDoor) -> None:
    door.hello(31)
    with subprocess.Popen(
        [*ALTGATE, str(site.data), "door", "open", "Front", "--wait", "8"], stderr=subprocess.PIPE, text=True
    ) as opening:
        assert door.get(topics.DOWN_COMMAND) == (ask := door.get(topics.DOWN_COMMAND))
        door.reply(ask[m.REQUEST], b"1" * 16)
        door.reply(ask[m.REQUEST], b"2" * 16)
        step = door.get(topics.DOWN_COMMAND)
        assert step[m.VERB] == m.VERB_UNLOCK and step[m.CHALLENGE] == b"2" * 16
        door.reply(ask[m.REQUEST], b"3" * 16)
        door.hello(31)
        said = opening.communicate(timeout=WAIT_S)[1]
    assert opening.returncode == 1 and "did not say that it did" in said
    assert door.seen[topics.DOWN_COMMAND].empty()


def test_gaps_are_logged(door: FakeDoor, serving: Log) -> None:
    door.hello(31)
    for sequence in (1, 4, 5, 2, 3):
        door.event(sequence)
    door.event(6, kind=m.KIND_GAP, detail=17)
    assert "events 2 to 3 are missing" in (line := serving.wait("missing")) and "'Front' (0a1b2c3d)" in line
    assert "lost 17 events" in serving.wait("WARNING")


def test_a_removed_door_is_not_heard(site: sites.Site, door: FakeDoor, serving: Log) -> None:
    door.hello(31)
    door.event(1)
    while door.get(topics.DOWN_ACK)[m.SEQUENCE] != 1:
        pass
    subprocess.run([*ALTGATE, str(site.data), "door", "remove", "Front"], check=True, stdout=subprocess.PIPE)
    before = review.verify(site)
    door.event(2)
    assert "0a1b2c3d is not on the register" in serving.wait("dropped")
    door.hello(31)
    serving.wait("dropped")
    assert review.verify(site) == before and door.seen[topics.DOWN_WELCOME].qsize() == 1
    assert door.seen[topics.DOWN_ACK].empty()


def is_let_in(site: sites.Site, port: int, name: str) -> bool:
    """Whether the broker takes a client with the certificate ``name``.pem."""
    context = ssl.create_default_context(cafile=str(site.data / "pki/ca.pem"))
    context.load_cert_chain(site.data / f"{name}.pem", site.data / f"{name}.key")
    try:
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as plain:
            link = context.wrap_socket(plain, server_hostname="127.0.0.1")
            with link:
                link.sendall(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x")
                return link.recv(4) == b"\x20\x02\0\0"
    except OSError:
        return False


@pytest.mark.debian
@pytest.mark.parametrize("broker", [BuildingMosquitto], indirect=True)
def test_a_removed_doors_certificate_stops_working(site: sites.Site, broker: BuildingMosquitto) -> None:
    for name, door_id in (("front", "0a1b2c3d"), ("back", "0a1b2c3e")):
        identity = issue(site.authority(), door_id)
        (site.data / f"{name}.pem").write_bytes(identity.certificate_pem())
        (site.data / f"{name}.key").write_bytes(identity.key_pem())
        assert is_let_in(site, broker.port, name)
    command = [*ALTGATE, str(site.data), "door", "remove", "Front"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "crl.pem" in said and "crlfile" in said and "reload" in said
    broker.reload()
    assert not is_let_in(site, broker.port, "front") and is_let_in(site, broker.port, "back")


def test_serve_writes_the_revocation_list_at_its_start(site: sites.Site, broker: Broker) -> None:
    issue(site.authority(), "0a1b2c3d")
    with site.write() as session:
        doors.remove(site, session, doors.find(session, "Front"))
    (site.data / "pki/crl.pem").unlink()
    command = [*ALTGATE, str(site.data), "serve", "--json", "--broker", f"127.0.0.1:{broker.port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = json.loads(process.stderr.readline())
        assert line["level"] == "info" and line["message"] == "connected to the broker" and line["time"]
        process.terminate()
    assert len(x509.load_pem_x509_crl((site.data / "pki/crl.pem").read_bytes())) == 1
