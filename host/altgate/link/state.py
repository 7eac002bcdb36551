"""Which operations a door gets next."""

from collections.abc import Iterator
from typing import Any

import cbor2
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.protocol import limits, messages
from altgate.registry.models import Door, DoorOperation

_SCHEDULE_OF_PUT = 10  # where OP_PUT has the number of its schedule
_NEVER = -1
# How many operations are looked at for one message: of those behind them only what bears on these.
_AHEAD = 4 * limits.OPERATIONS_PER_MESSAGE
_KIND_AT = 2  # the place, from 1, of the byte that is an operation's kind: its array has under 24 items


def _pending(session: Session, door: Door, after: int) -> list[DoorOperation]:
    newer = select(DoorOperation).where(DoorOperation.door == door.id, DoorOperation.version > after)
    return list(session.scalars(newer.order_by(DoorOperation.version)))


def _next(session: Session, door: Door, after: int) -> tuple[list[DoorOperation], list[bytes]]:
    """The next operations, and what those that follow say; a credential that comes later changes nothing."""
    pending = select(DoorOperation).where(DoorOperation.door == door.id, DoorOperation.version > after)
    rows = list(session.scalars(pending.order_by(DoorOperation.version).limit(_AHEAD)))
    if len(rows) < _AHEAD:
        return rows, []
    kind = func.substr(DoorOperation.operation, _KIND_AT, 1)
    later = select(DoorOperation.operation).where(
        DoorOperation.door == door.id,
        DoorOperation.version > rows[-1].version,
        kind != bytes((messages.OP_PUT,)),
    )
    return rows, list(session.scalars(later.order_by(DoorOperation.version)))


class _Pending:
    """Operations on their way to a door, of which not all may go in one message.

    Between two messages nothing may open the door that does not at the end. So a credential that is deleted
    later is left out, and only the last notice is one. Of a schedule only its last hours count, and they come
    before the first credential that is bound to it; the same holds for the time zone that it is judged in.
    What ends a consent or forgets a resident lasts for good: a door that begins again from a snapshot still
    has the consents that it had.

    A schedule that was let go may have left its number to another one. Whatever credential was bound to it
    has been deleted before that, so its hours matter no more, and the other's may not come before that.
    """

    def __init__(self, operations: list[list[Any]]) -> None:
        self._operations = operations
        self._deleted = self._last(messages.OP_DELETE)
        self._scheduled = self._last(messages.OP_SCHEDULE)
        self._let_go = self._last(messages.OP_SCHEDULE, b"")
        self._notice = max(self._places(messages.OP_NOTICE), default=_NEVER)
        self._zone = max(self._places(messages.OP_TIME_ZONE), default=_NEVER)
        self._told: set[int] = set()

    def standing(self) -> Iterator[list[int]]:
        """For each operation, the places of those that go where it stands; none where it matters no more.

        To be asked once.
        """
        return (self._at(at, operation) for at, operation in enumerate(self._operations))

    def _at(self, at: int, operation: list[Any]) -> list[int]:
        kind = operation[0]
        if kind == messages.OP_NOTICE:
            return [at] if at == self._notice else []
        if kind == messages.OP_TIME_ZONE:
            return self._tell(self._zone)
        if kind == messages.OP_SCHEDULE:
            return self._hours(at, operation[1])
        if kind == messages.OP_PUT:
            if self._deleted.get(operation[1], _NEVER) > at:
                return []
            number = operation[_SCHEDULE_OF_PUT]
            return [*self._hours(at, number), at] if number else [at]
        return [at]

    def _hours(self, at: int, number: int) -> list[int]:
        """What a door has to be told at this place, of a schedule and its time zone."""
        last, let_go = self._scheduled.get(number, _NEVER), self._let_go.get(number, _NEVER)
        if last == let_go and last != _NEVER:
            return [at] if at == last else []
        if at < let_go:
            return []
        return [*self._tell(self._zone), *self._tell(last)]

    def _tell(self, at: int) -> list[int]:
        """An operation, unless it was told before or there is none."""
        if at == _NEVER or at in self._told:
            return []
        self._told.add(at)
        return [at]

    def _places(self, kind: int) -> list[int]:
        return [at for at, operation in enumerate(self._operations) if operation[0] == kind]

    def _last(self, kind: int, content: bytes | None = None) -> dict[int, int]:
        """The number that an operation of this kind is about, and the last place where it is."""
        places = ((self._operations[at], at) for at in self._places(kind))
        return {one[1]: at for one, at in places if content is None or one[2] == content}


def next_batch(session: Session, door: Door) -> dict[int, Any] | None:
    """The next state message's fields, None where the door has everything or has not said what it has."""
    applied = door.applied_version
    if applied is None or applied == door.state_version:
        return None
    is_snapshot = applied <= door.base_version
    rows, later = _next(session, door, max(applied, door.base_version))
    operations = [cbor2.loads(said) for said in (*(row.operation for row in rows), *later)]
    chosen, new_version = operations, door.state_version
    if len(rows) > limits.OPERATIONS_PER_MESSAGE:
        chosen = []
        for row, places in zip(rows, _Pending(operations).standing(), strict=False):
            if places and len(chosen) + len(places) > limits.OPERATIONS_PER_MESSAGE:
                break
            chosen += [operations[at] for at in places]
            # What was told early comes again in its own place, should the door stop here.
            new_version = row.version
    return {
        messages.BASE_VERSION: applied,
        messages.NEW_VERSION: new_version,
        messages.OPERATIONS: chosen,
        messages.IS_SNAPSHOT: is_snapshot,
        messages.HAS_MORE: new_version < door.state_version,
    }


def rebase(session: Session, door: Door, claimed: int) -> None:
    """Renumber what should hold at a door that claims a version the host never gave: it gets a snapshot.

    The old operations stay as history; copies of those still in force follow the claimed version.
    """
    rows = _pending(session, door, door.base_version)
    operations = [cbor2.loads(row.operation) for row in rows]
    door.base_version = door.state_version = claimed
    for places in _Pending(operations).standing():
        for at in places:
            if _is_kept(operations[at]):
                door.state_version += 1
                session.add(
                    DoorOperation(
                        door=door.id,
                        version=door.state_version,
                        operation=rows[at].operation,
                        created_at=now_s(),
                        actor=rows[at].actor,
                    )
                )
    door.state_version = max(door.state_version, claimed + 1)


def _is_kept(operation: list[Any]) -> bool:
    """Whether a door that begins with nothing needs it."""
    is_let_go = operation[0] == messages.OP_SCHEDULE and not operation[2]
    return operation[0] != messages.OP_DELETE and not is_let_go
