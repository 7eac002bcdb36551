"""Reading the chain: whether it holds, and as rows for people and scripts."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import to_text
from altgate.consent import states
from altgate.errors import BadMessage
from altgate.ledger import chain, consents
from altgate.link import sealed
from altgate.link.inbox import EVENT_FIELDS
from altgate.protocol import messages, names, reasons, topics
from altgate.registry import doors
from altgate.registry.models import Building, Door, Event
from altgate.registry.site import Site
from altgate.texts import reason_text


def verify(site: Site) -> tuple[int, str | None]:
    """Number of records, and one sentence that names the first bad one, or None.

    Notices and consents, which are rows of their own, must be what the records say of them.
    """
    with site.read() as session:
        keys = {door.door_id: _Keys(site, door) for door in session.scalars(select(Door))}
        fault = chain.first_fault(session, site.vault, lambda event: _message_fault(keys, event))
        fault = fault or consents.first_fault(session)
        return session.scalars(select(Building)).one().chain_length, fault


class _Keys:
    """A door's keys for its records, from the first generation on: a later record is under no older one."""

    def __init__(self, site: Site, door: Door) -> None:
        self._site, self._door, self._at = site, door, 0

    def open(self, topic: str, message: bytes) -> dict[int, Any]:
        """The content of a record; raises BadMessage."""
        for generation in range(self._at, self._door.generation + 1):
            key = doors.link_key(self._site, self._door, "up", generation)
            try:
                content = sealed.open_sealed(key, topic, message)
            except BadMessage as error:
                if error.reason != reasons.BAD_MAC:
                    raise
                continue
            self._at = generation
            return content
        raise BadMessage(reasons.BAD_MAC, "the MAC is wrong")


def _message_fault(keys: dict[str, _Keys], event: Event) -> str | None:
    """Whether a row says what its sealed message says; None for good rows and for managers' actions."""
    if event.door_id is None or event.message is None:
        return None if event.action else "it has neither a message nor an action"
    if event.door_id not in keys:
        return f"door {event.door_id} is not on the register"
    is_consent = event.sequence is None
    topic = topics.topic(event.door_id, topics.UP_CONSENT if is_consent else topics.UP_EVENT)
    try:
        content = keys[event.door_id].open(topic, event.message)
    except BadMessage as error:
        return str(error)
    if is_consent:
        return consents.message_fault(event, content)
    for name, key in {**EVENT_FIELDS, "sequence": messages.SEQUENCE}.items():
        if content.get(key) != getattr(event, name):
            return f"its {name} differs from the sealed message"
    return None


def row(event: Event, door_names: dict[str, str], language: str) -> dict[str, Any]:
    """One record as names and texts."""
    legacy = " (clonable)" if event.method == messages.METHOD_LEGACY_UID else ""
    known = event.method is not None
    return {
        "number": event.number,
        "received": to_text(event.received_at),
        "time": to_text(event.time),
        "door": door_names.get(event.door_id or "", event.door_id),
        "sequence": event.sequence,
        "what": event.action or names.KINDS.get(event.kind or 0, str(event.kind)),
        "method": names.METHODS.get(event.method or 0, str(event.method)) + legacy if known else None,
        "reason": names.REASONS.get(event.reason, str(event.reason)) if event.reason is not None else None,
        "text": reason_text(event.reason, language) if event.reason is not None else None,
        "credential": event.credential or None,
        "resident": event.resident or None,
        "detail": event.detail,
        "subject": _subject(event),
        "actor": event.actor,
    }


def _subject(event: Event) -> str | None:
    """What an action was done to; for a consent, its state and the first 6 bytes of its name."""
    if event.kind != messages.KIND_CONSENT or event.detail is None:
        return event.subject
    state = event.detail & 0xFF
    return f"{states.NAMES.get(state, str(state))} {event.detail >> 8:012x}"


def latest(session: Session, limit: int, language: str) -> list[dict[str, Any]]:
    """The newest records, oldest of them first."""
    door_names = {door.door_id: door.name for door in session.scalars(select(Door))}
    events = session.scalars(select(Event).order_by(Event.number.desc()).limit(limit)).all()
    return [row(event, door_names, language) for event in reversed(events)]


def export_rows(session: Session) -> list[dict[str, Any]]:
    """Every record with all hashed fields in order, bytes as hexadecimal, for others to verify."""
    fields = (*chain.FIELDS, "hash")
    return [
        {name: value.hex() if isinstance(value := getattr(event, name), bytes) else value for name in fields}
        for event in session.scalars(select(Event).order_by(Event.number))
    ]
