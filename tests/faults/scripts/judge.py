"""What a claim comes to: decide() as the desk asks it, with nothing in the way but what the claim lacks."""

from altgate.access.decide import decide
from altgate.access.record import DoorState
from protocol import reasons

# UID-only cards are off, nobody is locked out, time is known, and face is not what is claimed.
_STATE = DoorState(False, 0, True, reasons.NO_CONSENT, None, False, 0)


def is_opened(claim, record, now=1):
    """Whether this claim opens the door, with this record for it."""
    return decide(claim, record, None, _STATE, now).is_granted
