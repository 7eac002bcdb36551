"""Households: residents of one unit are one number to the doors, and it says nothing of the unit."""

import sqlite3

import pytest
from test_host_cli import Altgate, altgate
from test_host_schedules import operations

from altgate.protocol import messages as m
from altgate.registry import households

__all__ = ["altgate"]


def number(altgate: Altgate, name: str) -> int:
    (found,) = (row["household"] for row in altgate.json("resident", "list") if row["name"] == name)
    return int(found)


def test_residents_of_one_unit_are_one_household(altgate: Altgate) -> None:
    added = altgate.json("resident", "add", "Cy", "--unit", "01204")
    altgate("resident", "add", "Di", "--unit", "7")
    assert added["household"] == number(altgate, "Bo") == number(altgate, "Cy") != number(altgate, "Di")
    assert str(number(altgate, "Di")) in altgate("resident", "list")


def test_its_number_is_drawn_and_never_one_that_was_there(
    altgate: Altgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = 77
    drawn = iter([resident, 0, number(altgate, "Bo"), 4_000_000_000])
    monkeypatch.setattr(households.secrets, "randbits", lambda _bits: next(drawn))
    added = altgate.json("resident", "add", "Di", "--unit", "7")
    assert (added["pseudonym"], added["household"]) == (resident, 4_000_000_000)


def test_it_ends_with_its_last_resident_and_who_comes_next_is_another(altgate: Altgate) -> None:
    first = number(altgate, "Bo")
    altgate("resident", "add", "Cy", "--unit", "1204")
    altgate("resident", "remove", "Bo")
    assert number(altgate, "Cy") == first
    assert altgate.json("resident", "remove", "Cy")["household"] == first
    assert altgate.json("resident", "add", "Di", "--unit", "1204")["household"] != first
    altgate("credential", "add", "card", "04000000000009", "--resident", "Di", "--door", "Front")
    put = operations(altgate)[-1]
    assert put[0] == m.OP_PUT and put[8] == number(altgate, "Di")


def test_a_unit_never_has_two(altgate: Altgate) -> None:
    database = sqlite3.connect(altgate.data / "altgate.db")
    row = (5, "1204", 1, "Ana")
    with pytest.raises(sqlite3.IntegrityError), database:
        database.execute("INSERT INTO households (number, unit, created_at, actor) VALUES (?, ?, ?, ?)", row)
    with database:
        database.execute("INSERT INTO households VALUES (5, '1204', 1, 1, 'Ana')")
    database.close()
