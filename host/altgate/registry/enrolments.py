"""Tickets for bare boards, boards that wait with one, and their admission as doors.

A ticket is good for one board. The board's own key comes to the server under the ticket's key and is read
here alone; a manager then admits the board, and what is sealed for it makes it the door.
"""

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import DAY_S, now_s
from altgate.errors import BadMessage, Refused
from altgate.keys.authority import certify, ends_at, issue, serial_of
from altgate.keys.derive import admission_key, door_subkey
from altgate.keys.fingerprints import of_key
from altgate.ledger import chain
from altgate.plain_cbor import decode
from altgate.protocol import limits, reasons
from altgate.protocol import provisioning as p
from altgate.provision import ticket as tickets
from altgate.registry import doors
from altgate.registry.models import Building, Door, RevokedCertificate, Ticket
from altgate.registry.site import SERVE, Site

log = logging.getLogger(__name__)
VALID_DAYS = 14
DAYS = range(1, 91)
WAITS = "board waits to be admitted"  # its action in the audit
_RECORD: dict[int, type] = {
    p.DOOR_ID: str,
    p.TICKET_ID: bytes,
    p.GIVEN_HASH: bytes,
    p.SHARE: bytes,
    p.REQUEST: bytes,
    p.HARDWARE_ID: str,
    p.FIRMWARE: str,
    p.BUILD: str,
    p.BOARD_NAME: str,
}
_TEXT_MOST = 64


@dataclass(frozen=True)
class Waiting:
    """What a board says of itself that waits. ``fingerprint``: of the key of its certificates."""

    hardware_id: str
    firmware: str
    build: str
    board: str
    fingerprint: str
    asked_at: int


def current(session: Session, door: Door) -> Ticket | None:
    """The ticket of a door that has not ended: issued, waiting, or admitted and not heard since."""
    query = select(Ticket).where(Ticket.door == door.id, Ticket.ended_at.is_(None))
    return session.scalars(query.order_by(Ticket.id.desc())).first()


def state(session: Session, door: Door) -> str:
    """How far a door is: registered, ticket issued, waiting, admitted, in use."""
    row = current(session, door)
    if row is None:
        return "in use" if door.provisioned_at else "registered"
    if row.admission:
        return "admitted"
    if row.record:
        return "waiting"
    return "ticket expired" if row.expires_at < now_s() else "ticket issued"


def issue_ticket(
    site: Site, session: Session, door: Door, broker: tuple[str, int], days: int, is_replacing: bool = False
) -> str:
    """The text of a new ticket; one that is still open ends. Raises Refused.

    is_replacing: that the door's present board is to be replaced by the one that gets the ticket.
    """
    if days not in DAYS:
        raise Refused(f"--days {days} is outside {DAYS.start} to {DAYS.stop - 1}: choose a number within.")
    row = current(session, door)
    is_in_use = bool(door.provisioned_at) and not (row and row.admission)
    if is_in_use and not is_replacing:
        raise Refused(
            f"{door.name} has a board already: give --replace if another one is to take its place; the "
            "present one is shut out once the new one is admitted."
        )
    if is_replacing and not door.provisioned_at:
        raise Refused(f"{door.name} has no board yet: leave --replace out.")
    withdraw(site, session, door)
    authority, building = site.authority(), session.scalars(select(Building)).one()
    entry = issue(authority, door.door_id, days=days)
    server = ec.generate_private_key(ec.SECP256R1())
    ticket_id, expires = secrets.token_bytes(p.TICKET_ID_BYTES), now_s() + days * DAY_S
    text = tickets.encode(
        authority,
        {
            p.DOOR_ID: door.door_id,
            p.ZONE: door.zone,
            p.BROKER_HOST: broker[0],
            p.BROKER_PORT: broker[1],
            p.BROKER_NAME: building.broker_name,
            p.CA: authority.certificate,
            p.CERTIFICATE: entry.certificate,
            p.PRIVATE_KEY: entry.key,
            p.ORIGIN: building.origin,
            p.TICKET_ID: ticket_id,
            p.TICKET_SECRET: secrets.token_bytes(p.TICKET_SECRET_BYTES),
            p.SERVER_KEY: server.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            p.EXPIRES: expires,
            p.BUILDING: building.name,
            p.DOOR_NAME: door.name,
        },
    )
    key = server.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    session.add(
        Ticket(
            ticket_id=ticket_id,
            door=door.id,
            given_hash=hashlib.sha256(tickets.read(text).given).digest(),
            serial=f"{serial_of(entry.certificate):x}",
            expires_at=expires,
            sealed_text=site.vault.seal(_purpose("text", ticket_id), text.encode()),
            sealed_server_key=site.vault.seal(_purpose("server", ticket_id), key),
            created_at=now_s(),
            actor=site.actor,
        )
    )
    session.flush()
    site.record(session, "ticket issued", f"{door.door_id} {ticket_id.hex()}")
    return text


