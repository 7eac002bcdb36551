"""Tickets, boards that wait to be admitted, keys of boards beside the door's, revoked certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("doors", sa.Column("board_keys", sa.LargeBinary(), nullable=True))
    op.add_column("doors", sa.Column("public_key", sa.LargeBinary(), nullable=True))
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("ticket_id", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("door", sa.Integer(), sa.ForeignKey("doors.id"), nullable=False),
        sa.Column("given_hash", sa.LargeBinary(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_server_key", sa.LargeBinary(), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_board_key", sa.LargeBinary(), nullable=True),
        sa.Column("asked_at", sa.Integer(), nullable=True),
        sa.Column("admission", sa.LargeBinary(), nullable=True),
        sa.Column("ended_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
    )
    op.create_table(
        "revoked_certificates",
        sa.Column("serial", sa.String(), primary_key=True),
        sa.Column("revoked_at", sa.Integer(), nullable=False),
    )
