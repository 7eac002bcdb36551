"""The hash chain: hash = SHA-256(hash before || canonical CBOR of the row), from 32 zero bytes on.

The head is sealed under the master key, so that cutting the end off is seen too.
"""

import hashlib
from collections.abc import Callable

import cbor2
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.keys.vault import Vault
from altgate.registry.models import Building, Event

FIELDS = tuple(column.key for column in Event.__table__.columns if column.key != "hash")
GENESIS = bytes(32)


def row_hash(previous: bytes, event: Event) -> bytes:
    """SHA-256 over the hash before and this row as a CBOR array of all its fields but the hash."""
    row = [getattr(event, field) for field in FIELDS]
    return hashlib.sha256(previous + cbor2.dumps(row, canonical=True)).digest()


def head_seal(vault: Vault, length: int, head: bytes) -> bytes:
    """What the building's row must hold for a chain of this length and last hash."""
    return vault.fingerprint("chain", length.to_bytes(8, "big") + head)


def append(session: Session, vault: Vault, event: Event) -> Event:
    """Number, link and add a row; the caller's transaction must hold the write lock."""
    session.flush()
    building = session.scalars(select(Building)).one()
    last = session.get(Event, building.chain_length) if building.chain_length else None
    event.number = building.chain_length + 1
    event.received_at = now_s()
    event.hash = row_hash(last.hash if last else GENESIS, event)
    session.add(event)
    building.chain_length = event.number
    building.chain_seal = head_seal(vault, event.number, event.hash)
    return event


def record_action(session: Session, vault: Vault, actor: str, action: str, subject: str) -> Event:
    """Chain what a manager or a resident did; ``subject`` names what it was done to, never a secret."""
    return append(session, vault, Event(actor=actor, action=action, subject=subject))


def checkpoint(session: Session) -> bytes:
    """Number of records (u32, big-endian) and hash of the last one, which binds all of them."""
    length = session.scalars(select(Building)).one().chain_length
    last = session.get(Event, length) if length else None
    return length.to_bytes(4, "big") + (last.hash if last else GENESIS)


def holds(session: Session, mark: bytes) -> bool:
    """Whether a checkpoint that was given once is still of this chain."""
    length = int.from_bytes(mark[:4], "big")
    event = session.get(Event, length) if length else None
    return mark[4:] == (event.hash if event else b"" if length else GENESIS)


def first_fault(session: Session, vault: Vault, check: Callable[[Event], str | None]) -> str | None:
    """One sentence that names the first bad record, or None; ``check`` looks into a row's sealed message."""
    previous, expected = GENESIS, 1
    for event in session.scalars(select(Event).order_by(Event.number)):
        if event.number != expected:
            return f"Record {expected} is missing: the next one is {event.number}."
        if row_hash(previous, event) != event.hash:
            return f"Record {event.number} was altered: its hash does not match."
        fault = check(event)
        if fault:
            return f"Record {event.number} is not what the door sent: {fault}."
        previous, expected = event.hash, expected + 1
    building = session.scalars(select(Building)).one()
    if building.chain_length != expected - 1:
        return (
            f"Record {min(expected, building.chain_length + 1)} is wrong: the chain should have "
            f"{building.chain_length} records and has {expected - 1}."
        )
    if building.chain_seal != head_seal(vault, expected - 1, previous):
        return f"Record {expected - 1} is not the end that was sealed: the end of the chain was exchanged."
    return None
