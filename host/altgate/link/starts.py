"""Starts of a door: which hello is of a new one, which is an old message, and which tells of an old flash."""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.errors import BadMessage
from altgate.ledger import chain
from altgate.protocol import messages, reasons
from altgate.registry import doors
from altgate.registry.models import Consent, Door, DoorStart
from altgate.registry.site import Site

log = logging.getLogger(__name__)
WENT_BACK = "door went back"  # its action in the audit


def note(site: Site, session: Session, door: Door, boot: int, epoch: bytes, acked: int) -> None:
    """Take note of the start that a hello tells of; ``acked``: the last event that the door need not send.

    A door draws an epoch at each start and counts its starts in flash: an epoch that was not seen before,
    under a count that was, is of a flash that was put back. That is recorded, and what the door may have
    again, such as a consent that has ended, is taken out. Raises BadMessage for a hello of an earlier start.
    """
    if epoch == door.epoch and boot == door.boot:
        return
    if session.scalars(select(DoorStart).where(DoorStart.door == door.id, DoorStart.epoch == epoch)).first():
        raise BadMessage(reasons.STALE_EPOCH, "a hello of an earlier boot")
    if door.boot is not None and boot <= door.boot:
        _went_back(site, session, door, boot, acked)
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
