"""A consent ends on either side and stays ended, and no door gets a lease while it has not heard so."""

import hashlib
import logging
import sqlite3

import pytest
from sqlalchemy import select
from test_host_consents import (
    ENROLLED,
    EPOCH,
    GIVEN,
    Board,
    acked,
    count,
    end,
    front,
    given,
    pseudonym,
    row,
    site,
)
from test_host_notices import filled

from altgate.consent import notices, states
from altgate.errors import BadMessage
from altgate.ledger import review
from altgate.link import state
from altgate.protocol import messages as m
from altgate.protocol import reasons, topics
from altgate.registry import doors, residents
from altgate.registry import site as sites
from altgate.registry.models import Door, DoorOperation

__all__ = ["front", "site"]


@pytest.mark.parametrize(
    ("by", "of", "actor"),
    [("resident", m.CONSENT_WITHDRAWN, "resident:"), ("manager:Ana", m.CONSENT_REVOKED, "Ana")],
)
def test_an_end_holds_at_once_and_is_pending_until_the_door_says_so(
    front: Board, by: str, of: int, actor: str
) -> None:
    said = given(front)
    assert end(front.site, said, by)
    one = row(front.site, said)
    assert (one.state, one.ended_by, one.erased_at) == (of, by, None) and states.is_pending(one)
    assert front.operations()[-1] == [m.OP_END_CONSENT, said[m.CONSENT], of]
    with front.site.read() as session:
        last = review.latest(session, 1, "en")[0]
        operation = session.scalars(select(DoorOperation).order_by(DoorOperation.id.desc())).first()
    assert last["actor"].startswith(actor) and operation and operation.actor == last["actor"]
    assert last["subject"] == said[m.CONSENT].hex()
    # The door has not heard of it yet: it is recorded what it says, and it is told nothing.
    before = count(front.site)
    assert front.say(said, ENROLLED) == front.say(said, GIVEN) == front.say(said, ENROLLED) == []
    assert count(front.site) == before + 1 and row(front.site, said).state == of
    assert front.ask(said) == []
    assert acked(front.say(said, of), said, of)
    one = row(front.site, said)
    assert one.erased_at and not states.is_pending(one) and one.ended_by == by
    count(front.site)


def test_an_end_is_one_end(front: Board) -> None:
    said = given(front)
    assert end(front.site, said)
    before = count(front.site), front.operations(), vars(row(front.site, said)).copy()
    assert not end(front.site, said) and not end(front.site, said, "manager:Ana")
    after = count(front.site), front.operations(), vars(row(front.site, said)).copy()
    for found in (before, after):
        del found[2]["_sa_instance_state"]
    assert before == after


def test_nobody_else_can_end_it(front: Board) -> None:
    said = given(front)
    for by in ("", "door", "Ana", "resident:1"):
        with pytest.raises(ValueError, match="nobody"):
            end(front.site, said, by)
    assert row(front.site, said).state == GIVEN


def test_both_sides_ending_it_at_once_is_one_end(front: Board) -> None:
    said = given(front)
    end(front.site, said)
    assert acked(front.say(said, m.CONSENT_INVALIDATED), said, m.CONSENT_INVALIDATED)
    one = row(front.site, said)
    assert (one.state, one.ended_by) == (m.CONSENT_WITHDRAWN, "resident") and one.erased_at
    count(front.site)


def test_a_resident_can_end_where_several_managers_leave_nobody_to_guess(front: Board) -> None:
    said = given(front)
    with sqlite3.connect(front.site.data / "altgate.db") as database:
        database.execute("INSERT INTO managers (name, created_at, actor) VALUES ('Ben', 1, 'Ana')")
    database.close()
    page = sites.Site(front.site.data)
    assert end(page, said)
    page.close()


def test_a_resident_who_leaves_is_ended_and_forgotten_where_they_ever_consented(front: Board) -> None:
    back = Board(front.site, "Back")
    here, there, other = given(front), given(back), given(front, "Cy", 2)
    back.say(there, m.CONSENT_WITHDRAWN)
    bo = pseudonym(front.site)
    with front.site.write() as session:
        residents.remove(front.site, session, residents.find(session, "Bo"))
    assert row(front.site, here).state == m.CONSENT_REVOKED and row(front.site, other).state == GIVEN
    assert row(front.site, here).ended_by == "manager:Ana"
    assert front.operations()[-3:] == [
        [m.OP_END_CONSENT, here[m.CONSENT], m.CONSENT_REVOKED],
        [m.OP_FORGET, bo],
        front.delete(1),
    ]
    assert back.operations()[-2:] == [[m.OP_FORGET, bo], back.delete(1)]
    with pytest.raises(BadMessage):
        front.say(front.statement(bo, 1), GIVEN)
    assert acked(front.say(here, m.CONSENT_REVOKED), here, m.CONSENT_REVOKED)
    count(front.site)


