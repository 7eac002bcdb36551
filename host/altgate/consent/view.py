"""What a resident may see of their own: doors, ways in, the state of face, what was recorded. Only reads."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.consent import notices, records, states
from altgate.protocol import limits, messages, names, reasons
from altgate.registry import periods, settings
from altgate.registry.models import (
    Consent,
    Credential,
    CredentialDoor,
    Door,
    Event,
    Notice,
    Pass,
    PassDoor,
    Resident,
    Schedule,
)

OFF_HERE = "off_here"  # the manager has not turned face on at this door
OFF = "off"
ASKED = "asked"  # said yes, and no template yet
ON = "on"
SUSPENDED = "suspended"
ENDING = "ending"  # ended, and the door has not confirmed it yet


@dataclass(frozen=True)
class Hours:
    """A period of a schedule. days: runs of first and last day, 0 for Monday; the times are local ones."""

    days: list[tuple[int, int]]
    start: str
    end: str


@dataclass(frozen=True)
class Bound:
    """What some of a resident's cards or PINs are bound to at a door: hours, or a second one.

    way: ``card`` or ``pin``. count: how many of them. second_s: within how many seconds, 0 for hours.
    """

    way: str
    count: int
    hours: tuple[Hours, ...]
    second_s: int


@dataclass(frozen=True)
class DoorView:
    """One door as its resident sees it.

    cards, pins, passes: how many of theirs open it now or later. face: one of the words above. why: for
    ``suspended``, the name of the reason. consent: number of the newest consent here, ended or not, to end it
    by; the dates are that consent's, in Unix seconds. notice: version of the notice that it names. bounds:
    what does not open it alone and at any hour.
    """

    door_id: str
    name: str
    cards: int
    pins: int
    passes: int
    face: str
    why: str | None
    consent: int | None
    notice: int | None
    given_at: int | None
    enrolled_at: int | None
    ended_at: int | None
    erased_at: int | None
    bounds: tuple[Bound, ...] = ()

    @property
    def can_end(self) -> bool:
        """Whether there is something to take back, whatever keeps it from being used."""
        return self.consent is not None and self.ended_at is None


@dataclass(frozen=True)
class Entry:
    """One record of a door about a resident; times in Unix seconds, ``time`` None where the door had none.

    kind, method, reason: names as in protocol. state: for a kind of ``consent``, as in ``states.NAMES``.
    """

    received_at: int
    time: int | None
    door: str
    kind: str
    method: str
    reason: str
    state: str | None


def entries(session: Session, resident: Resident, limit: int) -> list[Entry]:
    """The newest records of a resident's own, newest first."""
    door_names = {door.door_id: door.name for door in session.scalars(select(Door))}
    own = select(Event).where(Event.resident == resident.pseudonym, Event.sequence.is_not(None))
    return [
        Entry(
            received_at=event.received_at,
            time=event.time or None,
            door=door_names.get(event.door_id or "", str(event.door_id)),
            kind=_name(names.KINDS, event.kind),
            method=_name(names.METHODS, event.method),
            reason=_name(names.REASONS, event.reason),
            state=_state(event),
        )
        for event in session.scalars(own.order_by(Event.number.desc()).limit(limit))
    ]


def _name(table: dict[int, str], code: int | None) -> str:
    return table.get(code or 0, str(code))


def _state(event: Event) -> str | None:
    """What a record of a consent says became of it (statements.event_detail)."""
    return _name(states.NAMES, (event.detail or 0) & 0xFF) if event.kind == messages.KIND_CONSENT else None


def doors(session: Session, resident: Resident) -> list[DoorView]:
    """Every door that this resident can open or has a consent at, by name."""
    newest = {one.door: one for one in sorted(records.listed(session, resident), key=_rank)}
    credentials, passes = _credentials(session, resident), _passes(session, resident)
    held = {number for number, one in newest.items() if states.is_in_force(one) or states.is_pending(one)}
    numbers = {*credentials, *passes, *held}
    shown = select(Door).where(Door.id.in_(numbers), Door.removed_at.is_(None)).order_by(Door.name)
    return [
        _door(session, door, newest.get(door.id), credentials.get(door.id, []), passes.get(door.id, 0))
        for door in session.scalars(shown)
    ]


