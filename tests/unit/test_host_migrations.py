"""The database's migrations make the tables that the models describe, from nothing and again."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from altgate.registry import database
from altgate.registry.models import Base


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
