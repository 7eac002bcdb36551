"""Notices, consents, the residents' own page, and a personal number for each resident."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _number_residents()
    op.create_index("ix_events_resident", "events", ["resident"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("published_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        sa.UniqueConstraint("version"),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("consent", sa.LargeBinary(), nullable=False),
        sa.Column("door", sa.Integer(), nullable=False),
        sa.Column("resident", sa.Integer(), nullable=False),
        sa.Column("credential", sa.Integer(), nullable=False),
        sa.Column("notice", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=False),
        sa.Column("time", sa.Integer(), nullable=False),
        sa.Column("time_quality", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("given_at", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.Integer(), nullable=True),
        sa.Column("erased_at", sa.Integer(), nullable=True),
        sa.Column("lost_at", sa.Integer(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["door"], ["doors.id"]),
        sa.ForeignKeyConstraint(["resident"], ["residents.pseudonym"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("consent"),
    )
    op.create_index("ix_consents_resident", "consents", ["resident"], unique=False)
    _create_page_tables()


def _number_residents() -> None:
    op.add_column("residents", sa.Column("personal_number", sa.Integer(), nullable=True))
    connection = op.get_bind()
    pseudonyms = [row[0] for row in connection.execute(sa.text("SELECT pseudonym FROM residents"))]
    numbers = secrets.SystemRandom().sample(range(100_000, 1_000_000), len(pseudonyms))
    for pseudonym, number in zip(pseudonyms, numbers, strict=True):
        change = sa.text("UPDATE residents SET personal_number = :number WHERE pseudonym = :pseudonym")
        connection.execute(change, {"number": number, "pseudonym": pseudonym})
    with op.batch_alter_table("residents") as table:
        table.alter_column("personal_number", existing_type=sa.Integer(), nullable=False)
        table.create_unique_constraint("uq_residents_personal_number", ["personal_number"])


def _create_page_tables() -> None:
    op.create_table(
        "resident_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resident", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["resident"], ["residents.pseudonym"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_resident_links_resident", "resident_links", ["resident"], unique=False)
    op.create_table(
        "page_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resident", sa.Integer(), nullable=False),
        sa.Column("cookie_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["resident"], ["residents.pseudonym"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cookie_hash"),
    )
    op.create_index("ix_page_sessions_resident", "page_sessions", ["resident"], unique=False)
