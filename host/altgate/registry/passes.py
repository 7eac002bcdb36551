"""QR passes: a text that each of its doors checks by itself, with a tag of its own."""

import base64
import secrets
import struct

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.errors import Refused
from altgate.keys.derive import pass_tag
from altgate.protocol import limits, messages
from altgate.registry import doors as door_registry
from altgate.registry.models import Door, Pass, PassDoor, Resident
from altgate.registry.site import Site

PREFIX = "AG1:"
HEAD = struct.Struct(">B8sIIB")  # version, pass id, not before, not after, uses


def find(session: Session, text: str) -> Pass:
    """A pass in use, by its id in hexadecimal; raises Refused where there is none."""
    found = session.scalars(select(Pass).where(Pass.revoked_at.is_(None))).all()
    for one in found:
        if one.pass_id.hex() == text.lower():
            return one
    raise Refused(f"No pass {text!r} is in use: see altgate pass list.")


def issue(
    site: Site,
    session: Session,
    doors: list[Door],
    validity: tuple[int, int],
    uses: int,
    note: str,
    resident: Resident | None,
) -> tuple[Pass, str]:
    """A new pass and its text; raises Refused for bad doors, no end, or too many uses."""
    not_before, not_after = validity
    if not 1 <= len(doors) <= limits.PASS_DOORS or len({door.id for door in doors}) != len(doors):
        raise Refused(f"A pass opens 1 to {limits.PASS_DOORS} doors: name each once with --door.")
    if not not_after:
        raise Refused("A pass needs an end: give --until.")
    if not 0 <= uses <= limits.USES:
        raise Refused(f"--uses {uses} is outside 0 to {limits.USES}: choose 0 for any number.")
    pass_id = secrets.randbits(messages.DETAIL_BITS).to_bytes(8, "big")
    head = HEAD.pack(1, pass_id, not_before, not_after, uses)
    body = bytes([len(doors)])
    for door in doors:
        body += bytes.fromhex(door.door_id) + pass_tag(door_registry.key(site, door), head, door.door_id)
    issued = Pass(
        pass_id=pass_id,
        resident=resident.pseudonym if resident else None,
        note=note,
        uses=uses,
        not_before=not_before,
        not_after=not_after,
        created_at=now_s(),
        actor=site.actor,
    )
    session.add(issued)
    session.flush()
    session.add_all([PassDoor(pass_=issued.id, door=door.id) for door in doors])
    site.record(session, "pass issued", pass_id.hex())
    return issued, PREFIX + base64.urlsafe_b64encode(head + body).rstrip(b"=").decode()


def revoke(site: Site, session: Session, one: Pass) -> None:
    """Have every door of a pass refuse it until it would have ended by itself."""
    one.revoked_at = now_s()
    for link in one.doors:
        door = session.get_one(Door, link.door)
        if door.removed_at is None:
            operation: list[object] = [messages.OP_REVOKE_PASS, one.pass_id, one.not_after]
            door_registry.operate(site, session, door, operation)
    site.record(session, "pass revoked", one.pass_id.hex())
