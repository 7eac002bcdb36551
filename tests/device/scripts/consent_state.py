"""state.py as a table: every combination of what can stand against a face, and the reason that is first."""

import random
from collections import namedtuple

from altgate.consent import state
from protocol import limits, messages, reasons

Consent = namedtuple("Consent", ("state", "acked", "notice"))
NOTICE, OTHER = b"n" * 32, b"o" * 32

# The order is part of the promise: whoever is refused hears of the first thing that stands in the way.
TO_ENROL = (
    reasons.FACE_OFF, reasons.NO_CONSENT, reasons.CONSENT_PENDING, reasons.NOTICE_CHANGED,
    reasons.NO_OTHER_WAY, reasons.LIVENESS_UNAVAILABLE,
)  # fmt: skip
TO_OPEN = TO_ENROL + (reasons.NOT_ENROLLED, reasons.LEASE_ENDED)
TO_LOOK = TO_OPEN + (reasons.FACE_STOPPED, reasons.LOCKED_OUT)


def first(order, against):
    for reason in order:
        if reason in against:
            return reason
    return reasons.NONE


def made(against):
    """A consent and the facts in which just these reasons hold; what does not matter is drawn."""
    pick = random.choice
    acked = pick((messages.CONSENT_GIVEN, messages.CONSENT_ENROLLED))
    if reasons.CONSENT_PENDING in against:
        acked = pick((0,) + messages.CONSENT_ENDED)
    consent = Consent(pick((messages.CONSENT_GIVEN, messages.CONSENT_ENROLLED)), acked, NOTICE)
    if reasons.NO_CONSENT in against:
        consent = pick((None, Consent(pick(messages.CONSENT_ENDED), acked, NOTICE)))
    facts = state.Facts(
        reasons.FACE_OFF not in against,
        reasons.LIVENESS_UNAVAILABLE not in against,
        pick((None, OTHER)) if reasons.NOTICE_CHANGED in against else NOTICE,
        reasons.NO_OTHER_WAY not in against,
        reasons.NOT_ENROLLED not in against,
        pick((limits.FACE_ATTEMPTS_MAX, 10**6)) if reasons.FACE_STOPPED in against
        else pick((0, limits.FACE_ATTEMPTS_MAX - 1)),
        pick((1, 3600)) if reasons.LOCKED_OUT in against else 0,
        pick((0, -1)) if reasons.LEASE_ENDED in against else pick((1, 86400)),
    )  # fmt: skip
    return consent, facts


for subset in range(1 << len(TO_LOOK)):
    against = [reason for bit, reason in enumerate(TO_LOOK) if subset >> bit & 1]
    for _ in range(3):
        consent, facts = made(against)
        before = (consent, facts)
        answers = state.to_enrol(consent, facts), state.to_open(consent, facts), state.to_look(consent, facts)
        wanted = first(TO_ENROL, against), first(TO_OPEN, against), first(TO_LOOK, against)
        assert answers == wanted, (against, answers, wanted)
        assert (consent, facts) == before

# States that are no consent, whatever else is said of them.
nothing_against = made(())[1]
for number in range(-1, 12):
    consent = Consent(number, messages.CONSENT_GIVEN, NOTICE)
    is_consent = number in (messages.CONSENT_GIVEN, messages.CONSENT_ENROLLED)
    assert (state.to_look(consent, nothing_against) == reasons.NONE) == is_consent, number
print("ok")
