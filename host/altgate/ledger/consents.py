"""Whether notices and consents are what the chain says: its records are gone through again, step by step."""

import hashlib
from collections.abc import Iterator

import cbor2
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from altgate.consent import notices, states
from altgate.errors import BadMessage
from altgate.link import consents
from altgate.protocol import messages, statements
from altgate.registry.models import Consent, Door, Event

COLUMNS = tuple(column.key for column in Consent.__table__.columns if column.key != "id")
ACTIONS = (states.ACTION_WITHDRAWN, states.ACTION_REVOKED, states.ACTION_LOST, states.ACTION_DAMAGED)


def message_fault(event: Event, content: dict[int, object]) -> str | None:
    """Whether a record of a consent says what its sealed message says; None for a good one."""
    try:
        said = consents.said(content)
    except BadMessage as error:
        return str(error)
    if not said.is_whole(event.door_id or ""):
        return "its consent is not the hash of its statement"
    expected = {
        "kind": messages.KIND_CONSENT,
        "method": None,
        "detail": statements.event_detail(said.consent, said.state),
        **{name: getattr(said, name) for name in consents.CHAINED},
    }
    for name, value in expected.items():
        if getattr(event, name) != value:
            return f"its {name} differs from the sealed message"
    return None


def first_fault(session: Session) -> str | None:
    """One sentence that names a notice or consent that differs from its records, or None.

    The chain, and what its records say of their messages, must have been found good before.
    """
    return _notice_fault(session) or _consent_fault(session)


def _notice_fault(session: Session) -> str | None:
    recorded = select(Event).where(Event.action == notices.ACTION).order_by(Event.number)
    expected = [(one.subject, one.actor, one.received_at) for one in session.scalars(recorded)]
    found = []
    for notice in notices.published(session):
        if hashlib.sha256(notice.content.encode()).digest() != notice.sha256:
            return f"Version {notice.version} of the notice was altered: its text has another SHA-256."
        found.append((notices.subject(notice), notice.actor, notice.published_at))
    if found != expected:
        return f"The notices are not those that were published: {len(expected)} are on record."
    return None


def _consent_fault(session: Session) -> str | None:
    expected = _again(session)
    for consent in session.scalars(select(Consent).order_by(Consent.id)):
        told = expected.pop(consent.consent, None)
        if told is None:
            return f"Consent {consent.id} is on no record."
        for name in COLUMNS:
            if getattr(consent, name) != getattr(told, name):
                return f"Consent {consent.id} was altered: its {name} differs from the records."
    if expected:
        return f"A consent is missing: {next(iter(expected)).hex()} is on record."
    return None


def _again(session: Session) -> dict[bytes, Consent]:
    """Every consent as the records tell it from beginning to end."""
    doors = {door.door_id: door.id for door in session.scalars(select(Door))}
    found: dict[bytes, Consent] = {}
    for event in _records(session):
        if event.message is None:
            _act(found, event)
            continue
        said = consents.said(cbor2.loads(cbor2.loads(event.message).value[2]))
        if said.consent in found:
            states.hear(found[said.consent], said, event.received_at)
        else:
            found[said.consent] = states.first(said, doors[event.door_id or ""], event.received_at)
    return found


def _records(session: Session) -> Iterator[Event]:
    is_message = (Event.kind == messages.KIND_CONSENT) & Event.sequence.is_(None)
    about = select(Event).where(or_(is_message, Event.action.in_(ACTIONS)))
    yield from session.scalars(about.order_by(Event.number))


def _act(found: dict[bytes, Consent], event: Event) -> None:
    """Take over what a manager or resident did; an act on no consent leaves nothing to compare."""
    consent = found.get(bytes.fromhex(event.subject or ""))
    if consent is None:
        return
    if event.action == states.ACTION_WITHDRAWN:
        states.end(consent, states.RESIDENT, event.received_at)
    elif event.action == states.ACTION_REVOKED:
        states.end(consent, f"{states.MANAGER}{event.actor}", event.received_at)
    elif event.action == states.ACTION_DAMAGED:
        states.lose(consent, states.DOOR, event.received_at)
    else:
        states.lose(consent, f"{states.MANAGER}{event.actor}", event.received_at)
