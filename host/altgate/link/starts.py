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
UNKNOWN = -1  # instead of the last acknowledged event: the next one that comes is the first
WENT_BACK = "door went back"  # its action in the audit


def note(site: Site, session: Session, door: Door, boot: int, epoch: bytes) -> None:
    """Take note of the start that a hello tells of.

    A door draws an epoch at each start and counts its starts in flash: an epoch that was not seen before,
    under a count that was, is of a flash that was put back. That is recorded, and what the door may have
    again, such as a consent that has ended, is taken out. Raises BadMessage for a hello of an earlier start.
    """
    if epoch == door.epoch and boot == door.boot:
        return
    if session.scalars(select(DoorStart).where(DoorStart.door == door.id, DoorStart.epoch == epoch)).first():
        raise BadMessage(reasons.STALE_EPOCH, "a hello of an earlier boot")
    if door.boot is not None and boot <= door.boot:
        _went_back(site, session, door, boot)
    session.add(DoorStart(door=door.id, boot=boot, epoch=epoch, created_at=now_s()))


def _went_back(site: Site, session: Session, door: Door, boot: int) -> None:
    log.warning(
        "door %r (%s) says that this is its start %s, after start %s: its flash was put back to an older "
        "state. Find out who had the board; what it has lost of its register is sent again",
        door.name,
        door.door_id,
        boot,
        door.boot,
    )
    chain.record_action(session, site.vault, door.door_id, WENT_BACK, f"{door.boot} to {boot}")
    # Its numbers of events come a second time, so they belong to another journal, which begins where it does.
    door.journal, door.acked_sequence = door.journal + 1, UNKNOWN
    ended = select(Consent).where(Consent.door == door.id, Consent.ended_at.is_not(None))
    for consent in session.scalars(ended.order_by(Consent.id)):
        doors.operate(
            site, session, door, [messages.OP_END_CONSENT, consent.consent, consent.state], actor=door.door_id
        )
