"""The door's MQTT client against real brokers, over mutual TLS."""

import json
import os
import queue
import subprocess
import threading
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from conftest import ROOT, micropython
from support.broker import Amqtt, Mosquitto, free_port
from support.pki import Authority
from support.proxy import Proxy

SCRIPT = ROOT / "tests" / "device" / "scripts" / "mqtt_client.py"


class Door:
    """The client in its own MicroPython, told what to do by JSON lines."""

    def __init__(self, port, identity=None, authority=None, **settings):
        if authority is not None:
            settings["ca"] = authority.pair.certificate_der.hex()
        if identity is not None:
            settings["certificate"] = identity.certificate_der.hex()
            settings["private_key"] = identity.key_der.hex()
        path = f"{ROOT / 'firmware' / 'sim'}:{ROOT / 'firmware'}:.frozen"
        self.process = subprocess.Popen(
            [micropython(), "-X", "heapsize=192k", str(SCRIPT)],
            env={**os.environ, "MICROPYPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, bufsize=1,
        )  # fmt: skip
        self.seen = []
        self._lines = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.tell(port=port, **settings)

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, wanted, seconds=15.0):
        """Read events until ``wanted(event)``; returns that event."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"nothing of the kind in {seconds} s; seen {self.seen[-20:]}") from None
            try:
                self.seen.append(json.loads(line))
            except ValueError:
                raise AssertionError(line + "".join(self._lines.queue)) from None
            if wanted(self.seen[-1]):
                return self.seen[-1]

    def end(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Host:
    """A collector on the broker's other side (paho), with a kept session."""

    def __init__(self, port, tls=None):
        self.received = []
        self._ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="host", clean_session=False)
        if tls is not None:
            self.client.tls_set(*map(str, tls))
        self.client.reconnect_delay_set(0.1, 0.5)
        self.client.on_connect = lambda client, *_: client.subscribe([("t/up", 1), ("t/status", 1)])
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = lambda _, __, message: self.received.append(
            (message.topic, message.payload)
        )
        self.client.connect("localhost" if tls else "127.0.0.1", port, keepalive=5)
        self.client.loop_start()
        assert self._ready.wait(10)

    def numbers(self):
        return [int(payload) for topic, payload in self.received if topic == "t/up"]

    def until(self, reached, seconds=15.0):
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, self.received[-20:]
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority with a server and two clients, and the files a broker and paho want."""

    class Pki:
        folder = tmp_path_factory.mktemp("pki")
        authority = Authority()
        door = authority.client("door")
        ca_file, _ = authority.pair.write(folder, "ca")
        server = (ca_file, *authority.server().write(folder, "server"))
        host = (ca_file, *authority.client("host").write(folder, "host"))

    return Pki


@pytest.fixture
def secure(pki, tmp_path):
    with Amqtt(tmp_path, free_port(), pki.server) as broker:
        yield broker


def test_plain(tmp_path):
    with Amqtt(tmp_path, free_port()) as broker, Door(broker.port) as door:
        assert door.until(lambda event: "up" in event) == {"up": False}


def test_qos1_both_ways_over_mutual_tls(secure, pki):
    with Host(secure.port, pki.host) as host, Door(secure.port, pki.door, pki.authority) as door:
        door.until(lambda event: "up" in event)
        door.tell(send=60)
        host.until(lambda: len(set(host.numbers())) == 60)
        door.until(lambda event: event.get("acked") == 59)
        assert host.numbers() == list(range(60))
        assert ("t/status", b"online") in host.received
        host.client.publish("t/down", b"open sesame", qos=1)
        got = door.until(lambda event: "got" in event)
        assert got == {"got": "open sesame", "topic": "t/down", "bytes": 11, "retain": False}


def refused(door, count=2):
    """The door was turned away ``count`` times and never up."""
    event = door.until(lambda event: sum(event.get("counts", {}).values()) >= count)
    assert not any("up" in event for event in door.seen)
    return event["counts"]


def test_broker_of_another_authority_is_refused(secure, pki):
    with Door(secure.port, pki.door, Authority()) as door:
        assert refused(door).keys() == {"its certificate is not of this building"}


def test_broker_of_another_name_is_refused(secure, pki):
    with Door(secure.port, pki.door, pki.authority, server_name="example.org") as door:
        assert refused(door).keys() == {"its certificate is for another name"}


@pytest.mark.parametrize(("days", "says"), [(-10, "has expired"), (10, "is not valid yet")])
def test_a_broker_whose_certificate_is_not_of_today_is_refused_in_plain_words(tmp_path, pki, days, says):
    server = (pki.ca_file, *pki.authority.server(days=days).write(tmp_path, "server"))
    with Amqtt(tmp_path, free_port(), server) as broker, Door(broker.port, pki.door, pki.authority) as door:
        assert refused(door).keys() == {f"its certificate {says}, or the door's time is wrong"}
        assert {"refused": f"its certificate {says}, or the door's time is wrong"} in door.seen


def test_door_without_a_certificate_is_refused(secure, pki):
    with Door(secure.port, None, pki.authority) as door:
        refused(door)


def test_a_certificate_that_the_broker_refuses_is_followed_by_the_other_one(secure, pki):
    stranger = Authority().client("door")
    other = {
        "other_certificate": stranger.certificate_der.hex(), "other_private_key": stranger.key_der.hex(),
    }  # fmt: skip
    with Door(secure.port, pki.door, pki.authority, **other) as door:
        door.until(lambda event: "refused" in event)
        door.until(lambda event: "up" in event)


def test_without_a_context_for_tls_there_is_no_connection(secure, pki):
    # Refused, used, refused again: a certificate that cannot be read must never leave the door without TLS.
    other = {"other_certificate": b"no DER".hex(), "other_private_key": b"none either".hex()}
    with Door(secure.port, pki.door, pki.authority, **other) as door:
        for _ in range(2):
            assert door.until(lambda event: "refused" in event) == {"refused": "refused"}
            door.until(lambda event: "up" in event)
            door.tell(swap=True)
            door.until(lambda event: "down" in event)
        assert [event["refused"] for event in door.seen if "refused" in event] == ["refused"] * 2


def test_a_connection_that_is_begun_anew_loses_nothing(secure, pki):
    with Host(secure.port, pki.host) as host, Door(secure.port, pki.door, pki.authority) as door:
        door.until(lambda event: "up" in event)
        door.tell(send=20, reconnect=True)
        door.until(lambda event: event.get("down") == "begun anew")
        door.tell(send=20)
        host.until(lambda: host.numbers() == list(range(40)))


def test_host_name_is_looked_up_beside_the_loop(tmp_path):
    with Amqtt(tmp_path, free_port()) as broker, Door(broker.port, host="localhost") as door:
        door.until(lambda event: "up" in event)


def storm(port, pki, both_ways):
    """60 messages through a black hole that then cuts the connection: each must arrive."""
    with (
        Proxy(port) as proxy,
        Host(port, pki.host) as host,
        Door(proxy.port, pki.door, pki.authority) as door,
    ):
        door.until(lambda event: "up" in event)
        for number in range(60):
            if number == 20:
                proxy.is_black_hole = True
            if number == 50:
                proxy.cut()
                proxy.is_black_hole = False
            door.tell(send=1)
            host.client.publish("t/down", b"%d" % number, qos=1)
            time.sleep(0.1)
        host.until(lambda: len(set(host.numbers())) == 60, 30)
        if both_ways:
            door.until(lambda event: len({e["got"] for e in door.seen if "got" in e}) == 60, 30)
        # It may have come before the last message to the door.
        if {"acked": 59} not in door.seen:
            door.until(lambda event: event.get("acked") == 59)
        assert any(event.get("down") == "silent" for event in door.seen)


def test_black_hole_and_cut_lose_no_event(secure, pki):
    # amqtt does not send again what was on its way to the door when the connection went.
    storm(secure.port, pki, both_ways=False)


@pytest.mark.debian
def test_black_hole_and_cut_lose_nothing_either_way(pki, tmp_path):
    with Mosquitto(tmp_path, free_port(), pki.server) as broker:
        storm(broker.port, pki, both_ways=True)


@pytest.mark.debian
def test_message_that_was_not_stored_comes_again(pki, tmp_path):
    with (
        Mosquitto(tmp_path, free_port(), pki.server) as broker,
        Host(broker.port, pki.host) as host,
        Door(broker.port, pki.door, pki.authority) as door,
    ):
        door.until(lambda event: "up" in event)
        door.tell(refuse=1)
        time.sleep(0.2)
        host.client.publish("t/down", b"once more", qos=1)
        assert door.until(lambda event: "down" in event) == {"down": "not stored"}
        door.until(lambda event: event.get("got") == "once more")


def test_last_will_when_the_door_dies(secure, pki):
    with Host(secure.port, pki.host) as host:
        with Door(secure.port, pki.door, pki.authority) as door:
            door.until(lambda event: "up" in event)
            host.until(lambda: ("t/status", b"online") in host.received)
        host.until(lambda: ("t/status", b"offline") in host.received)


def test_oversized_message_is_dropped_and_not_sent_again(secure, pki):
    with Host(secure.port, pki.host) as host, Door(secure.port, pki.door, pki.authority) as door:
        door.until(lambda event: "up" in event)
        host.client.publish("t/down", bytes(300_000), qos=1)
        host.client.publish("t/down", b"x" * 4096, qos=1)
        door.until(lambda _: any("got" in event for event in door.seen) and "counts" in str(door.seen))
        assert {"counts": {"too long": 1}} in door.seen
        assert [event["bytes"] for event in door.seen if "got" in event] == [4096]
        assert not any("down" in event for event in door.seen)


@pytest.mark.debian
def test_broker_restarts_lose_nothing(pki, tmp_path):
    with (
        Mosquitto(tmp_path, free_port(), pki.server) as broker,
        Host(broker.port, pki.host) as host,
        Door(broker.port, pki.door, pki.authority) as door,
    ):
        door.until(lambda event: "up" in event)
        for number in range(60):
            if number in (20, 40):
                broker.restart()
            door.tell(send=1)
            host.client.publish("t/down", b"%d" % number, qos=1)
            time.sleep(0.05)
        host.until(lambda: len(set(host.numbers())) == 60, 30)
        door.until(lambda event: len({e["got"] for e in door.seen if "got" in e}) == 60, 30)
        assert {"up": True} in door.seen


def test_mutated_server_streams(device):
    seed = int(os.environ.get("ALTGATE_SEED") or time.time_ns() % 2**31)
    print(f"ALTGATE_SEED={seed}")
    script = ROOT / "tests" / "device" / "scripts" / "mqtt_fuzz.py"
    done = device.run(script, stdin=json.dumps({"seed": seed, "streams": 2000}) + "\n")
    counts = json.loads(done.stdout)
    assert not done.stderr
    assert sum(counts.values()) >= 2000
    assert counts["malformed"] > 200


def test_reconnecting_leaks_nothing(device, secure, pki):
    settings = {
        "port": secure.port, "times": 60, "ca": pki.authority.pair.certificate_der.hex(),
        "certificate": pki.door.certificate_der.hex(), "private_key": pki.door.key_der.hex(),
    }  # fmt: skip
    script = ROOT / "tests" / "device" / "scripts" / "mqtt_reconnect.py"
    done = device.run(script, heap="192k", stdin=json.dumps(settings) + "\n")
    seen = json.loads(done.stdout)
    print(seen)
    assert seen["counts"].keys() == {"closed"}
    assert seen["free"][-1] > seen["free"][2] - 4096
    assert seen["stall_ms"] < 150
