"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "building",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("broker_name", sa.String(), nullable=False),
        sa.Column("chain_length", sa.Integer(), nullable=False),
        sa.Column("chain_seal", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "events",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.Integer(), nullable=False),
        sa.Column("door_id", sa.String(), nullable=True),
        sa.Column("journal", sa.Integer(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("boot", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Integer(), nullable=True),
        sa.Column("method", sa.Integer(), nullable=True),
        sa.Column("credential", sa.Integer(), nullable=True),
        sa.Column("resident", sa.Integer(), nullable=True),
        sa.Column("detail", sa.BigInteger(), nullable=True),
        sa.Column("time", sa.Integer(), nullable=True),
        sa.Column("time_quality", sa.Integer(), nullable=True),
        sa.Column("message", sa.LargeBinary(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("door_id", "journal", "sequence"),
    )
    op.create_table(
        "managers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "residents",
        sa.Column("pseudonym", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("removed_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym"),
    )
    op.create_table(
        "zones",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resident", sa.Integer(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("not_before", sa.Integer(), nullable=False),
        sa.Column("not_after", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resident"],
            ["residents.pseudonym"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credentials_fingerprint"), ["fingerprint"], unique=False)

    op.create_table(
        "doors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("door_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("zone", sa.Integer(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("state_version", sa.Integer(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("applied_version", sa.Integer(), nullable=True),
        sa.Column("journal", sa.Integer(), nullable=False),
        sa.Column("acked_sequence", sa.Integer(), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=True),
        sa.Column("epoch", sa.LargeBinary(), nullable=True),
        sa.Column("firmware", sa.String(), nullable=True),
        sa.Column("build", sa.String(), nullable=True),
        sa.Column("last_hello_at", sa.Integer(), nullable=True),
        sa.Column("is_online", sa.Boolean(), nullable=False),
        sa.Column("provisioned_at", sa.Integer(), nullable=True),
        sa.Column("removed_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["zone"],
            ["zones.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("door_id"),
    )
    op.create_table(
        "passes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pass_id", sa.LargeBinary(), nullable=False),
        sa.Column("resident", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("not_before", sa.Integer(), nullable=False),
        sa.Column("not_after", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resident"],
            ["residents.pseudonym"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pass_id"),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("door", sa.Integer(), nullable=False),
        sa.Column("verb", sa.Integer(), nullable=False),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.Column("result", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["door"],
            ["doors.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "credential_doors",
        sa.Column("credential", sa.Integer(), nullable=False),
        sa.Column("door", sa.Integer(), nullable=False),
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential"],
            ["credentials.id"],
        ),
        sa.ForeignKeyConstraint(
            ["door"],
            ["doors.id"],
        ),
        sa.PrimaryKeyConstraint("credential", "door"),
    )
    op.create_table(
        "door_operations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("door", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("operation", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["door"],
            ["doors.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("door", "version"),
    )
    op.create_table(
        "pass_doors",
        sa.Column("pass", sa.Integer(), nullable=False),
        sa.Column("door", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["door"],
            ["doors.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pass"],
            ["passes.id"],
        ),
        sa.PrimaryKeyConstraint("pass", "door"),
    )
