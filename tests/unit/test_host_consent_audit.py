"""Consents in the audit and in the commands: every forgery is found, every mistake is one sentence."""

import sqlite3

import pytest
from sqlalchemy import select
from test_host_cli import Altgate, altgate
from test_host_consents import Board, count, end, front, given, site
from test_host_notices import FILLED

from altgate.consent import notices
from altgate.ledger import chain, review
from altgate.protocol import messages as m
from altgate.registry import credentials, doors, residents
from altgate.registry import site as sites
from altgate.registry.models import Event

__all__ = ["altgate", "front", "site"]


FORGERIES = {
    "a state": "UPDATE consents SET state = 2 WHERE id = 1",
    "a revival": "UPDATE consents SET state = 1, ended_at = NULL, ended_by = NULL WHERE id = 2",
    "an erasure": "UPDATE consents SET erased_at = ended_at WHERE id = 2",
    "who ended it": "UPDATE consents SET ended_by = 'resident' WHERE id = 2",
    "whose it is": "UPDATE consents SET resident = (SELECT pseudonym FROM residents WHERE name = 'Cy')",
    "the notice": "UPDATE consents SET notice = zeroblob(32) WHERE id = 1",
    "the nonce": "UPDATE consents SET nonce = zeroblob(16) WHERE id = 1",
    "when it was given": "UPDATE consents SET given_at = given_at - 1 WHERE id = 1",
    "its name": "UPDATE consents SET consent = zeroblob(32) WHERE id = 1",
    "that there is one": "DELETE FROM consents WHERE id = 1",
    "that there is none": "INSERT INTO consents SELECT 9, zeroblob(32), door, resident, credential, notice,"
    " state, boot, time, time_quality, nonce, given_at, NULL, NULL, NULL, NULL, NULL FROM consents LIMIT 1",
}


def change(site: sites.Site, statement: str, *values: object) -> None:
    database = sqlite3.connect(site.data / "altgate.db")
    with database:
        assert database.execute(statement, values).rowcount > 0
    database.close()


@pytest.mark.parametrize("name", FORGERIES)
def test_the_audit_finds_a_consent_that_was_altered(front: Board, name: str) -> None:
    given(front)
    end(front.site, given(front), "manager:Ana")
    count(front.site)
    change(front.site, FORGERIES[name])
    fault = review.verify(front.site)[1]
    assert fault and "onsent" in fault and fault.endswith(".")


@pytest.mark.parametrize("kind", ["message", "hash", "detail", "reason", "credential"])
def test_the_audit_finds_a_flipped_bit_in_a_consents_record(front: Board, kind: str) -> None:
    given(front)
    number = count(front.site)
    with front.site.read() as session:
        value = getattr(session.get_one(Event, number), kind)
    step = max(1, len(value) // 24) if isinstance(value, bytes) else 1
    for at in range(0, len(value) if isinstance(value, bytes) else 8, step):
        if isinstance(value, bytes):
            flipped: object = value[:at] + bytes([value[at] ^ 1 << at % 8]) + value[at + 1 :]
        else:
            flipped = value ^ 1 << at
        change(front.site, f"UPDATE events SET {kind} = ? WHERE number = ?", flipped, number)
        assert (review.verify(front.site)[1] or "").startswith(f"Record {number} "), at
    change(front.site, f"UPDATE events SET {kind} = ? WHERE number = ?", value, number)
    count(front.site)


@pytest.mark.parametrize(
    "forgery",
    [
        "sequence = 1",
        "kind = 1",
        "method = 1",
        "resident = resident + 1",
        "detail = detail + 1",
        "reason = 0",
    ],
)
def test_the_audit_finds_a_record_that_was_made_to_fit(front: Board, forgery: str) -> None:
    """A forger without the door's key can make every hash fit again, but not the sealed message."""
    given(front)
    change(front.site, f"UPDATE events SET {forgery} WHERE number = ?", count(front.site))
    with front.site.write() as session:
        last = session.scalars(select(Event).order_by(Event.number.desc())).first()
        assert last
        before = session.get_one(Event, last.number - 1).hash
        last.hash = chain.row_hash(before, last)
    fault = review.verify(front.site)[1]
    assert fault and "is not what the door sent" in fault


@pytest.fixture
def run(altgate: Altgate) -> Altgate:
    """Bo and Cy have chosen face at the front door, Bo at the garage too."""
    site = sites.Site(altgate.data)
    with site.write() as session:
        notices.publish(site, session, FILLED)
        cy = residents.add(site, session, "Cy", "7")
        front, garage = doors.find(session, "Front"), doors.find(session, "Garage")
        credentials.add(site, session, m.TYPE_CARD, bytes([4] * 7), cy, [front], (0, 0))
        bo = residents.find(session, "Bo")
        credentials.add(site, session, m.TYPE_CARD, bytes([5] * 7), bo, [garage], (0, 0))
    given(Board(site, "Front"), "Bo", 1)
    given(Board(site, "Front"), "Cy", 3)
    given(Board(site, "Garage"), "Bo", 4)
    site.close()
    return altgate


def test_consents_are_listed_and_shown(run: Altgate) -> None:
    rows = run.json("consent", "list")
    assert [(one["resident"], one["door"], one["state"]) for one in rows] == [
        ("Bo", "Front", "given"),
        ("Cy", "Front", "given"),
        ("Bo", "Garage", "given"),
    ]
    assert run.json("consent", "list", "--resident", "Bo") == [rows[0], rows[2]]
    assert run.json("consent", "list", "--door", "Front") == rows[:2]
    shown = run.json("consent", "show", "3")
    assert shown.items() >= rows[2].items() and shown["dpv_state"] == "ConsentGiven"
    assert shown["sha256"] in run("consent", "show", "3").replace("\n", "") and "Garage" in run(
        "consent", "list"
    )


def test_one_command_takes_all_back_and_says_where_it_is_pending(run: Altgate) -> None:
    assert run.json("consent", "withdraw", "Bo", "--door", "Front")["pending"] == ["Front"]
    said = run("consent", "withdraw", "Bo")
    assert "1 consent of Bo ended" in said and "2 doors" in said and "Front" in said and "Garage" in said
    assert run.json("consent", "withdraw", "Bo") == {
        "resident": run.json("consent", "show", "1")["pseudonym"],
        "ended": [],
        "pending": ["Front", "Garage"],
    }
    rows = run.json("consent", "list")
    assert [one["state"] for one in rows] == ["revoked", "given", "revoked"]
    assert [one["is_pending"] for one in rows] == [True, False, True]
    assert rows[0]["ended_by"] == "manager:Ana" and run.json("audit", "verify")["is_intact"]


@pytest.mark.parametrize(
    "args",
    [
        ("consent", "withdraw", "Bo", "--door", "Cellar"),
        ("consent", "withdraw", "Di"),
        ("consent", "withdraw", "Cy", "--door", "Garage"),
        ("consent", "show", "9"),
        ("consent", "list", "--resident", "Di"),
        ("consent", "list", "--door", "Cellar"),
        ("--actor", "Eve", "consent", "withdraw", "Bo"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_sentence_and_changes_nothing(run: Altgate, args: tuple[str, ...]) -> None:
    before = run.dump()
    said = run(*args, code=2)
    assert said.count("\n") == 1 and said.rstrip().endswith(".") and run.dump() == before
