"""Whether a door gets a lease: only while it holds exactly the consents that the register holds in force."""

import hashlib

from sqlalchemy.orm import Session

from altgate.consent import records, states
from altgate.protocol import statements
from altgate.registry.models import Door


def refusal(session: Session, door: Door, held: bytes) -> str | None:
    """Why a door gets no lease, None where it gets one. held: the hash of what it has in force."""
    ours = hashlib.sha256(statements.in_force(records.in_force(session, door))).digest()
    if held == ours:
        return None
    waiting = sum(states.is_pending(consent) for consent in records.listed(session, door=door))
    if waiting:
        return f"it has not confirmed {waiting} ended consent{'s' if waiting > 1 else ''}"
    return "it holds other consents than the register"