def test_endings_reach_a_door_whatever_it_has_lost(front: Board) -> None:
    said, other = given(front), given(front, "Cy", 2)
    end(front.site, said)
    with front.site.write() as session:
        residents.remove(front.site, session, residents.find(session, "Cy"))
        for at in range(20):
            notices.publish(front.site, session, filled("purpose", "en", f"To open this door, reason {at}."))
        door = doors.find(session, "Front")
        door.applied_version = 1000
        state.rebase(session, door, 1000)
        door.applied_version, sent = 0, []
        while door.applied_version != door.state_version:
            batch = state.next_batch(session, door)
            assert batch and len(batch[m.OPERATIONS]) <= 8
            sent += batch[m.OPERATIONS]
            door.applied_version = batch[m.NEW_VERSION]
    for one, of in ((said, m.CONSENT_WITHDRAWN), (other, m.CONSENT_REVOKED)):
        assert sent.count([m.OP_END_CONSENT, one[m.CONSENT], of]) == 1
    assert sum(operation[0] == m.OP_FORGET for operation in sent) == 1
    assert [operation[1] for operation in sent if operation[0] == m.OP_NOTICE] == [21]


@pytest.mark.parametrize("how", ["removed", "replaced", "damaged"])
def test_a_board_that_is_gone_ends_its_consents_and_says_what_is_unknown(front: Board, how: str) -> None:
    open_, ending, erased = given(front), given(front, "Cy", 2), given(front)
    end(front.site, ending)
    front.say(erased, m.CONSENT_WITHDRAWN)
    with front.site.write() as session:
        door = doors.find(session, "Front")
        if how == "removed":
            doors.remove(front.site, session, door)
        elif how == "replaced":
            doors.lose_board(front.site, session, door)
    if how == "damaged":
        damaged = {
            m.SEQUENCE: 1, m.BOOT: 1, m.TIME: 0, m.TIME_QUALITY: 0, m.KIND: m.KIND_CEREMONY,
            m.REASON: reasons.DAMAGED, m.METHOD: m.METHOD_FACE, m.CREDENTIAL: 0, m.RESIDENT: 0, m.DETAIL: 0,
        }  # fmt: skip
        # Told twice, as a door does that was not acknowledged.
        for _ in range(2):
            front.send(topics.UP_EVENT, damaged)
    one = row(front.site, open_)
    by = "door" if how == "damaged" else "manager:Ana"
    assert (one.state, one.ended_by) == (m.CONSENT_INVALIDATED, by)
    assert review.verify(front.site)[1] is None
    assert row(front.site, ending).ended_by == "resident" and row(front.site, erased).lost_at is None
    for said in (open_, ending):
        assert row(front.site, said).lost_at and not row(front.site, said).erased_at
        assert not states.is_pending(row(front.site, said))
    count(front.site)
    if how != "removed":
        assert front.ask() != [] and front.say(open_, GIVEN) == []
        return
    with front.site.write() as session:
        residents.remove(front.site, session, residents.find(session, "Bo"))
        assert session.get_one(Door, door.id).state_version == door.state_version


def test_a_lease_is_for_exactly_the_consents_in_force_here(
    front: Board, caplog: pytest.LogCaptureFixture
) -> None:
    assert front.ask() != []
    one, two = given(front), given(front, "Cy", 2)
    there = given(Board(front.site, "Back"))
    ((name, content),) = front.ask(two, one, nonce=b"q" * 16)
    held = hashlib.sha256(b"".join(sorted((one[m.CONSENT], two[m.CONSENT])))).digest()
    assert name == topics.DOWN_LEASE
    assert content == {m.EPOCH: EPOCH, m.NONCE: b"q" * 16, m.CONSENTS: held}
    with caplog.at_level(logging.INFO):
        for other in ((), (one,), (one, two, there), (one, there), (front.statement(1, 1),)):
            caplog.clear()
            assert front.ask(*other) == [] and "other consents" in caplog.text and "Front" in caplog.text
    front.say(one, ENROLLED)
    assert front.ask(one, two) != []


def test_no_lease_while_an_end_is_pending_and_one_after(
    front: Board, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = given(front), given(front, "Cy", 2)
    end(front.site, one)
    with caplog.at_level(logging.INFO):
        assert front.ask(one, two) == [] and front.ask(one) == []
    assert "has not confirmed 1 ended consent" in caplog.text
    front.say(one, m.CONSENT_WITHDRAWN)
    assert front.ask(one, two) == [] and front.ask(two) != []


def test_a_new_notice_is_for_the_door_to_judge(front: Board) -> None:
    said = given(front)
    with front.site.write() as session:
        notices.publish(front.site, session, filled("purpose", "en", "To open this door only."))
    assert front.ask(said) != []


def test_no_log_names_anybody(front: Board, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        said = given(front)
        end(front.site, said)
        front.ask(said)
        front.say(said, m.CONSENT_WITHDRAWN)
        with pytest.raises(BadMessage) as dropped:
            front.say(front.statement(pseudonym(front.site), 99), GIVEN)
    with front.site.read() as session:
        bo = residents.find(session, "Bo")
    for word in ("Bo", str(bo.pseudonym), str(bo.personal_number), said[m.CONSENT].hex()):
        assert word not in caplog.text and word not in str(dropped.value)
