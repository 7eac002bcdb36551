"""What a door takes from its host and what it refuses, against an independent implementation."""

import hashlib
import hmac
import os
import subprocess

import cbor2
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from altgate.protocol import messages as m
from altgate.protocol import provisioning as p
from altgate.protocol import reasons, topics
from conftest import ROOT, micropython

DOOR = "0a1b2c3d"
DOOR_KEY = bytes(range(32))


def content(**changes):
    """A provisioning map with plausible fields."""
    fields = {
        p.DOOR_ID: DOOR, p.DOOR_KEY: DOOR_KEY, p.ZONE: 1, p.ZONE_KEY: bytes(16), p.BROKER_HOST: "localhost",
        p.BROKER_PORT: 8883, p.BROKER_NAME: "localhost", p.CA: bytes(100), p.CERTIFICATE: bytes(100),
        p.PRIVATE_KEY: bytes(100), p.WIFI_SSID: "", p.WIFI_PASSWORD: "",
        p.TIME: 1767225600,
    }  # fmt: skip
    return cbor2.dumps({**fields, **changes}, canonical=True)


def subkey(label):
    return HKDF(SHA256(), 32, None, b"altgate/" + label).derive(DOOR_KEY)


def seal(name, fields, key=None, door=DOOR, as_name=None, unprotected=None):
    """(topic, message): COSE_Mac0 of a map, by RFC 9052."""
    topic = topics.topic(door, name)
    bound = topics.topic(door, as_name or name).encode()
    protected, payload = cbor2.dumps({1: 5}), cbor2.dumps(fields, canonical=True)
    structure = cbor2.dumps(["MAC0", protected, bound, payload], canonical=True)
    tag = hmac.digest(key or subkey(b"down"), structure, hashlib.sha256)
    return topic, cbor2.dumps(cbor2.CBORTag(17, [protected, unprotected or {}, payload, tag]))


def opened(topic, message):
    """The fields of a door's message; fails unless its code is right."""
    protected, unprotected, payload, tag = cbor2.loads(message).value
    structure = cbor2.dumps(["MAC0", protected, topic.encode(), payload], canonical=True)
    assert unprotected == {} and cbor2.loads(protected) == {1: 5}
    assert tag == hmac.digest(subkey(b"up"), structure, hashlib.sha256)
    return cbor2.loads(payload)


