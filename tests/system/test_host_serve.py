"""``altgate serve`` against a real broker that demands certificates, and a door made with paho and cbor2."""

import hashlib
import hmac
import os
import queue
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
from paho.mqtt.enums import CallbackAPIVersion

from altgate.keys.authority import issue
from altgate.keys.derive import door_subkey
from altgate.ledger import review
from altgate.protocol import messages as m
from altgate.protocol import reasons, topics
from altgate.registry import credentials, doors, residents
from altgate.registry import site as sites
from support.broker import Amqtt, free_port

WAIT_S = 15


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
def port(site: sites.Site, tmp_path: Path) -> Iterator[int]:
    pki = site.data / "pki"
    broker = Amqtt(tmp_path, free_port(), (pki / "ca.pem", pki / "broker.pem", pki / "broker.key"))
    broker.start()
    yield broker.port
    broker.stop()


class FakeDoor:
    """Speaks a door's sealed messages with libraries."""

    def __init__(self, site: sites.Site, port: int) -> None:
        with site.read() as session:
            door = doors.find(session, "Front")
        self.id, key = door.door_id, doors.key(site, door)
        self.up, self.down, self.epoch = door_subkey(key, "up"), door_subkey(key, "down"), os.urandom(16)
        self.seen: dict[str, queue.Queue[dict[int, Any]]] = {name: queue.Queue() for name in topics.DOWN}
        identity, folder = issue(site.authority(), self.id), site.data
        (folder / "door.pem").write_bytes(identity.certificate_pem())
        (folder / "door.key").write_bytes(identity.key_pem())
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.id)
        self.client.tls_set(str(folder / "pki/ca.pem"), str(folder / "door.pem"), str(folder / "door.key"))
        self.client.on_message = self._on_message
        subscribed = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe(f"altgate/{self.id}/down/#", 1)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert subscribed.wait(WAIT_S)

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

    def hello(self, version: int) -> None:
        self.send(
            topics.UP_HELLO,
            {
                m.BOOT: 1,
                m.EPOCH: self.epoch,
                m.STATE_VERSION: version,
                m.JOURNAL_HEAD: 0,
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


@pytest.fixture
def serving(site: sites.Site, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "altgate", "--data", str(site.data)]
    process = subprocess.Popen(
        [*command, "serve", "--broker", f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    with process.stderr:
        try:
            said = process.stderr.readline()
            assert "connected" in said, said
            yield process
        finally:
            process.terminate()
            assert process.wait(WAIT_S) == 0


@pytest.fixture
def door(site: sites.Site, port: int, serving: object) -> Iterator[FakeDoor]:
    made = FakeDoor(site, port)
    yield made
    made.client.disconnect()
    made.client.loop_stop()


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

    first = door.get(topics.DOWN_STATE)
    assert first[m.BASE_VERSION] == 0 and len(first[m.OPERATIONS]) == 24
    assert not any(op[0] == m.OP_PUT and op[1] == 1 for op in first[m.OPERATIONS])
    door.event(1, kind=m.KIND_STATE, detail=first[m.NEW_VERSION])
    assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == 1
    second = door.get(topics.DOWN_STATE)
    assert second[m.BASE_VERSION] == first[m.NEW_VERSION] and second[m.NEW_VERSION] == 31
    door.event(2, kind=m.KIND_STATE, detail=31)
    assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == 2

    for sequence, acked in ((2, 2), (4, 2), (3, 4), (4, 4)):  # repeat, gap, gap filled, repeat
        if (sequence, acked) == (2, 2):
            door.event(2, kind=m.KIND_STATE, detail=31)
        else:
            door.event(sequence)
        assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == acked
    door.event(5, key=bytes(32))
    door.event(6)
    assert door.get(topics.DOWN_ACK)[m.SEQUENCE] == 4

    command = [sys.executable, "-m", "altgate", "--data", str(site.data), "door", "open", "Front"]
    with subprocess.Popen(command) as opening:
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
    assert batch[m.IS_SNAPSHOT] is True and batch[m.BASE_VERSION] == 500 and batch[m.NEW_VERSION] == 524