def text(site: Site, row: Ticket) -> str:
    """The text of a ticket that has not ended."""
    if row.sealed_text is None:
        raise Refused("That ticket has ended: issue another one.")
    return site.vault.open(_purpose("text", row.ticket_id), row.sealed_text).decode()


def withdraw(site: Site, session: Session, door: Door) -> bool:
    """End a door's open ticket, so that no board gets in by it; False where there is none.

    A board that was admitted by it and not heard since stays outside.
    """
    row = current(session, door)
    if row is None:
        return False
    _end(session, row)
    site.record(session, "ticket withdrawn", f"{door.door_id} {row.ticket_id.hex()}")
    return True


def take(site: Site, session: Session, door: Door, data: bytes) -> Ticket:
    """A board has taken a ticket and asks to be admitted; raises BadMessage, and nothing has changed."""
    record, mac, said = _decoded(data)
    row = session.scalars(select(Ticket).where(Ticket.ticket_id == said[p.TICKET_ID])).first()
    if row is None or row.door != door.id or said[p.DOOR_ID] != door.door_id:
        raise BadMessage(
            reasons.NOT_PROVISIONED, "a board asks with a ticket that was not issued for this door"
        )
    if row.record == data:
        return row
    if row.ended_at or row.admission:
        raise BadMessage(reasons.ALREADY_PROVISIONED, "a board asks with a ticket that was used or withdrawn")
    if row.expires_at < now_s():
        raise BadMessage(reasons.EXPIRED, "a board asks with a ticket that has expired")
    key = _board_key(site, row, said)
    right = hmac.digest(door_subkey(key, p.ENROL.decode()), record, hashlib.sha256)
    if not hmac.compare_digest(mac, right) or said[p.GIVEN_HASH] != row.given_hash:
        raise BadMessage(reasons.BAD_MAC, "a board asks with a ticket that was altered on its way to it")
    public = _requested(said[p.REQUEST], door.door_id)
    if row.record:
        log.warning("door %r (%s): another board has taken the same ticket; the last one counts", door.name,
                    door.door_id)  # fmt: skip
    row.record, row.asked_at = data, now_s()
    row.sealed_board_key = site.vault.seal(_purpose("board", row.ticket_id), key)
    subject = f"{door.door_id} {of_key(_spki(public))}"
    chain.record_action(session, site.vault, SERVE, WAITS, subject)
    log.info("door %r (%s): a board waits to be admitted, its key is %s", door.name, door.door_id,
             of_key(_spki(public)))  # fmt: skip
    return row


def waiting(row: Ticket) -> Waiting:
    """What the board said that waits with a ticket."""
    assert row.record and row.asked_at
    said = _decoded(row.record)[2]
    public = _spki(_requested(said[p.REQUEST], said[p.DOOR_ID]))
    return Waiting(
        said[p.HARDWARE_ID], said[p.FIRMWARE], said[p.BUILD], said[p.BOARD_NAME], of_key(public),
        row.asked_at,
    )  # fmt: skip


def latest(session: Session, door: Door) -> Waiting | None:
    """What the board said that a door has, or that waits to be it; None where it never had one."""
    query = select(Ticket).where(Ticket.door == door.id, Ticket.record.is_not(None))
    row = session.scalars(query.order_by(Ticket.asked_at.desc(), Ticket.id.desc())).first()
    return waiting(row) if row else None


