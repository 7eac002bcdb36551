"""The broker as ``altgate broker init`` sets it up, on a real mosquitto, judged by what is delivered."""

import queue
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from altgate.keys.authority import HOST, issue
from altgate.protocol import topics
from altgate.registry import doors
from altgate.registry import site as sites
from support.broker import BuildingMosquitto, free_port

pytestmark = pytest.mark.debian
WAIT_S = 10


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        for name in ("Front", "Back"):
            doors.add(made, session, name, 1, None, False)
    yield made
    made.close()


@pytest.fixture
def broker(site: sites.Site, tmp_path: Path) -> Iterator[BuildingMosquitto]:
    pki = site.data / "pki"
    with BuildingMosquitto(
        tmp_path, free_port(), (pki / "ca.pem", pki / "broker.pem", pki / "broker.key")
    ) as made:
        assert isinstance(made, BuildingMosquitto)
        yield made


class Client:
    """Somebody with a certificate; ``heard`` holds topic and payload of what is delivered."""

    def __init__(self, site: sites.Site, port: int, certificate: Path, client_id: str) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._up: queue.Queue[bool] = queue.Queue()
        self.down: queue.Queue[bool] = queue.Queue()
        self.mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        key = certificate.with_suffix(".key")
        self.mqtt.tls_set(str(site.data / "pki/ca.pem"), str(certificate), str(key))
        self.mqtt.on_message = lambda _c, _u, message: self.heard.put((message.topic, message.payload))
        self.mqtt.on_connect = lambda *_: self._up.put(True)
        self.mqtt.on_disconnect = lambda *_: self.down.put(True)
        self.mqtt.connect("127.0.0.1", port)
        self.mqtt.loop_start()
        self._up.get(timeout=WAIT_S)

    def hear(self, *filters: str) -> None:
        subscribed: queue.Queue[bool] = queue.Queue()
        self.mqtt.on_subscribe = lambda *_: subscribed.put(True)
        for one in filters:
            self.mqtt.subscribe(one, 1)
            subscribed.get(timeout=WAIT_S)

    def say(self, topic: str, payload: bytes) -> None:
        """Publish, and wait for the broker's word; mosquitto says it of what it drops, too."""
        self.mqtt.publish(topic, payload, 1).wait_for_publish(WAIT_S)

    def stop(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


@pytest.fixture
def people(site: sites.Site, broker: BuildingMosquitto) -> Iterator[dict[str, Client]]:
    made = {}
    with site.read() as session:
        for name in ("Front", "Back"):
            door_id = doors.find(session, name).door_id
            identity, path = issue(site.authority(), door_id), site.data / f"{door_id}.pem"
            path.write_bytes(identity.certificate_pem())
            path.with_suffix(".key").write_bytes(identity.key_pem())
            made[name] = Client(site, broker.port, path, door_id)
    made["host"] = Client(site, broker.port, site.data / "pki/host.pem", HOST)
    yield made
    for one in made.values():
        one.stop()


def test_each_reads_and_writes_its_own_topics_and_nobody_elses(
    site: sites.Site, people: dict[str, Client]
) -> None:
    with site.read() as session:
        front, back = (doors.find(session, name).door_id for name in ("Front", "Back"))
    # Everybody asks for everything.
    for one in people.values():
        one.hear("#", f"altgate/{front}/down/#", f"altgate/{back}/down/#", "altgate/+/up/#")
    for name, number in (("Front", front), ("Back", back), ("host", "")):
        for door_id in (front, back):
            people[name].say(topics.topic(door_id, topics.UP_EVENT), f"up {number}".encode())
            people[name].say(topics.topic(door_id, topics.DOWN_STATE), f"down {number}".encode())
        people[name].say("elsewhere", b"nothing")
    # The host's last word to each door comes after all others: what was delivered by then is all there is.
    for name, door_id in (("Front", front), ("Back", back)):
        people["host"].say(topics.topic(door_id, topics.DOWN_ACK), b"last")
        heard = []
        while not heard or heard[-1][1] != b"last":
            heard.append(people[name].heard.get(timeout=WAIT_S))
        assert {row for row in heard if row[1] != b"last"} == {(f"altgate/{door_id}/down/state", b"down ")}
    for name, door_id in (("Front", front), ("Back", back)):
        people[name].say(topics.topic(door_id, topics.UP_REPLY), b"last")
    heard = []
    while [row[1] for row in heard].count(b"last") < 2:
        heard.append(people["host"].heard.get(timeout=WAIT_S))
    said = {(f"altgate/{one}/up/event", f"up {one}".encode()) for one in (front, back)}
    assert {row for row in heard if row[1] != b"last"} == said


def test_no_door_takes_the_hosts_session_over(
    site: sites.Site, broker: BuildingMosquitto, people: dict[str, Client]
) -> None:
    with site.read() as session:
        front = doors.find(session, "Front").door_id
    thief = Client(site, broker.port, site.data / f"{front}.pem", HOST)
    # It is the door itself whose older connection ends; the host's stays.
    people["Front"].down.get(timeout=WAIT_S)
    people["host"].hear("altgate/+/up/#")
    thief.say(topics.topic(front, topics.UP_EVENT), b"still there")
    assert people["host"].heard.get(timeout=WAIT_S)[1] == b"still there"
    assert people["host"].down.empty()
    thief.stop()


def test_nobody_gets_in_without_a_certificate_of_the_building(
    site: sites.Site, broker: BuildingMosquitto, tmp_path: Path
) -> None:
    other = sites.create(tmp_path / "other", "Hillside", "http://localhost", "Ana", ("altgate-broker",))
    foreign = other.data / "pki" / "host"
    for certificate in (None, foreign):
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="stranger")
        paths = (f"{certificate}.pem", f"{certificate}.key") if certificate else (None, None)
        client.tls_set(str(site.data / "pki/ca.pem"), *paths)
        came_up: list[bool] = []
        client.on_connect = lambda *_, up=came_up: up.append(True)
        try:
            client.connect("127.0.0.1", broker.port)
            for _ in range(20):
                if client.loop(0.2):
                    break
        except (ssl.SSLError, OSError):
            pass
        assert not came_up
    other.close()


# The command


def run(site: sites.Site, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "altgate", "--data", str(site.data), "broker", "init", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_writes_once_and_keeps_what_somebody_changed(site: sites.Site) -> None:
    done = run(site, "--port", "18883")
    conf = site.data / "broker" / "mosquitto.conf"
    assert done.returncode == 0 and str(conf) in done.stdout and "listener 18883 0.0.0.0" in conf.read_text()
    assert run(site, "--port", "18883").returncode == 0
    before = conf.read_text() + "# mine\n"
    conf.write_text(before)
    done = run(site, "--port", "18883")
    assert done.returncode == 2 and "--replace" in done.stderr and conf.read_text() == before
    assert run(site, "--port", "18884", "--replace").returncode == 0 and "18884" in conf.read_text()
    assert {path.name for path in conf.parent.iterdir()} == {"mosquitto.conf", "acl"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--port", "0"), "is no port"),
        (("--listen", "everywhere"), "is no address"),
        (("--folder", "/proc/none"), "cannot be written"),
        (("--folder", "with space"), "no path with spaces"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    site: sites.Site, options: tuple[str, ...], says: str
) -> None:
    done = run(site, *options)
    assert done.returncode in (2, 3) and says in done.stderr and "Traceback" not in done.stderr
    assert not (site.data / "broker").exists()
