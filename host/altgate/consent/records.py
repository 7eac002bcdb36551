"""The record of consents: what doors report of them, and how they end on the host's side.

Only a door can begin one: it alone has seen card, door PIN and face key together. Everybody can end one.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.consent import states
from altgate.consent.states import Said
from altgate.errors import BadMessage, Refused
from altgate.ledger import chain
from altgate.protocol import messages, reasons, statements
from altgate.registry import doors
from altgate.registry.models import Consent, Credential, CredentialDoor, Door, Event, Notice, Resident
from altgate.registry.site import Site


def find(session: Session, number: int) -> Consent:
    """A consent by its number in the listing; raises Refused where there is none."""
    consent = session.get(Consent, number)
    if consent is None:
        raise Refused(f"No consent has the number {number}: see altgate consent list.")
    return consent


def listed(session: Session, resident: Resident | None = None, door: Door | None = None) -> list[Consent]:
    """All consents, ended ones too, oldest first; of one resident or one door if given."""
    query = select(Consent).order_by(Consent.id)
    if resident is not None:
        query = query.where(Consent.resident == resident.pseudonym)
    if door is not None:
        query = query.where(Consent.door == door.id)
    return list(session.scalars(query))


def in_force(session: Session, door: Door) -> list[bytes]:
    """The names of the consents that were given at a door and have not ended."""
    return [consent.consent for consent in listed(session, door=door) if states.is_in_force(consent)]


def pending(session: Session, resident: Resident) -> list[Consent]:
    """A resident's ended consents whose doors have not said yet that they erased the template."""
    return [consent for consent in listed(session, resident) if states.is_pending(consent)]


def take(site: Site, session: Session, door: Door, said: Said, message: bytes) -> bool:
    """Record what a door says of a consent, once; returns whether the door may be told so.

    A door that still goes by a consent which has ended here is told nothing that would let it go on. Raises
    BadMessage for a statement that is not what its hash says, and for one of somebody or something unknown.
    """
    if not said.is_whole(door.door_id):
        raise BadMessage(reasons.BAD_SHAPE, "the consent is not the hash of its statement")
    consent = session.scalars(select(Consent).where(Consent.consent == said.consent)).first()
    if consent is None:
        _check_new(session, door, said)
        event = _chain(site, session, door, said, message)
        consent = states.first(said, door.id, event.received_at)
        session.add(consent)
    elif not _is_recorded(session, door, said):
        event = _chain(site, session, door, said, message)
        states.hear(consent, said, event.received_at)
    session.flush()
    return said.state in messages.CONSENT_ENDED or states.is_in_force(consent)


def _check_new(session: Session, door: Door, said: Said) -> None:
    """Raise BadMessage for a consent that cannot be; an end is taken whatever became of the card."""
    if session.get(Resident, said.resident) is None:
        raise BadMessage(reasons.BAD_SHAPE, "a consent of nobody on the register")
    if session.scalars(select(Notice).where(Notice.sha256 == said.notice)).first() is None:
        raise BadMessage(reasons.BAD_SHAPE, "a consent to a notice that was never published")
    card = select(CredentialDoor).join(Credential).where(
        CredentialDoor.door == door.id,
        Credential.id == said.credential,
        Credential.type == messages.TYPE_CARD,
        Credential.resident == said.resident,
        Credential.revoked_at.is_(None),
    )  # fmt: skip
    if said.state not in messages.CONSENT_ENDED and session.scalars(card).first() is None:
        raise BadMessage(reasons.BAD_SHAPE, "a consent without a card of that resident at that door")


def _detail(said: Said) -> int:
    return statements.event_detail(said.consent, said.state)


def _is_recorded(session: Session, door: Door, said: Said) -> bool:
    same = select(Event).where(
        Event.door_id == door.door_id,
        Event.journal == door.journal,
        Event.sequence.is_(None),
        Event.kind == messages.KIND_CONSENT,
        Event.resident == said.resident,
        Event.detail == _detail(said),
    )
    return session.scalars(same).first() is not None


def _chain(site: Site, session: Session, door: Door, said: Said, message: bytes) -> Event:
    event = Event(
        door_id=door.door_id,
        journal=door.journal,
        kind=messages.KIND_CONSENT,
        boot=said.boot,
        reason=said.reason,
        credential=said.credential,
        resident=said.resident,
        detail=_detail(said),
        time=said.time,
        time_quality=said.time_quality,
        message=message,
    )
    return chain.append(session, site.vault, event)


def manager(site: Site) -> str:
    """``by`` of the manager who acts."""
    return states.MANAGER + site.actor


def end(site: Site, session: Session, consent: Consent, by: str) -> bool:
    """End a consent now, and have its door end it; returns False, and changes nothing, if it has ended.

    by: ``states.RESIDENT``, or what ``manager`` returns.
    """
    if by != states.RESIDENT and not by.startswith(states.MANAGER):
        raise ValueError(f"{by!r} is nobody who can end a consent")
    if not states.is_in_force(consent):
        return False
    is_own = by == states.RESIDENT
    actor = f"{states.RESIDENT}:{consent.resident}" if is_own else by.removeprefix(states.MANAGER)
    action = states.ACTION_WITHDRAWN if is_own else states.ACTION_REVOKED
    record = chain.record_action(session, site.vault, actor, action, consent.consent.hex())
    states.end(consent, by, record.received_at)
    door = session.get_one(Door, consent.door)
    if door.removed_at is None:
        operation: list[object] = [messages.OP_END_CONSENT, consent.consent, consent.state]
        doors.operate(site, session, door, operation, actor)
    session.flush()
    return True


def end_all(
    site: Site, session: Session, resident: Resident, by: str, door: Door | None = None
) -> list[Consent]:
    """End whatever a resident has in force, at one door if given; returns what was ended."""
    return [one for one in listed(session, resident, door) if end(site, session, one, by)]


def forget(site: Site, session: Session, resident: Resident) -> None:
    """End all consents of a resident who leaves, and have each door that they could enter forget them."""
    end_all(site, session, resident, manager(site))
    # A door PIN may lie where a consent never came of it.
    held = select(CredentialDoor.door).join(Credential).where(Credential.resident == resident.pseudonym)
    numbers = {consent.door for consent in listed(session, resident)} | set(session.scalars(held))
    for number in sorted(numbers):
        door = session.get_one(Door, number)
        if door.removed_at is None:
            doors.operate(site, session, door, [messages.OP_FORGET, resident.pseudonym])
