"""What may become of a consent: forward only. An end is for good, whatever is heard afterwards.

Pure: both the register and the audit, which goes through the records again, move a consent by these steps.
"""

import hashlib
from dataclasses import dataclass

import cbor2

from altgate.protocol import messages, reasons, statements
from altgate.registry.models import Consent

RESIDENT = "resident"  # as ended_by; followed by a colon and the pseudonym as the actor of a record
MANAGER = "manager:"
DOOR = "door"

ACTION_WITHDRAWN = "consent withdrawn"
ACTION_REVOKED = "consent revoked"
ACTION_LOST = "consent lost with its board"
ACTION_DAMAGED = "consent lost in its door's flash"

NAMES = {
    messages.CONSENT_GIVEN: "given",
    messages.CONSENT_ENROLLED: "enrolled",
    messages.CONSENT_WITHDRAWN: "withdrawn",
    messages.CONSENT_REVOKED: "revoked",
    messages.CONSENT_INVALIDATED: "invalidated",
}
DPV_NAMES = {
    messages.CONSENT_GIVEN: "ConsentGiven",
    messages.CONSENT_ENROLLED: "ConsentGiven",
    messages.CONSENT_WITHDRAWN: "ConsentWithdrawn",
    messages.CONSENT_REVOKED: "ConsentRevoked",
    messages.CONSENT_INVALIDATED: "ConsentInvalidated",
}


@dataclass(frozen=True)
class Said:
    """One message of a door about a consent; the fields up to ``nonce`` belong to the statement."""

    consent: bytes
    resident: int
    credential: int
    notice: bytes
    boot: int
    time: int
    time_quality: int
    nonce: bytes
    state: int
    reason: int

    def is_whole(self, door_id: str) -> bool:
        """Whether the hash that names the consent is that of this statement at this door."""
        return self.consent == digest(
            statements.statement(
                door_id,
                self.resident,
                self.credential,
                self.notice,
                self.boot,
                self.time,
                self.time_quality,
                self.nonce,
            )
        )


def digest(statement: list[object]) -> bytes:
    """SHA-256 of a statement in deterministic CBOR."""
    return hashlib.sha256(cbor2.dumps(statement, canonical=True)).digest()


def is_in_force(consent: Consent) -> bool:
    """Whether it was given and has not ended."""
    return consent.state not in messages.CONSENT_ENDED


def is_pending(consent: Consent) -> bool:
    """Whether it has ended and its door, which is still there, has not said that it erased the template."""
    return not is_in_force(consent) and consent.erased_at is None and consent.lost_at is None


def first(said: Said, door: int, at_s: int) -> Consent:
    """A consent as its door reports it for the first time, in whatever state that is."""
    consent = Consent(
        consent=said.consent,
        door=door,
        resident=said.resident,
        credential=said.credential,
        notice=said.notice,
        boot=said.boot,
        time=said.time,
        time_quality=said.time_quality,
        nonce=said.nonce,
        state=messages.CONSENT_GIVEN,
        given_at=at_s,
    )
    hear(consent, said, at_s)
    return consent


def hear(consent: Consent, said: Said, at_s: int) -> None:
    """Take what the door says of a consent; never a step back."""
    state = said.state
    if state in messages.CONSENT_ENDED:
        _end(consent, state, RESIDENT if state == messages.CONSENT_WITHDRAWN else DOOR, at_s)
        # A door whose flash did not take the zeros says so: then nobody can claim that all is erased.
        if said.reason != reasons.STORAGE_FAILED:
            consent.erased_at = consent.erased_at or at_s
    elif state == messages.CONSENT_ENROLLED:
        consent.enrolled_at = consent.enrolled_at or at_s
        if is_in_force(consent):
            consent.state = state


def end(consent: Consent, by: str, at_s: int) -> None:
    """End it on the host's side: ``by`` is ``resident`` or ``manager:<name>``."""
    state = messages.CONSENT_WITHDRAWN if by == RESIDENT else messages.CONSENT_REVOKED
    _end(consent, state, by, at_s)


def lose(consent: Consent, by: str, at_s: int) -> None:
    """Its board is gone: whether the template was erased will not be heard any more."""
    _end(consent, messages.CONSENT_INVALIDATED, by, at_s)
    consent.lost_at = at_s


def _end(consent: Consent, state: int, by: str, at_s: int) -> None:
    if is_in_force(consent):
        consent.state, consent.ended_at, consent.ended_by = state, at_s, by
