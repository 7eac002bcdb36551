"""The record of consents: what a door says of them, kept once, in order, and before it is acknowledged."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from sqlalchemy import event, select
from test_host_notices import FILLED

from altgate.clock import now_s
from altgate.consent import notices, records, states
from altgate.errors import BadMessage
from altgate.keys.derive import link_key
from altgate.ledger import chain, review
from altgate.link import inbox, sealed
from altgate.link.orders import Answer, Orders
from altgate.protocol import messages as m
from altgate.protocol import reasons, topics
from altgate.registry import credentials, doors, residents
from altgate.registry import site as sites
from altgate.registry.models import Consent, Credential, DoorOperation, Event, Resident

GIVEN, ENROLLED = m.CONSENT_GIVEN, m.CONSENT_ENROLLED
EPOCH = b"e" * 16


class Board:
    """A door's side, made with hashlib and cbor2: what it says, and what it is answered."""

    def __init__(self, site: sites.Site, name: str = "Front") -> None:
        self.site, self.name = site, name
        with site.write() as session:
            door = doors.find(session, name)
            door.epoch, door.boot = EPOCH, 1
            notice = notices.find(session)
        self.id, self.key, self.notice = door.door_id, doors.key(site, door), notice.sha256

    def statement(self, resident: int, card: int, notice: bytes | None = None) -> dict[int, Any]:
        """The fields of a consent that is given now."""
        nonce = os.urandom(16)
        parts = [self.id, resident, card, notice or self.notice, 1, 1_800_000_000, m.QUALITY_HOST, nonce]
        encoded = cbor2.dumps(["altgate/consent/1", *parts], canonical=True)
        return {
            m.CONSENT: hashlib.sha256(encoded).digest(),
            m.RESIDENT: resident,
            m.CREDENTIAL: card,
            m.NOTICE: parts[3],
            m.BOOT: 1,
            m.TIME: 1_800_000_000,
            m.TIME_QUALITY: m.QUALITY_HOST,
            m.NONCE: nonce,
        }

    def send(self, name: str, content: dict[int, Any]) -> list[Answer]:
        topic = topics.topic(self.id, name)
        message = sealed.seal(link_key(self.key, "up", 0), topic, content)
        return inbox.receive(self.site, Orders(self.site), topic, message)[1]

    def say(self, said: dict[int, Any], of: int, reason: int = reasons.NONE) -> list[Answer]:
        return self.send(topics.UP_CONSENT, {**said, m.CONSENT_STATE: of, m.REASON: reason})

    def ask(self, *held: dict[int, Any], nonce: bytes = b"n" * 16) -> list[Answer]:
        """Ask for a lease, holding these consents."""
        joined = b"".join(sorted(one[m.CONSENT] for one in held))
        return self.send(topics.UP_LEASE, {m.NONCE: nonce, m.CONSENTS: hashlib.sha256(joined).digest()})

    def operations(self) -> list[list[Any]]:
        with self.site.read() as session:
            rows = select(DoorOperation).where(DoorOperation.door == doors.find(session, self.name).id)
            found = session.scalars(rows.order_by(DoorOperation.version))
            return [cbor2.loads(row.operation) for row in found]

    def delete(self, credential: int) -> list[Any]:
        """The operation that takes a credential out at this door."""
        with self.site.read() as session:
            door, found = doors.find(session, self.name), session.get_one(Credential, credential)
            (tag,) = [link.tag for link in found.doors if link.door == door.id]
            unit = int(session.get_one(Resident, found.resident).unit)
        return [m.OP_DELETE, credential, found.type, tag, unit]


def acked(answers: list[Answer], said: dict[int, Any], of: int) -> bool:
    """Whether the answers tell the door that the host has this state, and nothing else."""
    if not answers:
        return False
    ((name, content),) = answers
    assert name == topics.DOWN_CONSENT and content[m.EPOCH] == EPOCH
    assert content[m.CONSENT] == said[m.CONSENT] and content[m.CONSENT_STATE] == of
    assert (m.PERSONAL_NUMBER in content) is (of in (GIVEN, ENROLLED)) and len(content) in (3, 4)
    return True


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    furnish(made)
    yield made
    made.close()


