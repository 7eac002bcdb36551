"""Which operations a door gets next."""

from typing import Any

import cbor2
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.protocol import limits, messages
from altgate.registry.models import Door, DoorOperation


def _pending(session: Session, door: Door, after: int) -> list[DoorOperation]:
    newer = select(DoorOperation).where(DoorOperation.door == door.id, DoorOperation.version > after)
    return list(session.scalars(newer.order_by(DoorOperation.version)))


def _lasting(operations: list[list[Any]]) -> list[bool]:
    """For each operation, whether it still matters at the end of the list.

    A credential that is deleted later must not open the door between two messages, and only the last notice
    is one. What ends a consent or forgets a resident lasts for good: a door that begins again from a snapshot
    still has the consents that it had.
    """
    deleted = {
        operation[1]: at for at, operation in enumerate(operations) if operation[0] == messages.OP_DELETE
    }
    notices = [at for at, operation in enumerate(operations) if operation[0] == messages.OP_NOTICE]
    return [
        not (operation[0] == messages.OP_PUT and deleted.get(operation[1], -1) > at)
        and not (operation[0] == messages.OP_NOTICE and at != notices[-1])
        for at, operation in enumerate(operations)
    ]


def next_batch(session: Session, door: Door) -> dict[int, Any] | None:
    """The next state message's fields, None where the door has everything or has not said what it has."""
    applied = door.applied_version
    if applied is None or applied == door.state_version:
        return None
    is_snapshot = applied <= door.base_version
    rows = _pending(session, door, max(applied, door.base_version))
    operations = [cbor2.loads(row.operation) for row in rows]
    chosen, new_version = operations, door.state_version
    if len(rows) > limits.OPERATIONS_PER_MESSAGE:
        chosen = []
        for row, operation, lasts in zip(rows, operations, _lasting(operations), strict=True):
            if lasts and len(chosen) == limits.OPERATIONS_PER_MESSAGE:
                break
            chosen += [operation] if lasts else []
            new_version = row.version
    return {
        messages.BASE_VERSION: applied,
        messages.NEW_VERSION: new_version,
        messages.OPERATIONS: chosen,
        messages.IS_SNAPSHOT: is_snapshot,
    }


def rebase(session: Session, door: Door, claimed: int) -> None:
    """Renumber what should hold at a door that claims a version the host never gave: it gets a snapshot.

    The old operations stay as history; copies of those still in force follow the claimed version.
    """
    rows = _pending(session, door, door.base_version)
    operations = [cbor2.loads(row.operation) for row in rows]
    door.base_version = door.state_version = claimed
    for row, operation, lasts in zip(rows, operations, _lasting(operations), strict=True):
        if lasts and operation[0] != messages.OP_DELETE:
            door.state_version += 1
            session.add(
                DoorOperation(
                    door=door.id,
                    version=door.state_version,
                    operation=row.operation,
                    created_at=now_s(),
                    actor=row.actor,
                )
            )
    door.state_version = max(door.state_version, claimed + 1)
