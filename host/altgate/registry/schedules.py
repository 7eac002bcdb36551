"""Schedules and the time zone they are judged in: the same at all doors of a building."""

from collections.abc import Sequence

import cbor2
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.errors import Refused
from altgate.ledger import chain
from altgate.protocol import limits, messages
from altgate.registry import doors, periods, time_zone
from altgate.registry.models import Building, Credential, Door, DoorOperation, Schedule
from altgate.registry.site import SERVE, Site

_ZONE_HEAD = bytes((0x82, messages.OP_TIME_ZONE))  # CBOR of an array of two that begins with this number


def present(session: Session) -> list[Schedule]:
    """All schedules that were not removed, by name."""
    return list(session.scalars(_in_use().order_by(Schedule.name)))


def find(session: Session, name: str) -> Schedule:
    """The schedule with this name; raises Refused where there is none."""
    found = next((one for one in present(session) if _is_called(one, name)), None)
    if found is None:
        raise Refused(f"No schedule is called {name!r}: see altgate schedule list.")
    return found


def users(session: Session, schedule: Schedule) -> int:
    """How many credentials are bound to it and not revoked."""
    bound = select(func.count()).select_from(Credential)
    counted = bound.where(Credential.schedule == schedule.id, Credential.revoked_at.is_(None))
    return session.scalar(counted) or 0


def add(site: Site, session: Session, name: str, written: Sequence[str]) -> Schedule:
    """A new schedule, at every door. Raises Refused for bad periods, a name in use, or too many schedules."""
    name = name.strip()
    if not name:
        raise Refused("A schedule needs a name: give one, such as office.")
    if any(_is_called(one, name) for one in present(session)):
        raise Refused(
            f"A schedule is called {name!r} already: change it with altgate schedule set, or choose another "
            "name."
        )
    lines, packed = _read(written)
    schedule = Schedule(
        number=_free_number(session), name=name, periods=lines, created_at=now_s(), actor=site.actor
    )
    session.add(schedule)
    session.flush()
    for door in doors.present(session):
        _bring_zone(site, session, door)
        doors.operate(site, session, door, [messages.OP_SCHEDULE, schedule.number, packed])
    site.record(session, "schedule added", _said(schedule))
    return schedule


def change(site: Site, session: Session, schedule: Schedule, written: Sequence[str]) -> None:
    """Give a schedule other periods, at every door; raises Refused for bad ones."""
    lines, packed = _read(written)
    if lines == schedule.periods:
        return
    schedule.periods = lines
    for door in doors.present(session):
        doors.operate(site, session, door, [messages.OP_SCHEDULE, schedule.number, packed])
    site.record(session, "schedule changed", _said(schedule))


def remove(site: Site, session: Session, schedule: Schedule) -> None:
    """Let a schedule go at every door; raises Refused while a credential is bound to it."""
    count = users(session, schedule)
    if count:
        are = "credential is" if count == 1 else "credentials are"
        raise Refused(
            f"{count} {are} bound to schedule {schedule.name!r}: revoke what altgate credential list shows "
            "with it first."
        )
    schedule.removed_at = now_s()
    for door in doors.present(session):
        doors.operate(site, session, door, [messages.OP_SCHEDULE, schedule.number, b""])
    site.record(session, "schedule removed", schedule.name)


def zone(session: Session) -> str:
    """IANA name of the building's time zone."""
    return session.scalars(select(Building)).one().time_zone


def change_zone(site: Site, session: Session, name: str) -> None:
    """Have schedules judged in another time zone; raises Refused for a name that is none."""
    time_zone.check(name)
    building = session.scalars(select(Building)).one()
    if building.time_zone == name:
        return
    building.time_zone = name
    session.flush()
    site.record(session, "time zone changed", name)
    if present(session):
        for door in doors.present(session):
            _bring_zone(site, session, door)


def renew_zone(site: Site) -> int:
    """Give the coming changes of the time zone to each door that would run out of them within a year.

    Returns to how many. A building without a schedule needs none of them.
    """
    with site.write() as session:
        there = doors.present(session) if present(session) else []
        renewed = [door for door in there if _bring_zone(site, session, door, SERVE)]
        for door in renewed:
            chain.record_action(session, site.vault, SERVE, "time zone changes renewed", door.door_id)
    return len(renewed)


def _bring_zone(site: Site, session: Session, door: Door, actor: str | None = None) -> bool:
    """Give a door the table of the building's time zone, unless what it was given last is enough."""
    name, now = zone(session), now_s()
    if time_zone.is_enough(_zone_given(session, door), name, now):
        return False
    table = time_zone.pack(time_zone.table(name, now))
    doors.operate(site, session, door, [messages.OP_TIME_ZONE, table], actor)
    return True


def _zone_given(session: Session, door: Door) -> bytes | None:
    """The table that a door was given last; None for none."""
    rows = select(DoorOperation.operation).where(
        DoorOperation.door == door.id,
        DoorOperation.version > door.base_version,
        func.substr(DoorOperation.operation, 1, len(_ZONE_HEAD)) == _ZONE_HEAD,
    )
    found = session.scalars(rows.order_by(DoorOperation.version.desc()).limit(1)).first()
    return cbor2.loads(found)[1] if found else None


def _in_use() -> Select[Schedule]:
    return select(Schedule).where(Schedule.removed_at.is_(None))


def _is_called(schedule: Schedule, name: str) -> bool:
    return schedule.name.casefold() == name.strip().casefold()


def _said(schedule: Schedule) -> str:
    return f"{schedule.name}: {'; '.join(schedule.periods.splitlines())}"


def _read(written: Sequence[str]) -> tuple[str, bytes]:
    """Periods as the register keeps them, one a line, and as doors take them."""
    read = [periods.read(text) for text in written]
    return "\n".join(one.text for one in read), periods.pack(read)


def _free_number(session: Session) -> int:
    """A number that no schedule has: one that none ever had, else the one that was let go longest ago.

    Using one again is safe: a door takes its operations in order, so it lets go of every credential under the
    old meaning before it learns the new one (link.state).
    """
    taken = {one.number for one in present(session)}
    gone = select(Schedule.number, func.max(Schedule.removed_at)).group_by(Schedule.number)
    let_go = {number: at or 0 for number, at in session.execute(gone)}
    free = [number for number in range(1, limits.SCHEDULES + 1) if number not in taken]
    if not free:
        raise Refused(
            f"There are {limits.SCHEDULES} schedules already, as many as a door has room for: remove one "
            "with altgate schedule remove first."
        )
    return min(free, key=lambda number: (let_go.get(number, 0), number))
