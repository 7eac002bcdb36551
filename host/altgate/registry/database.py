"""SQLite through SQLAlchemy: settings of the connection, and the schema by Alembic."""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event

from altgate.errors import SiteUnusable

WRITE = "altgate_write"
_CONNECTION_SETTINGS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # an event is acknowledged only once it is on the disk
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
)


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is sent by _begin
    for setting in _CONNECTION_SETTINGS:
        connection.execute(setting)


def _begin(connection: Connection) -> None:
    """Take the write lock before reading, so that no two processes number the same change."""
    is_write = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def open_engine(path: Path) -> Engine:
    """An engine on a database file; to write, use its option ``altgate_write=True``."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision; does nothing where it is there already.

    A table that others refer to is rebuilt without their being checked, and all of them are afterwards
    (https://www.sqlite.org/lang_altertable.html, section 7).
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.execution_options(**{WRITE: True}).connect() as connection:
        plain = connection.connection.dbapi_connection
        if not isinstance(plain, sqlite3.Connection):
            raise TypeError("the database is not SQLite")
        plain.execute("PRAGMA foreign_keys=OFF")  # takes no effect within a transaction
        try:
            with connection.begin():
                config.attributes["connection"] = connection
                before = MigrationContext.configure(connection).get_current_revision()
                command.upgrade(config, "head")
                is_new = MigrationContext.configure(connection).get_current_revision() != before
                if is_new and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise SiteUnusable(
                        "The database's tables do not fit together, so it was left as it was: restore it "
                        "from your backup."
                    )
        finally:
            plain.execute("PRAGMA foreign_keys=ON")