class Door:
    """The script on the real interpreter, spoken to line by line."""

    def __init__(self, folder):
        script = ROOT / "tests/device/scripts/link_session.py"
        path = f"{ROOT / 'firmware/sim'}:{ROOT / 'firmware'}:.frozen"
        command = [micropython(), "-X", "heapsize=256k", str(script), str(folder / "flash.bin"), str(folder)]
        self.process = subprocess.Popen(
            command, text=True, env={**os.environ, "MICROPYPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.process.stdin.write(content().hex() + "\n")
        self.unlocked = self.quality = self.acknowledged = self.dropped = 0

    def say(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        lines = []
        while not (line := self.process.stdout.readline()).startswith("end "):
            assert line, "the door ended"
            lines.append(line.strip())
        self.unlocked, self.quality, self.acknowledged, self.dropped = map(int, line.split()[1:])
        return lines

    def hear(self, *words):
        """Fields of the one sealed answer, or None."""
        lines = self.say(*words)
        assert len(lines) <= 1
        return opened(lines[0].split()[0], bytes.fromhex(lines[0].split()[1])) if lines else None

    def take(self, topic, message):
        return self.hear("take", topic, message.hex())


@pytest.fixture
def door(tmp_path):
    made = Door(tmp_path)
    yield made
    made.process.communicate()
    assert made.process.returncode == 0


def test_time_is_taken_once_and_only_for_the_nonce_drawn(door):
    nonce = door.hear("hello")[m.NONCE]
    now = 1_800_000_000
    door.take(*seal(topics.DOWN_WELCOME, {m.NONCE: os.urandom(16), m.TIME: now}))
    assert door.quality == m.QUALITY_UNKNOWN
    door.take(*seal(topics.DOWN_WELCOME, {m.NONCE: nonce, m.TIME: now}))
    assert door.quality == m.QUALITY_HOST
    again = door.hear("hello")
    assert 0 <= again[m.TIME] - now < 60
    door.take(*seal(topics.DOWN_WELCOME, {m.NONCE: nonce, m.TIME: now + 10**8}))
    assert door.hear("hello")[m.TIME] - now < 60


def test_unlock_needs_the_epoch_and_a_challenge_that_is_good_once(door):
    epoch = door.hear("hello")[m.EPOCH]

    def ask(verb, **more):
        fields = {m.REQUEST: 1, m.VERB: verb, m.EPOCH: epoch, **{getattr(m, k): v for k, v in more.items()}}
        return door.take(*seal(topics.DOWN_COMMAND, fields))

    assert ask(m.VERB_UNLOCK, CHALLENGE=bytes(16))[m.RESULT] == reasons.STALE_CHALLENGE
    challenge = ask(m.VERB_CHALLENGE)[m.CHALLENGE]
    assert ask(m.VERB_UNLOCK, CHALLENGE=bytes(16))[m.RESULT] == reasons.STALE_CHALLENGE
    assert ask(m.VERB_UNLOCK, CHALLENGE=challenge)[m.RESULT] == reasons.STALE_CHALLENGE
    challenge = ask(m.VERB_CHALLENGE)[m.CHALLENGE]
    assert ask(m.VERB_UNLOCK, CHALLENGE=challenge, EPOCH=bytes(16))[m.RESULT] == reasons.STALE_EPOCH
    assert door.unlocked == 0
    assert ask(m.VERB_UNLOCK, CHALLENGE=challenge)[m.RESULT] == reasons.DONE
    assert ask(m.VERB_UNLOCK, CHALLENGE=challenge)[m.RESULT] == reasons.STALE_CHALLENGE
    assert door.unlocked == 1
    assert ask(99)[m.RESULT] == reasons.UNKNOWN_VERB


def test_state_is_taken_whole_in_order_or_not_at_all(door):
    put = [m.OP_PUT, 7, m.TYPE_CARD, b"t" * 16, 0, 0, 0, 3]

    def send(base, new, *operations, snapshot=False):
        fields = {m.BASE_VERSION: base, m.NEW_VERSION: new, m.OPERATIONS: list(operations)}
        reply = door.take(*seal(topics.DOWN_STATE, {**fields, m.IS_SNAPSHOT: snapshot}))
        return reply[m.RESULT], reply[m.STATE_VERSION]

    card = ("find", str(m.TYPE_CARD), (b"t" * 16).hex())
    assert send(0, 1, put, [m.OP_SETTING, m.SETTING_RELEASE_S, 99]) == (reasons.SETTING_OUT_OF_RANGE, 0)
    assert send(0, 1, put, [77]) == (reasons.BAD_OPERATION, 0)
    assert send(0, 1, put[:-1]) == (reasons.BAD_OPERATION, 0)
    assert send(3, 4, put) == (reasons.VERSION_MISMATCH, 0)
    assert door.say(*card) == ["None"]
    assert send(0, 1, put) == (reasons.DONE, 1)
    assert door.say(*card)[0].startswith("Record(id=7, resident=3")
    assert door.say("find", str(m.TYPE_LEGACY_UID), card[2]) == ["None"]
    assert send(0, 1, put) == (reasons.VERSION_MISMATCH, 1)
    assert send(1, 2, [m.OP_DELETE, 7]) == (reasons.DONE, 2)
    assert door.say(*card) == ["None"]
    assert send(0, 9, put, snapshot=True) == (reasons.DONE, 9)
    assert send(0, 8, snapshot=True) == (reasons.VERSION_MISMATCH, 9)


def test_events_are_sealed_and_kept_until_acknowledged(door):
    event = door.hear("event")
    assert (event[m.SEQUENCE], event[m.CREDENTIAL], event[m.REASON]) == (1, 7, reasons.GRANTED)
    door.take(*seal(topics.DOWN_ACK, {m.SEQUENCE: 5}))
    assert door.acknowledged == 0
    door.take(*seal(topics.DOWN_ACK, {m.SEQUENCE: 1}))
    assert door.acknowledged == 1


def test_what_is_not_from_the_host_is_counted_and_changes_nothing(door):
    door.hear("event")
    ack = {m.SEQUENCE: 1}
    bad = [
        seal(topics.DOWN_ACK, ack, key=subkey(b"up")),
        seal(topics.DOWN_ACK, ack, as_name=topics.DOWN_STATE),
        seal(topics.DOWN_ACK, ack, door="ffffffff"),
        seal(topics.DOWN_ACK, ack, unprotected={4: b"x"}),
        seal(topics.DOWN_ACK, {m.SEQUENCE: "1"}),
        seal(topics.DOWN_ACK, {}),
        seal("down/other", ack),
        (topics.topic(DOOR, topics.DOWN_ACK), b""),
        (topics.topic(DOOR, topics.DOWN_ACK), bytes(5000)),
        ("altgate", b"x"),
    ]
    for count, (topic, message) in enumerate(bad, 1):
        if not message:
            message = b"\0"
        assert door.take(topic, message) is None
        assert (door.dropped, door.acknowledged, door.unlocked) == (count, 0, 0)
    counted = door.hear("hello")[m.BAD_INPUT]
    assert counted[reasons.BAD_MAC] == 2 and sum(counted.values()) == len(bad)
