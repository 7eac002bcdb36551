"""Schedules, the building's time zone, households, and what else a credential may be bound to.

A building that had no time zone gets UTC, whatever this computer's is: nothing of it is in force before there
is a schedule, and whoever makes the first one is told the zone.
"""

import secrets

import cbor2
import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PUT = 1
_PUT_FIELDS_BEFORE = 8
_RESIDENT = 7


def upgrade() -> None:
    _create_tables()
    # With a default no table has to be rebuilt.
    op.add_column("building", sa.Column("time_zone", sa.String(), server_default="UTC", nullable=False))
    for name in ("rule", "uses"):
        op.add_column("credentials", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.execute("ALTER TABLE credentials ADD COLUMN schedule INTEGER REFERENCES schedules (id)")
    _complete_operations(_make_households())


def _create_tables() -> None:
    is_live = sa.text("removed_at IS NULL")
    op.create_table(
        "households",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("removed_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_households_unit", "households", ["unit"], unique=True, sqlite_where=is_live)
    op.create_table(
        "schedules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("periods", sa.String(), nullable=False),
        sa.Column("removed_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("name", "number"):
        op.create_index(f"ix_schedules_{column}", "schedules", [column], unique=True, sqlite_where=is_live)


def _make_households() -> dict[int, int]:
    """A household for each unit, ended where nobody lives there any more. Returns resident to household."""
    connection = op.get_bind()
    found = connection.execute(
        sa.text("SELECT pseudonym, unit, removed_at, created_at, actor FROM residents ORDER BY created_at")
    ).all()
    units: dict[str, list[sa.Row[tuple[int, str, int | None, int, str]]]] = {}
    for one in found:
        units.setdefault(one.unit, []).append(one)
    numbers: set[int] = set()
    while len(numbers) < len(units):
        numbers.add(1 + secrets.randbelow(2**32 - 1))
    households: dict[int, int] = {}
    for number, (unit, people) in zip(numbers, units.items(), strict=True):
        is_empty = all(one.removed_at is not None for one in people)
        row = {
            "number": number,
            "unit": unit,
            "removed_at": max(one.removed_at for one in people) if is_empty else None,
            "created_at": people[0].created_at,
            "actor": people[0].actor,
        }
        connection.execute(
            sa.text("INSERT INTO households VALUES (:number, :unit, :removed_at, :created_at, :actor)"), row
        )
        households |= {one.pseudonym: number for one in people}
    return households


def _complete_operations(households: dict[int, int]) -> None:
    """Credentials that were put without them get a household, and no rule, schedule or number of uses."""
    rows = sa.table(
        "door_operations", sa.column("id", sa.Integer()), sa.column("operation", sa.LargeBinary())
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(rows).order_by(rows.c.id)).all():
        operation = cbor2.loads(row.operation)
        if operation[0] == _PUT and len(operation) == _PUT_FIELDS_BEFORE:
            household = households.get(operation[_RESIDENT], 0)
            whole = cbor2.dumps([*operation, household, 0, 0, 0], canonical=True)
            connection.execute(rows.update().where(rows.c.id == row.id).values(operation=whole))