def furnish(made: sites.Site) -> None:
    with made.write() as session:
        for name in ("Front", "Back"):
            doors.add(made, session, name, 1, None, False)
        at = [doors.find(session, name) for name in ("Front", "Back")]
        for number, name in enumerate(("Bo", "Cy"), 1):
            resident = residents.add(made, session, name, "1204")
            value = bytes([4, 0, 0, 0, 0, 0, number])
            credentials.add(made, session, m.TYPE_CARD, value, resident, at, (0, 0))
        notices.publish(made, session, FILLED)


@pytest.fixture
def front(site: sites.Site) -> Board:
    return Board(site)


def pseudonym(site: sites.Site, name: str = "Bo") -> int:
    with site.read() as session:
        return residents.find(session, name).pseudonym


def consents(site: sites.Site) -> list[Consent]:
    with site.read() as session:
        return records.listed(session)


def row(site: sites.Site, said: dict[int, Any]) -> Consent:
    (found,) = (one for one in consents(site) if one.consent == said[m.CONSENT])
    return found


def end(site: sites.Site, said: dict[int, Any], by: str = states.RESIDENT) -> bool:
    with site.write() as session:
        return records.end(site, session, records.find(session, row(site, said).id), by)


def count(site: sites.Site) -> int:
    found, fault = review.verify(site)
    assert fault is None
    return found


def given(board: Board, name: str = "Bo", card: int = 1) -> dict[int, Any]:
    said = board.statement(pseudonym(board.site, name), card)
    assert acked(board.say(said, GIVEN), said, GIVEN)
    return said


def test_a_consent_is_recorded_with_its_statement_and_the_number_is_told(front: Board) -> None:
    said = given(front)
    one = row(front.site, said)
    assert (one.state, one.credential, one.notice, one.nonce) == (GIVEN, 1, front.notice, said[m.NONCE])
    assert (one.enrolled_at, one.ended_at, one.erased_at, one.ended_by) == (None,) * 4
    ((_, content),) = front.say(said, ENROLLED)
    with front.site.read() as session:
        bo = residents.find(session, "Bo")
        recorded = session.scalars(select(Event).order_by(Event.number.desc())).first()
    assert content[m.PERSONAL_NUMBER] == bo.personal_number
    assert recorded and (recorded.kind, recorded.resident) == (m.KIND_CONSENT, bo.pseudonym)
    assert row(front.site, said).enrolled_at == recorded.received_at


FIELDS = (m.CONSENT, m.RESIDENT, m.CREDENTIAL, m.NOTICE, m.BOOT, m.TIME, m.TIME_QUALITY, m.NONCE)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("of", sorted(states.NAMES))
def test_a_statement_that_is_not_what_its_hash_says_is_dropped(front: Board, field: int, of: int) -> None:
    before = count(front.site)
    good = front.statement(pseudonym(front.site), 1)
    value = good[field]
    other = value ^ 1 if isinstance(value, int) else bytes([value[0] ^ 1]) + value[1:]
    with pytest.raises(BadMessage) as dropped:
        front.say(good | {field: other}, of)
    assert dropped.value.reason == reasons.BAD_SHAPE
    assert count(front.site) == before and consents(front.site) == []


def test_a_statement_of_another_door_is_dropped(front: Board) -> None:
    said = Board(front.site, "Back").statement(pseudonym(front.site), 1)
    with pytest.raises(BadMessage):
        front.say(said, GIVEN)
    assert consents(front.site) == []


