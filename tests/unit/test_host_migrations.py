"""The database's migrations make the tables that the models describe, from nothing and again."""

import sqlite3
from pathlib import Path
from typing import Any

import cbor2
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from altgate.errors import SiteUnusable
from altgate.protocol import messages as m
from altgate.registry import database
from altgate.registry.models import Base

PEOPLE = 40


def test_migrations_from_an_empty_file_make_exactly_the_models(tmp_path: Path) -> None:
    engine = database.open_engine(tmp_path / "altgate.db")
    for _ in range(2):
        database.migrate(engine)
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_a_missing_column_would_be_noticed(tmp_path: Path) -> None:
    engine = database.open_engine(tmp_path / "altgate.db")
    database.migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE doors DROP COLUMN firmware")
        context = MigrationContext.configure(connection)
        ((kind, _schema, table, column),) = compare_metadata(context, Base.metadata)
        assert (kind, table, column.name) == ("add_column", "doors", "firmware")
    engine.dispose()


def old_building(engine: Engine, patch: pytest.MonkeyPatch) -> None:
    """A database of the first schema, with residents who hold cards."""
    with patch.context() as only:
        upgrade = command.upgrade
        only.setattr(command, "upgrade", lambda config, _to: upgrade(config, "0001"))
        database.migrate(engine)
    with engine.execution_options(altgate_write=True).begin() as connection:
        for at in range(1, PEOPLE + 1):
            connection.exec_driver_sql(f"INSERT INTO residents VALUES ({at}, 'Bo', '12', NULL, 1, 'Ana')")
            connection.exec_driver_sql(
                f"INSERT INTO credentials VALUES ({at}, {at}, 1, x'{at:04x}', 0, 0, NULL, 1, 'Ana')"
            )


def test_residents_of_an_older_database_get_a_number_each_and_keep_their_cards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database.open_engine(tmp_path / "altgate.db")
    old_building(engine, monkeypatch)
    database.migrate(engine)
    with engine.connect() as connection:
        numbers = {row[0] for row in connection.exec_driver_sql("SELECT personal_number FROM residents")}
        assert len(numbers) == PEOPLE and all(100_000 <= number < 1_000_000 for number in numbers)
        assert connection.exec_driver_sql("SELECT count(*) FROM credentials").scalar() == PEOPLE
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_deletions_of_an_older_database_get_the_key_by_which_a_door_finds_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database.open_engine(tmp_path / "altgate.db")
    old_building(engine, monkeypatch)
    put = [m.OP_PUT, 7, m.TYPE_CARD, b"t" * 16, 0, 0, 12, 3]
    other = [m.OP_PUT, 7, m.TYPE_PIN, b"u" * 16, 0, 0, 13, 4]
    kept = [m.OP_SETTING, m.SETTING_RELEASE_S, 9]
    delete, unknown = [m.OP_DELETE, 7], [m.OP_DELETE, 8]
    give(engine, [(1, put), (2, other), (1, kept), (1, delete), (2, delete), (1, unknown)])
    database.migrate(engine)
    whole = [[*delete, m.TYPE_CARD, b"t" * 16, 12], [*delete, m.TYPE_PIN, b"u" * 16, 13]]
    found = operations(engine)
    assert [found[0][:8], found[1][:8], *found[2:]] == [put, other, kept, *whole, unknown]
    engine.dispose()


def give(engine: Engine, given: list[tuple[int, list[object]]]) -> None:
    """Two doors and their operations, in the order of their versions."""
    with engine.execution_options(altgate_write=True).begin() as connection:
        connection.exec_driver_sql("INSERT INTO zones VALUES (1, x'00', 1, 'Ana')")
        for door in (1, 2):
            connection.exec_driver_sql(
                "INSERT INTO doors (id, door_id, name, zone, sealed_key, state_version, base_version,"
                " journal, acked_sequence, is_online, created_at, actor)"
                f" VALUES ({door}, '0a1b2c3{door}', 'Door {door}', 1, x'00', 0, 0, 1, 0, 0, 1, 'Ana')"
            )
        for version, (door, operation) in enumerate(given, 1):
            connection.exec_driver_sql(
                "INSERT INTO door_operations (door, version, operation, created_at, actor)"
                " VALUES (?, ?, ?, 1, 'Ana')",
                (door, version, cbor2.dumps(operation, canonical=True)),
            )


def operations(engine: Engine) -> list[list[Any]]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT operation FROM door_operations ORDER BY version")
        return [cbor2.loads(row[0]) for row in rows]


def test_credentials_of_an_older_database_get_the_household_of_their_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database.open_engine(tmp_path / "altgate.db")
    old_building(engine, monkeypatch)
    with engine.execution_options(altgate_write=True).begin() as connection:
        for change in (
            "UPDATE residents SET unit = '7' WHERE pseudonym IN (5, 6)",
            "UPDATE residents SET removed_at = 100 + pseudonym WHERE pseudonym IN (4, 5, 6)",
            "INSERT INTO building VALUES (1, 'Lakeside', 'http://localhost', 'broker', 0, x'00', 1)",
        ):
            connection.exec_driver_sql(change)
    put = [[m.OP_PUT, of, m.TYPE_CARD, bytes([of]) * 16, 0, 0, 0, of] for of in (3, 4, 5, 99)]
    revoked = [m.OP_REVOKE_PASS, b"p" * 8, 9]
    give(engine, [(1, put[0]), (2, put[1]), (1, revoked), (1, put[2]), (2, put[3])])
    database.migrate(engine)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT unit, number, removed_at, created_at, actor FROM households"
        )
        households = {unit: (number, *rest) for unit, number, *rest in rows}
        assert connection.exec_driver_sql("SELECT time_zone FROM building").scalar() == "UTC"
        bounds = connection.exec_driver_sql("SELECT DISTINCT rule, uses, schedule FROM credentials").all()
        assert [tuple(one) for one in bounds] == [(0, 0, None)]
    assert {unit: rest for unit, (_, *rest) in households.items()} == {
        "12": [None, 1, "Ana"], "7": [106, 1, "Ana"]
    }  # fmt: skip
    ours, theirs = households["12"][0], households["7"][0]
    assert ours != theirs and all(0 < number < 2**32 for number in (ours, theirs))
    assert operations(engine) == [
        [*put[0], ours, 0, 0, 0], [*put[1], ours, 0, 0, 0], revoked, [*put[2], theirs, 0, 0, 0],
        [*put[3], 0, 0, 0, 0],
    ]  # fmt: skip
    engine.dispose()


def test_an_older_database_that_does_not_fit_together_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database.open_engine(tmp_path / "altgate.db")
    old_building(engine, monkeypatch)
    engine.dispose()
    plain = sqlite3.connect(tmp_path / "altgate.db")
    with plain:
        plain.execute("DELETE FROM residents WHERE pseudonym = 7")
    before = list(plain.iterdump())
    with pytest.raises(SiteUnusable):
        database.migrate(engine)
    engine.dispose()
    assert list(plain.iterdump()) == before
    plain.close()