def admit(site: Site, session: Session, door: Door, row: Ticket) -> bytes:
    """Make the board that waits the door; returns what is sent to it. The board before is shut out.

    Raises Refused where none waits. To be followed by revocation.refresh().
    """
    if row.admission:
        return row.admission
    if not row.record or not row.sealed_board_key:
        raise Refused(f"No board waits to be admitted as {door.name}: see altgate door list.")
    said = _decoded(row.record)[2]
    public = _requested(said[p.REQUEST], door.door_id)
    authority = site.authority()
    superseded = [serial for serial, _ in authority.serials({door.door_id})]
    certificate = certify(authority, door.door_id, public, days=limits.CERTIFICATE_DAYS)
    journal_key, generation = secrets.token_bytes(limits.DOOR_KEY_BYTES), _generation(door)
    door_key = doors.key(site, door)
    content = {
        p.GENERATION: generation,
        p.CERTIFICATE: certificate,
        p.ZONE_KEY: doors.zone_key(site, session, door.zone),
        p.INDEX_KEY: door_subkey(door_key, "index"),
        p.PASS_KEY: door_subkey(door_key, "pass"),
        p.JOURNAL_KEY: journal_key,
    }
    board_key = site.vault.open(_purpose("board", row.ticket_id), row.sealed_board_key)
    bound = [p.ADMISSION, door.door_id.encode(), row.ticket_id]
    row.admission = AESSIV(admission_key(board_key)).encrypt(cbor2.dumps(content, canonical=True), bound)
    doors.add_board_key(site, door, generation, board_key)
    door.public_key = _spki(public)
    door.generation, door.sealed_renewal = generation, None
    door.certificate_until = ends_at(certificate)
    door.sealed_journal_key = doors.seal_journal_key(site, door, journal_key)
    if door.provisioned_at:
        door.journal += 1
        # What was said at the board before this one died with it.
        doors.lose_board(site, session, door)
    door.acked_sequence, door.boot, door.epoch, door.applied_version = 0, None, None, None
    door.provisioned_at = now_s()
    _revoke(session, superseded)
    # Nobody can open what the board's key came in again.
    row.sealed_server_key = row.sealed_board_key = None
    site.record(session, "door provisioned", f"{door.door_id} {of_key(door.public_key)}")
    return row.admission


def admissions(session: Session) -> list[tuple[Door, bytes]]:
    """What is to be sent to boards that were admitted and not heard since."""
    query = select(Ticket).where(Ticket.admission.is_not(None), Ticket.ended_at.is_(None))
    return [
        (session.get_one(Door, row.door), row.admission) for row in session.scalars(query) if row.admission
    ]


def heard(session: Session, door: Door) -> None:
    """A door was heard under its newest keys: the ticket by which its board came has done its work."""
    row = current(session, door)
    if row and row.admission:
        _end(session, row)


def _revoke(session: Session, serials: list[int]) -> None:
    for serial in serials:
        if session.get(RevokedCertificate, f"{serial:x}") is None:
            session.add(RevokedCertificate(serial=f"{serial:x}", revoked_at=now_s()))


def _end(session: Session, row: Ticket) -> None:
    row.ended_at = now_s()
    row.sealed_text = row.sealed_server_key = row.sealed_board_key = row.admission = None
    _revoke(session, [int(row.serial, 16)])


def _generation(door: Door) -> int:
    # A renewal that is under way may be in use there already.
    return door.generation + 1 + bool(door.sealed_renewal) if door.provisioned_at else 0


def _decoded(data: bytes) -> tuple[bytes, bytes, dict[int, Any]]:
    """Record, its MAC, and what it says; raises BadMessage."""
    bad = BadMessage(reasons.BAD_SHAPE, "not the request of a board")
    try:
        if len(data) > limits.MESSAGE_BYTES:
            raise bad
        record, mac = decode(data)
        said = decode(record)
        if {key: type(value) for key, value in said.items()} != _RECORD or not isinstance(mac, bytes):
            raise bad
        if any(isinstance(value, str) and len(value) > _TEXT_MOST for value in said.values()):
            raise bad
        if cbor2.dumps([record, mac], canonical=True) != data or cbor2.dumps(said, canonical=True) != record:
            raise bad
    except (ValueError, TypeError, AttributeError):
        raise bad from None
    return record, mac, said


def _board_key(site: Site, row: Ticket, said: dict[int, Any]) -> bytes:
    if row.sealed_server_key is None:
        raise BadMessage(reasons.ALREADY_PROVISIONED, "a board asks with a ticket that was used")
    opened = site.vault.open(_purpose("server", row.ticket_id), row.sealed_server_key)
    key = load_der_private_key(opened, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    try:
        share = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), said[p.SHARE])
    except ValueError:
        raise BadMessage(reasons.BAD_SHAPE, "a board's share is not a point") from None
    own = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    info = p.BOARD + said[p.SHARE] + own
    derived = HKDF(algorithm=SHA256(), length=limits.DOOR_KEY_BYTES, salt=row.given_hash, info=info)
    return derived.derive(key.exchange(ec.ECDH(), share))


def _requested(request: bytes, door_id: str) -> ec.EllipticCurvePublicKey:
    """The key of a PKCS#10 request; raises BadMessage."""
    bad = BadMessage(reasons.BAD_SHAPE, "a board's certificate request is not one")
    try:
        asked = x509.load_der_x509_csr(request)
        key, names = asked.public_key(), asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        is_right = asked.is_signature_valid and [name.value for name in names] == [door_id]
    except (ValueError, InvalidSignature, TypeError):
        raise bad from None
    if not is_right or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise bad
    return key


def _spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _purpose(what: str, ticket_id: bytes) -> str:
    return f"ticket/{what}/{ticket_id.hex()}"
