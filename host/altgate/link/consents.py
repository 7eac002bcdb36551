"""What a door says of a consent, and what it is told back; the fields of both messages."""

from altgate.consent import states
from altgate.consent.states import Said
from altgate.errors import BadMessage
from altgate.link import sealed
from altgate.link.orders import Answer
from altgate.protocol import limits, messages, reasons, topics
from altgate.registry.models import Door, Resident

CHAINED = ("boot", "reason", "credential", "resident", "time", "time_quality")  # columns of a record, as said
HASH_BYTES = 32


def said(content: dict[int, object]) -> Said:
    """The fields of up/consent; raises BadMessage for one that is missing or of another shape."""
    one = Said(
        consent=sealed.octets(content, messages.CONSENT, HASH_BYTES),
        resident=sealed.number(content, messages.RESIDENT),
        credential=sealed.number(content, messages.CREDENTIAL),
        notice=sealed.octets(content, messages.NOTICE, HASH_BYTES),
        boot=sealed.number(content, messages.BOOT),
        time=sealed.number(content, messages.TIME),
        time_quality=sealed.number(content, messages.TIME_QUALITY),
        nonce=sealed.octets(content, messages.NONCE, limits.NONCE_BYTES),
        state=sealed.number(content, messages.CONSENT_STATE),
        reason=sealed.number(content, messages.REASON),
    )
    if one.state not in states.NAMES:
        raise BadMessage(reasons.BAD_SHAPE, "not a state of a consent")
    return one


def recorded(door: Door, one: Said, resident: Resident) -> Answer:
    """down/consent: the host has this state on record. A consent that goes on tells the personal number."""
    answer = {
        messages.EPOCH: door.epoch,
        messages.CONSENT: one.consent,
        messages.CONSENT_STATE: one.state,
    }
    if one.state not in messages.CONSENT_ENDED:
        answer[messages.PERSONAL_NUMBER] = resident.personal_number
    return topics.DOWN_CONSENT, answer


def leased(door: Door, nonce: bytes, held: bytes) -> Answer:
    """down/lease: the door may go by the consents that it holds."""
    answer = {messages.EPOCH: door.epoch, messages.NONCE: nonce, messages.CONSENTS: held}
    return topics.DOWN_LEASE, answer