@pytest.mark.parametrize(
    "change",
    [{m.CONSENT_STATE: 0}, {m.CONSENT_STATE: 6}, {m.REASON: "no"}, {m.NONCE: b"short"}, {m.CONSENT: b""}],
    ids=str,
)
def test_a_message_of_another_shape_is_dropped(front: Board, change: dict[int, Any]) -> None:
    said = front.statement(pseudonym(front.site), 1) | {m.CONSENT_STATE: GIVEN, m.REASON: reasons.NONE}
    with pytest.raises(BadMessage):
        front.send(topics.UP_CONSENT, said | change)
    for field in said:
        with pytest.raises(BadMessage):
            front.send(topics.UP_CONSENT, {name: value for name, value in said.items() if name != field})
    assert consents(front.site) == []


def strangers(front: Board) -> dict[str, dict[int, Any]]:
    """Statements with good hashes that nobody can have made at this door."""
    bo, cy = pseudonym(front.site), pseudonym(front.site, "Cy")
    with front.site.write() as session:
        at = [doors.find(session, "Front")]
        person = residents.find(session, "Bo")
        credentials.add(front.site, session, m.TYPE_LEGACY_UID, bytes(4), person, at, (0, 0))
        credentials.add(front.site, session, m.TYPE_PIN, b"1204#482915", person, at, (0, 0))
        back = [doors.find(session, "Back")]
        credentials.add(front.site, session, m.TYPE_CARD, bytes([4] * 7), person, back, (0, 0))
        gone = credentials.add(front.site, session, m.TYPE_CARD, bytes([5] * 7), person, at, (0, 0))
        credentials.revoke(front.site, session, gone)
    return {
        "nobody": front.statement(bo ^ cy ^ 1, 1),
        "no notice": front.statement(bo, 1, hashlib.sha256(b"other").digest()),
        "no card": front.statement(bo, 99),
        "a card of somebody else": front.statement(bo, 2),
        "a card that can be copied": front.statement(bo, 3),
        "a PIN": front.statement(bo, 4),
        "a card of another door": front.statement(bo, 5),
        "a revoked card": front.statement(bo, 6),
    }


def test_a_consent_of_a_stranger_is_dropped(front: Board) -> None:
    for name, said in strangers(front).items():
        for of in (GIVEN, ENROLLED):
            with pytest.raises(BadMessage):
                front.say(said, of)
            assert consents(front.site) == [], name


@pytest.mark.parametrize("of", sorted(states.NAMES))
def test_nobody_and_no_notice_have_not_even_an_end(front: Board, of: int) -> None:
    unknown = strangers(front)
    for name in ("nobody", "no notice"):
        with pytest.raises(BadMessage):
            front.say(unknown[name], of)
    assert consents(front.site) == []


def test_an_end_is_taken_though_the_card_is_gone(front: Board) -> None:
    said, unheard = given(front), front.statement(pseudonym(front.site, "Cy"), 2)
    with front.site.write() as session:
        for number in (1, 2):
            credentials.revoke(front.site, session, credentials.find(session, number))
    for one in (said, unheard):
        assert acked(front.say(one, m.CONSENT_INVALIDATED), one, m.CONSENT_INVALIDATED)
        assert (row(front.site, one).state, row(front.site, one).ended_by) == (m.CONSENT_INVALIDATED, "door")
        assert row(front.site, one).erased_at


