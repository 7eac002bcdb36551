"""What a door takes from its host and what it refuses, against an independent implementation."""

import hashlib
import hmac
import os
import subprocess

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from altgate.protocol import messages as m
from altgate.protocol import provisioning as p
from altgate.protocol import reasons, topics
from conftest import ROOT, micropython

DOOR = "0a1b2c3d"
DOOR_KEY = bytes(range(32))


def content(**changes):
    """An identity with plausible fields."""
    fields = {
        p.DOOR_ID: DOOR, p.DOOR_KEY: DOOR_KEY, p.ZONE: 1, p.ZONE_KEY: bytes(16), p.BROKER_HOST: "localhost",
        p.BROKER_PORT: 8883, p.BROKER_NAME: "localhost", p.CA: bytes(100), p.CERTIFICATE: bytes(100),
        p.PRIVATE_KEY: bytes(100), p.WIFI_SSID: "", p.WIFI_PASSWORD: "",
        p.TIME: 1767225600, p.GENERATION: 0, p.INDEX_KEY: bytes(range(1, 33)),
        p.PASS_KEY: bytes(range(2, 34)), p.ORIGIN: "http://localhost", p.TICKET_ID: bytes(8),
        p.TICKET_SECRET: bytes(16), p.EXPIRES: 1767225600,
    }  # fmt: skip
    return cbor2.dumps({**fields, **changes}, canonical=True)


def subkey(label):
    return HKDF(SHA256(), 32, None, b"altgate/" + label).derive(DOOR_KEY)


EPOCH = b"e" * 16  # of this start, as link_session.py has it


def seal(name, fields, key=None, door=DOOR, as_name=None, unprotected=None):
    """(topic, message): COSE_Mac0 of a map, by RFC 9052."""
    topic = topics.topic(door, name)
    bound = topics.topic(door, as_name or name).encode()
    said = {m.EPOCH: EPOCH, **fields} if isinstance(fields, dict) else fields
    protected, payload = cbor2.dumps({1: 5}), cbor2.dumps(said, canonical=True)
    structure = cbor2.dumps(["MAC0", protected, bound, payload], canonical=True)
    tag = hmac.digest(key or subkey(b"down/0"), structure, hashlib.sha256)
    return topic, cbor2.dumps(cbor2.CBORTag(17, [protected, unprotected or {}, payload, tag]))


def opened(topic, message):
    """The fields of a door's message; fails unless its code is right."""
    protected, unprotected, payload, tag = cbor2.loads(message).value
    structure = cbor2.dumps(["MAC0", protected, topic.encode(), payload], canonical=True)
    assert unprotected == {} and cbor2.loads(protected) == {1: 5}
    assert tag == hmac.digest(subkey(b"up/0"), structure, hashlib.sha256)
    return cbor2.loads(payload)


