"""The first key of each door's journal."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("doors", sa.Column("sealed_journal_key", sa.LargeBinary(), nullable=True))
