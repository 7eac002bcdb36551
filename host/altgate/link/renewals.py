"""Certificates and link keys of doors, which renew over the link before they end.

A renewal is made once and offered until the door was heard under it. It travels sealed under the board's key.
The door keeps its private key, which never left it.
"""

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import DAY_S, now_s
from altgate.keys.authority import certify, ends_at
from altgate.keys.derive import renewal_key
from altgate.ledger import chain
from altgate.link.orders import Answer
from altgate.protocol import limits, messages, provisioning, renewal, topics
from altgate.registry import doors
from altgate.registry.models import Building, Door, Event
from altgate.registry.site import SERVE, Site

RENEWED = "door certificate renewed"  # its action in the audit
LAST = 0xFFFF  # generation


def is_due(door: Door) -> bool:
    """Whether less than half of the time of a door's certificate is left, or its end is not known."""
    return (door.certificate_until or 0) - now_s() < limits.CERTIFICATE_DAYS * DAY_S // 2


def offers(site: Site) -> list[tuple[Door, Answer]]:
    """What is to be offered to all doors now, with what is new about it kept."""
    with site.write() as session:
        present = doors.present(session)
        return [(door, answer) for door in present if (answer := offer(site, session, door))]


def offer(site: Site, session: Session, door: Door) -> Answer | None:
    """down/renewal, where it is time for it; None otherwise, and for a door that was never heard.

    The certificate is noted by the CA, and the renewal kept, before anything is sent.
    """
    if not door.epoch or not is_due(door):
        return None
    content = _pending(site, door)
    if content is None:
        if door.generation >= LAST or not _is_worth_it(site, session, door):
            return None
        key = load_der_public_key(door.public_key) if door.public_key else None
        if not isinstance(key, ec.EllipticCurvePublicKey):
            # A board of before there were tickets: its private key was made here, and it is provisioned anew.
            return None
        fields = {
            provisioning.GENERATION: door.generation + 1,
            provisioning.CERTIFICATE: certify(
                site.authority(), door.door_id, key, days=limits.CERTIFICATE_DAYS
            ),
        }
        content = cbor2.dumps(fields, canonical=True)
        door.sealed_renewal = site.vault.seal(_purpose(door), content)
    bound = [renewal.LABEL, door.door_id.encode()]
    sealed = AESSIV(renewal_key(doors.board_key(site, door))).encrypt(content, bound)
    return topics.DOWN_RENEWAL, {messages.EPOCH: door.epoch, messages.SEALED: sealed}


def adopt(site: Site, session: Session, door: Door, generation: int) -> None:
    """A door was heard under a generation above the one that was in use."""
    content = _pending(site, door)
    until = None
    if content is not None:
        fields = cbor2.loads(content)
        if fields[provisioning.GENERATION] == generation:
            until = ends_at(fields[provisioning.CERTIFICATE])
    # Where this is not what was offered, another register of this building gave it: one that was lost, or one
    # that ended while it provisioned a board. The next renewal then comes at once.
    door.generation, door.certificate_until, door.sealed_renewal = generation, until, None
    chain.record_action(session, site.vault, SERVE, RENEWED, door.door_id)


def _is_worth_it(site: Site, session: Session, door: Door) -> bool:
    """Whether a certificate that is made now would last longer, and now is not before what was recorded."""
    building = session.scalars(select(Building)).one()
    last = session.get(Event, building.chain_length)
    if last and now_s() < last.received_at - DAY_S:
        # With a clock that is behind it would end too soon.
        return False
    until = min(now_s() + limits.CERTIFICATE_DAYS * DAY_S, ends_at(site.authority().certificate))
    return until > max(now_s(), door.certificate_until or 0) + DAY_S


def _pending(site: Site, door: Door) -> bytes | None:
    """The renewal that is under way, unless the door is beyond it."""
    if door.sealed_renewal is None:
        return None
    content = site.vault.open(_purpose(door), door.sealed_renewal)
    return content if cbor2.loads(content)[provisioning.GENERATION] > door.generation else None


def _purpose(door: Door) -> str:
    return f"renewal/{door.door_id}"
