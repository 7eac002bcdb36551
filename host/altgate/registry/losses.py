"""What whoever opens a lost board can use: cards of its zone, and what opened that one door."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.protocol import messages
from altgate.registry.models import Credential, CredentialDoor, Door, Pass, PassDoor, Resident

KINDS = {messages.TYPE_CARD: "card", messages.TYPE_LEGACY_UID: "legacy-uid", messages.TYPE_PIN: "pin"}


def affected(session: Session, lost: Door) -> list[dict[str, Any]]:
    """Rows of what to revoke: kind, number, resident, and why; cards first."""
    zone = set(session.scalars(select(Door.id).where(Door.zone == lost.zone)))
    rows = []
    query = select(Credential).where(Credential.revoked_at.is_(None)).order_by(Credential.id)
    for one in session.scalars(query):
        at = set(session.scalars(select(CredentialDoor.door).where(CredentialDoor.credential == one.id)))
        is_copied = one.type == messages.TYPE_CARD and bool(at & zone)
        if is_copied or lost.id in at:
            rows.append(
                {
                    "kind": KINDS[one.type],
                    "number": one.id,
                    "resident": session.get_one(Resident, one.resident).name,
                    "why": "the zone's key lies on the board" if is_copied else "it opened this door",
                }
            )
    query_passes = select(Pass).join(PassDoor).where(PassDoor.door == lost.id, Pass.revoked_at.is_(None))
    for found in session.scalars(query_passes.order_by(Pass.id)):
        if found.not_after >= now_s():
            rows.append(
                {
                    "kind": "pass",
                    "number": found.pass_id.hex(),
                    "resident": found.note,
                    "why": "it opened this door",
                }
            )
    return sorted(rows, key=lambda row: row["kind"] != "card")
