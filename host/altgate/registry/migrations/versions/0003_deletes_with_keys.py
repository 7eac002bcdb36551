"""A door finds a credential by its type, tag and unit: deletions that were written without get them."""

import cbor2
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PUT, _DELETE = 1, 2


def upgrade() -> None:
    rows = sa.table(
        "door_operations",
        sa.column("id", sa.Integer()),
        sa.column("door", sa.Integer()),
        sa.column("version", sa.Integer()),
        sa.column("operation", sa.LargeBinary()),
    )
    connection = op.get_bind()
    put: dict[tuple[int, int], list[object]] = {}
    for row in connection.execute(sa.select(rows).order_by(rows.c.door, rows.c.version)).all():
        operation = cbor2.loads(row.operation)
        if operation[0] == _PUT:
            put[row.door, operation[1]] = operation
        elif operation[0] == _DELETE and len(operation) == 2 and (row.door, operation[1]) in put:
            _, number, kind, tag, _, _, unit, _ = put[row.door, operation[1]]
            whole = cbor2.dumps([_DELETE, number, kind, tag, unit], canonical=True)
            connection.execute(rows.update().where(rows.c.id == row.id).values(operation=whole))
