"""Hellos of a door: which is of a new start, which is an old message, which tells of an old flash, and which
of a register that is older than the door's.
"""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.errors import BadMessage
from altgate.ledger import chain
from altgate.link import state
from altgate.protocol import messages, reasons
from altgate.registry import doors
from altgate.registry.models import Consent, Door, DoorStart, Event
from altgate.registry.site import Site

log = logging.getLogger(__name__)
WENT_BACK = "door went back"  # its action in the audit
REGISTER_WENT_BACK = "register went back"
OLD_KEYS = "door speaks under old keys"


def is_doubtful(session: Session, door: Door, boot: int, epoch: bytes) -> bool:
    """Whether a hello tells of a start that was not seen, before or beside the last one that was."""
    return door.boot is not None and boot <= door.boot and not _is_known(session, door, epoch)


def _is_known(session: Session, door: Door, epoch: bytes) -> bool:
    seen = select(DoorStart).where(DoorStart.door == door.id, DoorStart.epoch == epoch)
    return session.scalars(seen).first() is not None


def _refuse_known(session: Session, door: Door, epoch: bytes) -> None:
    if _is_known(session, door, epoch):
        raise BadMessage(reasons.STALE_EPOCH, "a hello of an earlier boot")


def note(site: Site, session: Session, door: Door, boot: int, epoch: bytes, acked: int) -> None:
    """Take note of the start that a hello tells of; ``acked``: the last event that the door need not send.

    A door draws an epoch at each start and counts its starts in flash: an epoch that was not seen before,
    under a count that was, is of a flash that was put back. That is recorded, and what the door may have
    again, such as a consent that has ended, is taken out. Raises BadMessage for a hello of an earlier start.
    """
    if epoch == door.epoch and boot == door.boot:
        return
    _refuse_known(session, door, epoch)
    if door.boot is not None and boot <= door.boot:
        _went_back(site, session, door, boot, acked)
    session.add(DoorStart(door=door.id, boot=boot, epoch=epoch, created_at=now_s()))


def note_old_keys(site: Site, session: Session, door: Door, boot: int, epoch: bytes, generation: int) -> None:
    """Record a start under keys that were renewed since; raises BadMessage where it was heard before."""
    _refuse_known(session, door, epoch)
    log.warning(
        "door %r (%s) says hello under keys that were renewed since: an older copy of its flash runs "
        "somewhere, or its board was put back to it. Find out who has it. It is not heard; if it is the "
        "door's own board, erase it and provision it again",
        door.name,
        door.door_id,
    )
    chain.record_action(session, site.vault, door.door_id, OLD_KEYS, f"start {boot}, generation {generation}")
    session.add(DoorStart(door=door.id, boot=boot, epoch=epoch, created_at=now_s()))


def _went_back(site: Site, session: Session, door: Door, boot: int, acked: int) -> None:
    log.warning(
        "door %r (%s) says that this is its start %s, after start %s: its flash was put back to an older "
        "state, or has lost its counters. Find out who had the board; what is missing there is sent again",
        door.name,
        door.door_id,
        boot,
        door.boot,
    )
    chain.record_action(session, site.vault, door.door_id, WENT_BACK, f"{door.boot} to {boot}")
    # Its numbers of events come a second time, so they belong to another journal. What it need not send any
    # more was acknowledged before the image was taken, and is in the journal before.
    door.journal, door.acked_sequence = door.journal + 1, acked
    ended = select(Consent).where(Consent.door == door.id, Consent.ended_at.is_not(None))
    for consent in session.scalars(ended.order_by(Consent.id)):
        doors.operate(
            site, session, door, [messages.OP_END_CONSENT, consent.consent, consent.state], actor=door.door_id
        )


def catch_up(site: Site, session: Session, door: Door, acked: int, version: int) -> None:
    """Go on from what a door has, where it knows more than the register.

    acked: up to which event a register has acknowledged. An acknowledgement is sealed, and sent when the
    event is on the disk: so one beyond what is here came from a newer register than this, which was put back
    from a backup, and the door may have let those events go. They are recorded as missing instead of being
    waited for. version: of the state that the door has; it may be of changes that are not known here, under
    numbers that were given to others since, so everything is sent again.
    """
    if acked <= door.acked_sequence:
        return
    first = door.acked_sequence + 1
    log.warning(
        "door %r (%s): events %s to %s are not in the register, though they were acknowledged: the register "
        "was put back from a backup. They are lost, unless a copy of the newer register or of the audit has "
        "them. Go through what was changed since the backup; the door gets all again that is known here",
        door.name,
        door.door_id,
        first,
        acked,
    )
    chain.record_action(session, site.vault, door.door_id, REGISTER_WENT_BACK, f"events {first} to {acked}")
    door.acked_sequence = acked
    count_on(session, door)
    state.rebase(session, door, max(version, door.state_version))


def count_on(session: Session, door: Door) -> None:
    """Acknowledge the events that are there without a hole behind those that were acknowledged before."""
    newer = select(Event).where(
        Event.door_id == door.door_id, Event.journal == door.journal, Event.sequence > door.acked_sequence
    )
    for event in session.scalars(newer.order_by(Event.sequence)):
        if event.sequence != door.acked_sequence + 1:
            break
        door.acked_sequence += 1
