"""Certificates and link keys that renew: the generation in use, its end, and what is under way."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("doors", sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("doors", sa.Column("certificate_until", sa.Integer(), nullable=True))
    op.add_column("doors", sa.Column("sealed_renewal", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("doors") as table:
        table.alter_column("generation", server_default=None)
