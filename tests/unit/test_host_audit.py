"""The audit: that every kind of forgery is named, and that an outsider can check what was exported."""

import hashlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import cbor2
import pytest
from test_host_cli import Altgate, altgate

from altgate.link import inbox, sealed
from altgate.link.orders import Orders
from altgate.protocol import messages as m
from altgate.protocol import topics
from altgate.registry import doors
from altgate.registry import site as sites

__all__ = ["altgate"]


@pytest.fixture
def run(altgate: Altgate) -> Altgate:  # noqa: F811
    """The building after a few changes and two events of its front door, numbered 7 and 8."""
    site = sites.Site(altgate.data)
    with site.read() as session:
        door = doors.find(session, "Front")
    topic = topics.topic(door.door_id, topics.UP_EVENT)
    for sequence in (1, 2):
        fields = dict.fromkeys(inbox.EVENT_FIELDS.values(), 0)
        content = fields | {m.SEQUENCE: sequence, m.KIND: m.KIND_ENTRY, m.DETAIL: 2**62}
        message = sealed.seal(doors.link_key(site, door, "up"), topic, content)
        inbox.receive(site, Orders(site), topic, message)
    site.close()
    return altgate


def change(run: Altgate, *statements: str) -> None:
    database = sqlite3.connect(run.data / "altgate.db")
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def rehash(run: Altgate) -> None:
    """What a forger without the master key can do: make every hash fit again."""
    database = sqlite3.connect(run.data / "altgate.db")
    database.row_factory = sqlite3.Row
    with database:
        rows = database.execute("SELECT * FROM events ORDER BY number").fetchall()
        last = bytes(32)
        for row in rows:
            values = [value for name, value in dict(row).items() if name != "hash"]
            last = hashlib.sha256(last + cbor2.dumps(values, canonical=True)).digest()
            database.execute("UPDATE events SET hash = ? WHERE number = ?", (last, row["number"]))
    database.close()


FORGERIES = {
    "actor": (["UPDATE events SET actor = 'Eve' WHERE number = 3"], False, 3),
    "reason": (["UPDATE events SET reason = 4 WHERE number = 7"], False, 7),
    "hash": (["UPDATE events SET hash = zeroblob(32) WHERE number = 5"], False, 5),
    "one is gone": (["DELETE FROM events WHERE number = 4"], False, 4),
    "the first is gone": (["DELETE FROM events WHERE number = 1"], False, 1),
    "the last is gone": (["DELETE FROM events WHERE number = 8"], False, 8),
    "the end is cut": (
        ["DELETE FROM events WHERE number = 8", "UPDATE building SET chain_length = 7"],
        False,
        7,
    ),
    "an event, made to fit": (["UPDATE events SET reason = 4 WHERE number = 7"], True, 7),
    "a message, made to fit": (["UPDATE events SET message = zeroblob(90) WHERE number = 8"], True, 8),
    "a message of another record": (
        ["UPDATE events SET message = (SELECT message FROM events WHERE number = 7) WHERE number = 8"],
        True,
        8,
    ),
    "an event without its message": (["UPDATE events SET message = NULL WHERE number = 8"], True, 8),
    "an action, made to fit": (["UPDATE events SET actor = 'Eve' WHERE number = 3"], True, 8),
}


def test_a_good_chain_is_called_good(run: Altgate) -> None:
    assert run.json("audit", "verify") == {"records": 8, "is_intact": True}


@pytest.mark.parametrize("name", FORGERIES)
def test_the_first_bad_record_is_named(run: Altgate, name: str) -> None:
    statements, fits, named = FORGERIES[name]
    change(run, *statements)
    if fits:
        rehash(run)
    said = run("audit", "verify", code=1)
    assert said.startswith(f"Record {named} ") and said.count("\n") == 1


def outsider(text: str) -> int:
    """Check an export as its help says, with nothing of altgate; returns how many records are good."""
    last, good = bytes(32), 0
    for line in text.splitlines():
        row: dict[str, Any] = json.loads(line)
        claimed = bytes.fromhex(row.pop("hash"))
        if row["message"] is not None:
            row["message"] = bytes.fromhex(row["message"])
        last = hashlib.sha256(last + cbor2.dumps(list(row.values()), canonical=True)).digest()
        if last != claimed:
            return good
        good += 1
    return good


def test_an_outsider_can_check_the_export(run: Altgate) -> None:
    text = run("audit", "export")
    assert outsider(text) == 8
    assert outsider(text.replace('"Ana"', '"Eve"', 1)) == 0
    lines = text.splitlines()
    assert outsider("\n".join(lines[:4] + lines[5:])) == 4
    assert outsider(text.replace(str(2**62), str(2**62 + 1), 1)) == 6


def test_export_overwrites_nothing_unless_told_to(run: Altgate, tmp_path: Path) -> None:
    output = tmp_path / "audit.jsonl"
    written = run.json("audit", "export", "--output", str(output))
    assert written == {"records": 8, "output": str(output)} and outsider(output.read_text()) == 8
    output.write_text("kept")
    assert "--force" in run("audit", "export", "--output", str(output), code=2)
    assert output.read_text() == "kept"
    run("audit", "export", "--output", str(output), "--force")
    assert outsider(output.read_text()) == 8
    said = run("audit", "export", "--output", str(tmp_path / "no" / "such" / "place"), code=2)
    assert os.strerror(2) in said and said.count("\n") == 1
