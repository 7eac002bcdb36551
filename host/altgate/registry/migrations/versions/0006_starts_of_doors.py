"""The starts of each door, to tell a flash that was put back from an old message; what doors drop."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "door_starts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("door", sa.Integer(), sa.ForeignKey("doors.id"), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.UniqueConstraint("door", "epoch"),
    )
    op.add_column("doors", sa.Column("dropped", sa.LargeBinary(), nullable=True))
    op.execute(
        "INSERT INTO door_starts (door, boot, epoch, created_at) "
        "SELECT id, boot, epoch, coalesce(last_hello_at, created_at) FROM doors WHERE epoch IS NOT NULL"
    )