class Door:
    """The script on the real interpreter, spoken to line by line."""

    def __init__(self, folder):
        script = ROOT / "tests/device/scripts/link_session.py"
        path = f"{ROOT / 'firmware/sim'}:{ROOT / 'firmware'}:.frozen"
        command = [micropython(), "-X", "heapsize=1m", str(script), str(folder / "flash.bin"), str(folder)]
        self.process = subprocess.Popen(
            command, text=True, env={**os.environ, "MICROPYPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.process.stdin.write(content().hex() + "\n")
        self.version = 0
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

    def one(self, *words):
        """The one line that a command prints."""
        (line,) = self.say(*words)
        return line

    def dropped_by(self, topic, message):
        """What a message was dropped for; it changed nothing else that is counted."""
        before = self.bad_input()
        assert self.take(topic, message) is None
        after = self.bad_input()
        (reason,) = (reason for reason in after if after[reason] != before.get(reason, 0))
        return reason

    def bad_input(self):
        return self.hear("hello")[m.BAD_INPUT]

    def apply(self, *operations, base=None, result=reasons.DONE):
        """A change of state, as the next one after what the door has."""
        base = self.version if base is None else base
        fields = {m.BASE_VERSION: base, m.NEW_VERSION: base + 1, m.OPERATIONS: list(operations)}
        reply = self.take(*seal(topics.DOWN_STATE, fields))
        assert reply[m.RESULT] == result
        self.version = reply[m.STATE_VERSION]

    def cannot_keep(self, *operations):
        """A change of state whose file cannot be written: it is not acknowledged, and comes again."""
        fields = {m.BASE_VERSION: self.version, m.NEW_VERSION: self.version + 1}
        topic, message = seal(topics.DOWN_STATE, {**fields, m.OPERATIONS: list(operations)})
        self.say("fail", "1")
        assert self.say("take", topic, message.hex()) == ["again"]

    def consents(self):
        """What the door says of each consent that is owed to the host."""
        lines = [line.split() for line in self.say("consents")]
        assert all(topic == topics.topic(DOOR, topics.UP_CONSENT) for topic, _ in lines)
        return [opened(topic, bytes.fromhex(message)) for topic, message in lines]

    def look(self, resident):
        return int(self.one("look", str(resident)))

    def end(self):
        self.process.communicate()
        assert self.process.returncode == 0


@pytest.fixture
def door(tmp_path):
    made = Door(tmp_path)
    yield made
    made.end()


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


def test_a_renewal_that_cannot_be_kept_is_counted_and_does_not_end_the_connection(door):
    key = HKDF(SHA256(), 64, None, b"altgate/renewal/1").derive(DOOR_KEY)
    fields = {p.GENERATION: 1, p.CERTIFICATE: bytes(400)}
    bound = [b"altgate/renewal/1", DOOR.encode()]
    sealed = AESSIV(key).encrypt(cbor2.dumps(fields, canonical=True), bound)
    assert door.dropped_by(*seal(topics.DOWN_RENEWAL, {m.SEALED: sealed})) == reasons.STORAGE_FAILED
    assert door.dropped_by(*seal(topics.DOWN_RENEWAL, {m.SEALED: sealed[:-1]})) == reasons.BAD_MAC
    assert door.dropped_by(*seal(topics.DOWN_RENEWAL, {m.SEALED: 1})) == reasons.BAD_SHAPE


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
    put = [m.OP_PUT, 7, m.TYPE_CARD, b"t" * 16, 0, 0, 0, 3, 0, 0, 0, 0]

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
    assert send(1, 2, [m.OP_DELETE, 7, m.TYPE_CARD, b"t" * 16, 0]) == (reasons.DONE, 2)
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


def test_what_was_said_to_another_start_or_another_board_means_nothing(door):
    """Whatever a broker kept is sealed by the host, and still of yesterday."""
    door.hear("event")
    nonce = door.hear("hello")[m.NONCE]
    put = {m.BASE_VERSION: 0, m.NEW_VERSION: 1, m.OPERATIONS: [], m.IS_SNAPSHOT: True}
    said = {
        topics.DOWN_WELCOME: {m.NONCE: nonce, m.TIME: 1_800_000_000},
        topics.DOWN_ACK: {m.SEQUENCE: 1},
        topics.DOWN_STATE: put,
        topics.DOWN_CONSENT: {m.CONSENT: bytes(32), m.CONSENT_STATE: m.CONSENT_GIVEN},
        topics.DOWN_LEASE: {m.NONCE: nonce, m.CONSENTS: bytes(32)},
    }
    for name, fields in said.items():
        for epoch in (bytes(16), b"e" * 15):
            assert door.take(*seal(name, {**fields, m.EPOCH: epoch})) is None, name
    hello = door.hear("hello")
    assert hello[m.BAD_INPUT] == {reasons.STALE_EPOCH: 2 * len(said)}
    assert (door.acknowledged, door.quality, hello[m.STATE_VERSION]) == (0, m.QUALITY_UNKNOWN, 0)
    # The same of this start is taken.
    door.take(*seal(topics.DOWN_ACK, {m.SEQUENCE: 1}))
    assert door.take(*seal(topics.DOWN_STATE, put))[m.RESULT] == reasons.DONE and door.acknowledged == 1


def test_what_is_not_from_the_host_is_counted_and_changes_nothing(door):
    door.hear("event")
    ack = {m.SEQUENCE: 1}
    bad = [
        seal(topics.DOWN_ACK, ack, key=subkey(b"up/0")),
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


NOTICE, NEW_NOTICE = b"n" * 32, b"m" * 32
CARDS = {3: (7, b"t" * 16), 4: (8, b"u" * 16)}


def card(resident):
    number, tag = CARDS[resident]
    return [m.OP_PUT, number, m.TYPE_CARD, tag, 0, 0, 0, resident, 0, 0, 0, 0]


def acknowledge(consent, state, number=0, **bad):
    fields = {m.CONSENT: consent, m.CONSENT_STATE: state, m.PERSONAL_NUMBER: number}
    return seal(topics.DOWN_CONSENT, fields, **bad)


def lease_for(nonce, consents, **bad):
    """An answer about the lease, for consents as the host knows them."""
    answer = {m.NONCE: nonce, m.CONSENTS: hashlib.sha256(b"".join(sorted(consents))).digest()}
    return seal(topics.DOWN_LEASE, answer, **bad)


@pytest.fixture
def faces(door):
    """A door with face on, a notice in force and two residents' cards."""
    settings = [[m.OP_SETTING, m.SETTING_FACE, 1], [m.OP_NOTICE, 1, NOTICE]]
    door.apply(*settings, card(3), card(4))
    return door


def give(door, resident=3, number=123456):
    """Say yes at the door, and have it acknowledged; the consent."""
    credential, tag = CARDS[resident]
    door.say("give", str(resident), str(credential), tag.hex())
    (consent,) = (
        said[m.CONSENT] for said in door.consents()
        if said[m.RESIDENT] == resident and said[m.CONSENT_STATE] == m.CONSENT_GIVEN
    )  # fmt: skip
    door.take(*acknowledge(consent, m.CONSENT_GIVEN, number))
    return consent


def enrolled(door, *residents):
    """Residents whose faces open the door; their consents."""
    consents = [give(door, resident, 100000 + resident) for resident in residents]
    for resident, consent in zip(residents, consents, strict=True):
        door.say("enrol", str(resident))
        door.take(*acknowledge(consent, m.CONSENT_ENROLLED))
    door.say("back")
    door.take(*lease_for(door.hear("lease")[m.NONCE], consents))
    assert [door.look(resident) for resident in residents] == [reasons.NONE] * len(residents)
    return consents


def test_a_consent_is_named_by_the_hash_of_what_was_said(faces):
    for known in (False, True):
        if known:
            nonce = faces.hear("hello")[m.NONCE]
            faces.take(*seal(topics.DOWN_WELCOME, {m.NONCE: nonce, m.TIME: 1_800_000_000}))
        faces.say("give", "3", "7", CARDS[3][1].hex())
        said = faces.consents()[-1]
        statement = [
            "altgate/consent/1", DOOR, 3, 7, NOTICE, 1, said[m.TIME], said[m.TIME_QUALITY], said[m.NONCE],
        ]  # fmt: skip
        assert said[m.CONSENT] == hashlib.sha256(cbor2.dumps(statement, canonical=True)).digest()
        assert (said[m.RESIDENT], said[m.CREDENTIAL], said[m.NOTICE], said[m.BOOT]) == (3, 7, NOTICE, 1)
        assert said[m.CONSENT_STATE] == m.CONSENT_GIVEN and len(said[m.NONCE]) == 16
        if known:
            assert said[m.TIME_QUALITY] == m.QUALITY_HOST and 0 <= said[m.TIME] - 1_800_000_000 < 60
        else:
            assert (said[m.TIME], said[m.TIME_QUALITY]) == (0, m.QUALITY_UNKNOWN)
    # The one before was invalidated by it, and is told of until the host knows.
    old, new = faces.consents()
    assert old[m.CONSENT_STATE] == m.CONSENT_INVALIDATED and old[m.NONCE] != new[m.NONCE]
    faces.take(*acknowledge(old[m.CONSENT], m.CONSENT_INVALIDATED))
    faces.take(*acknowledge(new[m.CONSENT], m.CONSENT_GIVEN, 123456))
    assert faces.consents() == []


def test_only_the_hosts_word_on_the_present_state_enables_enrolment(faces):
    faces.say("give", "3", "7", CARDS[3][1].hex())
    consent = faces.consents()[0][m.CONSENT]
    other = consent[:31] + bytes([consent[31] ^ 1])
    for fields in (
        (other, m.CONSENT_GIVEN), (b"", m.CONSENT_GIVEN), (consent[:16], m.CONSENT_GIVEN),
        (consent, m.CONSENT_ENROLLED), (consent, m.CONSENT_WITHDRAWN), (consent, 0),
    ):  # fmt: skip
        assert faces.dropped_by(*acknowledge(*fields, 123456)) == reasons.UNKNOWN_CONSENT
    for fields in (("text", m.CONSENT_GIVEN, 123456), (consent, "1", 123456), (consent, m.CONSENT_GIVEN, -1),
                   (consent, m.CONSENT_GIVEN, 2**32), (consent, m.CONSENT_GIVEN, None),
                   # As short as a unit number, or longer than anybody types.
                   (consent, m.CONSENT_GIVEN, 99999), (consent, m.CONSENT_GIVEN, 1000000)):  # fmt: skip
        assert faces.dropped_by(*acknowledge(*fields)) == reasons.BAD_SHAPE
    good = (consent, m.CONSENT_GIVEN, 123456)
    for bad, reason in (
        ({"key": subkey(b"up/0")}, reasons.BAD_MAC), ({"door": "ffffffff"}, reasons.UNKNOWN_TOPIC),
        ({"as_name": topics.DOWN_LEASE}, reasons.BAD_MAC), ({"key": bytes(32)}, reasons.BAD_MAC),
    ):  # fmt: skip
        assert faces.dropped_by(*acknowledge(*good, **bad)) == reason
    assert faces.look(3) == reasons.CONSENT_PENDING and len(faces.consents()) == 1
    assert faces.one("named", "123456") == "None" and faces.say("lease") == []
    faces.take(*acknowledge(*good))
    assert faces.look(3) == reasons.NOT_ENROLLED and faces.one("named", "123456") == "3"
    # It was good once: the same words under another consent of the same resident are nothing.
    again = acknowledge(*good)
    assert give(faces, 3, 555555) != consent
    assert faces.dropped_by(*again) == reasons.UNKNOWN_CONSENT and faces.one("named", "123456") == "None"


def test_two_residents_never_answer_to_one_number(faces):
    give(faces, 3, 123456)
    give(faces, 4, 123456)
    assert faces.one("named", "123456") in ("3", "None") and faces.one("named", "0") == "None"
    assert faces.look(4) == reasons.NOT_ENROLLED
    faces.say("withdraw", "3")
    assert faces.one("named", "123456") == "None"


def test_a_lease_is_for_one_question_and_for_the_consents_in_force(faces, tmp_path):
    consents = enrolled(faces, 3, 4)
    # There is time left, so nothing is asked; after a start nothing is left, and the door asks.
    assert faces.say("lease") == []
    faces.end()
    door = Door(tmp_path)
    assert (door.look(3), door.look(4)) == (reasons.LEASE_ENDED,) * 2
    asked = door.hear("lease")
    assert asked[m.CONSENTS] == hashlib.sha256(b"".join(sorted(consents))).digest()
    nonce, other = asked[m.NONCE], os.urandom(16)
    assert len(nonce) == 16 and door.say("lease") == []
    for bad in (
        lease_for(other, consents), lease_for(nonce, consents[:1]), lease_for(nonce, []),
        lease_for(nonce, [*consents, bytes(32)]), lease_for(b"", consents),
    ):  # fmt: skip
        assert door.dropped_by(*bad) == reasons.STALE_CHALLENGE
    for changes in ({m.NONCE: 5}, {m.CONSENTS: "text"}, {m.CONSENTS: None}):
        fields = {m.NONCE: nonce, m.CONSENTS: asked[m.CONSENTS], **changes}
        assert door.dropped_by(*seal(topics.DOWN_LEASE, fields)) == reasons.BAD_SHAPE
    assert door.dropped_by(*lease_for(nonce, consents, key=subkey(b"up/0"))) == reasons.BAD_MAC
    assert door.dropped_by(*lease_for(nonce, consents, as_name=topics.DOWN_CONSENT)) == reasons.BAD_MAC
    assert door.look(3) == reasons.LEASE_ENDED
    good = lease_for(nonce, consents)
    door.take(*good)
    assert (door.look(3), door.look(4)) == (reasons.NONE,) * 2
    assert door.dropped_by(*good) == reasons.STALE_CHALLENGE
    # One goes, and an answer for both is none for whoever stays.
    door.end()
    door = Door(tmp_path)
    asked = door.hear("lease")
    assert door.one("withdraw", "4") == "True"
    assert door.dropped_by(*lease_for(asked[m.NONCE], consents)) == reasons.STALE_CHALLENGE
    assert door.look(3) == reasons.LEASE_ENDED and door.look(4) == reasons.NO_CONSENT
    door.take(*lease_for(door.hear("lease")[m.NONCE], consents[:1]))
    assert door.look(3) == reasons.NONE
    door.end()


def test_ending_erases_before_it_is_kept_and_may_come_again(faces):
    kept, ended = enrolled(faces, 3, 4)
    ending = [m.OP_END_CONSENT, ended, m.CONSENT_REVOKED]
    # All of a message or nothing: what stands behind a bad operation ends nothing.
    faces.apply(ending, [99], result=reasons.BAD_OPERATION)
    for state in (m.CONSENT_GIVEN, m.CONSENT_ENROLLED, 0, 6):
        faces.apply([m.OP_END_CONSENT, ended, state], result=reasons.BAD_OPERATION)
    faces.apply(ending, base=faces.version + 5, result=reasons.VERSION_MISMATCH)
    faces.apply([m.OP_END_CONSENT, ended[:31], m.CONSENT_REVOKED], result=reasons.BAD_OPERATION)
    assert faces.look(4) == reasons.NONE
    # The file of the state cannot be written: the template is gone already, and the version has not moved.
    faces.cannot_keep(ending)
    assert faces.look(4) == reasons.NO_CONSENT and faces.one("has", ended.hex()) == "False"
    assert faces.hear("hello")[m.STATE_VERSION] == faces.version
    faces.apply(ending)
    faces.apply(ending)
    faces.apply([m.OP_END_CONSENT, ended, m.CONSENT_WITHDRAWN], [m.OP_END_CONSENT, bytes(32), 4])
    told = faces.consents()
    assert [(one[m.CONSENT], one[m.CONSENT_STATE]) for one in told] == [(ended, m.CONSENT_REVOKED)]
    assert faces.look(3) == reasons.NONE and faces.one("has", kept.hex()) == "True"
    faces.take(*acknowledge(ended, m.CONSENT_REVOKED))
    faces.apply(ending)
    assert faces.consents() == []


def test_forgetting_takes_the_door_pin_too(faces):
    (consent,) = enrolled(faces, 3)
    faces.say("pin", "3", "246813")
    faces.say("pin", "4", "135724")
    faces.cannot_keep([m.OP_FORGET, 3])
    assert faces.look(3) == reasons.NO_CONSENT and faces.one("has_pin", "3") == "False"
    assert faces.hear("hello")[m.STATE_VERSION] == faces.version
    faces.apply([m.OP_FORGET, 3])
    faces.apply([m.OP_FORGET, 3], [m.OP_FORGET, 77])
    assert faces.one("has", consent.hex()) == "False" and faces.one("has_pin", "4") == "True"
    assert [one[m.CONSENT_STATE] for one in faces.consents()] == [m.CONSENT_INVALIDATED]


def test_without_the_bound_card_face_rests_in_the_same_message(faces):
    enrolled(faces, 3, 4)
    faces.apply([m.OP_DELETE, 7, m.TYPE_CARD, b"t" * 16, 0])
    assert (faces.look(3), faces.look(4)) == (reasons.NO_OTHER_WAY, reasons.NONE)
    told = f"{m.KIND_CEREMONY} {reasons.NO_OTHER_WAY} 7 3 0"
    assert faces.say("events").count(told) == 1
    # A card that the host issues later neither renews the consent nor uses it.
    faces.apply([m.OP_PUT, 9, m.TYPE_CARD, b"w" * 16, 0, 0, 0, 3, 0, 0, 0, 0])
    assert faces.look(3) == reasons.NO_OTHER_WAY and faces.say("events").count(told) == 1


def test_a_new_notice_suspends_every_consent_to_the_old_one(faces):
    enrolled(faces, 3, 4)
    faces.apply([m.OP_NOTICE, 2, NEW_NOTICE])
    assert (faces.look(3), faces.look(4)) == (reasons.NOTICE_CHANGED,) * 2
    give(faces, 3)
    assert (faces.look(3), faces.look(4)) == (reasons.NOT_ENROLLED, reasons.NOTICE_CHANGED)