def _rank(consent: Consent) -> tuple[bool, bool, int]:
    """What counts among several at one door, last: one in force, then one that is still ending."""
    return states.is_in_force(consent), states.is_pending(consent), consent.id


def _credentials(session: Session, resident: Resident) -> dict[int, list[Credential]]:
    """Cards and PINs in use, by door."""
    found: dict[int, list[Credential]] = {}
    rows = select(CredentialDoor.door, Credential).join(Credential).where(
        Credential.resident == resident.pseudonym, Credential.revoked_at.is_(None)
    )  # fmt: skip
    for door, credential in session.execute(rows):
        if not _is_over(credential):
            found.setdefault(door, []).append(credential)
    return found


def _passes(session: Session, resident: Resident) -> dict[int, int]:
    """How many passes are in use, by door."""
    found: dict[int, int] = {}
    rows = select(PassDoor.door, Pass).join(Pass).where(
        Pass.resident == resident.pseudonym, Pass.revoked_at.is_(None)
    )  # fmt: skip
    for door, one in session.execute(rows):
        if not _is_over(one):
            found[door] = found.get(door, 0) + 1
    return found


def _is_over(one: Credential | Pass) -> bool:
    return 0 < one.not_after <= now_s()


def _door(
    session: Session, door: Door, consent: Consent | None, credentials: list[Credential], passes: int
) -> DoorView:
    face, why = _face(session, door, consent, credentials)
    notice = notices.by_hash(session, consent.notice) if consent else None
    pins = sum(map(_is_pin, credentials))
    return DoorView(
        door_id=door.door_id,
        name=door.name,
        cards=len(credentials) - pins,
        pins=pins,
        passes=passes,
        face=face,
        why=why,
        consent=consent.id if consent else None,
        notice=notice.version if notice else None,
        given_at=consent.given_at if consent else None,
        enrolled_at=consent.enrolled_at if consent else None,
        ended_at=consent.ended_at if consent else None,
        erased_at=consent.erased_at if consent else None,
        bounds=tuple(
            bound for way, is_pin in (("card", False), ("pin", True))
            for bound in _bounds(session, way, [one for one in credentials if _is_pin(one) == is_pin])
        ),
    )  # fmt: skip


def _is_pin(credential: Credential) -> bool:
    return credential.type == messages.TYPE_PIN


def _bounds(session: Session, way: str, credentials: list[Credential]) -> list[Bound]:
    """What the cards or the PINs at one door are bound to, those with the same hours together."""
    scheduled = Counter(one.schedule for one in credentials if one.schedule)
    found = [
        Bound(way, count, _hours(session.get_one(Schedule, number)), 0)
        for number, count in sorted(scheduled.items())
    ]
    dual = sum(one.rule == messages.RULE_DUAL for one in credentials)
    return [*found, Bound(way, dual, (), limits.SECOND_S)] if dual else found


def _hours(schedule: Schedule) -> tuple[Hours, ...]:
    read = [periods.read(line) for line in schedule.periods.splitlines()]
    return tuple(Hours(periods.runs(one.days), *one.times) for one in read)


def _face(
    session: Session, door: Door, consent: Consent | None, credentials: list[Credential]
) -> tuple[str, str | None]:
    """The state of face and, where it is suspended, why; the door judges by the same rules."""
    if consent and states.is_pending(consent):
        return ENDING, None
    if not settings.wanted(session, door)[settings.FACE]:
        return OFF_HERE, None
    if consent is None or not states.is_in_force(consent):
        return OFF, None
    why = _suspended(consent, notices.current(session), credentials)
    if why is None and not settings.wanted(session, door)[settings.FACE_UNPROVED]:
        # The one module that is supported gives no verdict on liveness.
        why = reasons.LIVENESS_UNAVAILABLE
    if why is not None:
        return SUSPENDED, names.REASONS[why]
    return (ON if consent.state == messages.CONSENT_ENROLLED else ASKED), None


def _suspended(consent: Consent, notice: Notice | None, credentials: list[Credential]) -> int | None:
    """Why a consent in force cannot be used now: the notice changed, or its own card opens no more."""
    if notice is None or notice.sha256 != consent.notice:
        return reasons.NOTICE_CHANGED
    has_card = any(one.id == consent.credential and one.not_before <= now_s() for one in credentials)
    return None if has_card else reasons.NO_OTHER_WAY