@pytest.mark.parametrize("of", m.CONSENT_ENDED)
def test_a_door_ends_a_consent_and_nothing_revives_it(
    front: Board, of: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = given(front)
    front.say(said, ENROLLED)
    assert acked(front.say(said, of), said, of)
    before = row(front.site, said)
    assert before.state == of and before.ended_at == before.erased_at is not None
    assert before.ended_by == ("resident" if of == m.CONSENT_WITHDRAWN else "door")
    monkeypatch.setattr(chain, "now_s", lambda: now_s() + 1000)
    for again in (GIVEN, ENROLLED):
        assert front.say(said, again) == []
    for again in m.CONSENT_ENDED:
        assert acked(front.say(said, again), said, again)
    after = row(front.site, said)
    for name in ("state", "enrolled_at", "ended_at", "ended_by", "erased_at"):
        assert getattr(after, name) == getattr(before, name)
    assert front.ask(said) == []
    count(front.site)


def test_a_state_that_is_heard_again_is_acknowledged_again_and_recorded_once(front: Board) -> None:
    said = given(front)
    once = count(front.site)
    for _ in range(3):
        assert acked(front.say(said, GIVEN), said, GIVEN)
    assert count(front.site) == once
    for _ in range(2):
        assert acked(front.say(said, ENROLLED), said, ENROLLED)
    assert count(front.site) == once + 1
    assert acked(front.say(said, GIVEN), said, GIVEN)
    assert count(front.site) == once + 1 and row(front.site, said).state == ENROLLED


@pytest.mark.parametrize(
    "order",
    [(ENROLLED, GIVEN), (m.CONSENT_WITHDRAWN, GIVEN, ENROLLED), (GIVEN, m.CONSENT_INVALIDATED, ENROLLED)],
)
def test_states_out_of_order_end_where_they_would_have_in_order(front: Board, order: tuple[int, ...]) -> None:
    said = front.statement(pseudonym(front.site), 1)
    for of in order:
        front.say(said, of)
    assert row(front.site, said).state == max(order)
    assert review.verify(front.site)[1] is None


def test_a_new_consent_takes_the_place_of_the_old_when_the_door_says_so(front: Board) -> None:
    old, new = given(front), given(front)
    assert row(front.site, old).state == GIVEN
    assert front.ask(new) == []
    front.say(old, m.CONSENT_INVALIDATED)
    assert (row(front.site, old).state, row(front.site, new).state) == (m.CONSENT_INVALIDATED, GIVEN)
    assert front.ask(new) != []


def test_nothing_is_acknowledged_before_it_is_kept(front: Board) -> None:
    said, before = front.statement(pseudonym(front.site), 1), count(front.site)

    def full(_connection: object) -> None:
        raise OSError(28, "No space left on device")

    engine = front.site.engine
    event.listen(engine, "commit", full)
    try:
        with pytest.raises(OSError, match="No space"):
            front.say(said, GIVEN)
    finally:
        event.remove(engine, "commit", full)
    assert consents(front.site) == [] and count(front.site) == before
    assert acked(front.say(said, GIVEN), said, GIVEN) and count(front.site) == before + 1


def test_a_door_that_was_never_heard_of_is_recorded_and_not_answered(front: Board) -> None:
    with front.site.write() as session:
        doors.find(session, "Front").epoch = None
    said = front.statement(pseudonym(front.site), 1)
    assert front.say(said, GIVEN) == [] and row(front.site, said).state == GIVEN
    assert front.ask(said) == []


def test_door_and_host_name_a_consent_alike(device: Any, front: Board) -> None:
    """The door builds the statement with its own CBOR, on the real MicroPython."""
    said = front.statement(4_000_000_000, 7)
    script = (
        "import hashlib, sys\nfrom altgate.crypto import cbor\nfrom protocol import statements\n"
        "a = sys.argv\nb = lambda n: bytes.fromhex(a[n])\n"
        "s = statements.statement(a[1], int(a[2]), int(a[3]), b(4), int(a[5]), int(a[6]), int(a[7]), b(8))\n"
        "print(hashlib.sha256(cbor.encode(s)).digest().hex())\n"
    )
    keys = (m.RESIDENT, m.CREDENTIAL, m.NOTICE, m.BOOT, m.TIME, m.TIME_QUALITY, m.NONCE)
    values = [value.hex() if isinstance(value := said[key], bytes) else str(value) for key in keys]
    done = device.run(script, args=[front.id, *values])
    assert done.stdout.strip() == said[m.CONSENT].hex()
