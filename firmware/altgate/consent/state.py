"""Whether face may be used for one resident at one moment. Pure; the one place where that is judged."""

from collections import namedtuple

from protocol import limits, messages, reasons

# is_face_on, is_liveness_settled: the door's settings allow it, with the module it has. notice: SHA-256 of
# the notice in force, None for none. has_way: the card that the consent is bound to opens this door now.
# is_enrolled: there is a template. failures: face tries in a row. locked_s: seconds until the next is looked
# at. lease_s: seconds that the lease still runs.
Facts = namedtuple(
    "Facts",
    (
        "is_face_on",
        "is_liveness_settled",
        "notice",
        "has_way",
        "is_enrolled",
        "failures",
        "locked_s",
        "lease_s",
    ),
)


def to_enrol(consent, facts):
    """reasons.NONE where a template may be made now, or why not. consent: consent.register.Row or None."""
    if not facts.is_face_on:
        return reasons.FACE_OFF
    if consent is None or consent.state not in messages.CONSENT_LIVE:
        return reasons.NO_CONSENT
    if consent.acked not in messages.CONSENT_LIVE:
        return reasons.CONSENT_PENDING
    if consent.notice != facts.notice:
        return reasons.NOTICE_CHANGED
    if not facts.has_way:
        return reasons.NO_OTHER_WAY
    if not facts.is_liveness_settled:
        return reasons.LIVENESS_UNAVAILABLE
    return reasons.NONE


def to_open(consent, facts):
    """reasons.NONE where a face that was found alike may open now, or why not."""
    reason = to_enrol(consent, facts)
    if reason != reasons.NONE:
        return reason
    if not facts.is_enrolled:
        return reasons.NOT_ENROLLED
    return reasons.LEASE_ENDED if facts.lease_s <= 0 else reasons.NONE


def to_look(consent, facts):
    """reasons.NONE where a face may be looked at now, or why not: also not after too many wrong tries."""
    reason = to_open(consent, facts)
    if reason != reasons.NONE:
        return reason
    if facts.failures >= limits.FACE_ATTEMPTS_MAX:
        return reasons.FACE_STOPPED
    return reasons.LOCKED_OUT if facts.locked_s > 0 else reasons.NONE
