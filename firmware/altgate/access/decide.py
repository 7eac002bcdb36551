"""The one place where access is granted."""

from collections import namedtuple

from altgate.access import schedule
from protocol import messages, reasons

Decision = namedtuple("Decision", ("is_granted", "reason"))


def decide(claim, record, periods, door, now):
    """Whether this claim opens this door now.

    claim: altgate.entry.claim.Claim. record: access.record.Record or None where no credential was found.
    periods: of the record's schedule (access.schedule), None where it opens at any hour. door:
    access.record.DoorState. now: Unix seconds, meaningless unless ``door.is_time_trusted``.
    Returns a Decision with a reason code of protocol.reasons. Pure: reads nothing else, changes nothing.
    """
    reason = _refusal(claim, record, door, now)
    if reason == reasons.GRANTED:
        reason = _hour_refusal(periods, door, now)
    if reason == reasons.GRANTED and record.rule != messages.RULE_SINGLE and not _is_second(record, door):
        reason = reasons.SECOND_NEEDED
    return Decision(reason == reasons.GRANTED, reason)


def _refusal(claim, record, door, now):
    if claim.fault != reasons.NONE:
        # A fault refuses, whatever its number: the one of "granted" too.
        return claim.fault or reasons.UNKNOWN_CREDENTIAL
    if claim.method == messages.METHOD_LEGACY_UID and not door.is_legacy_uid_allowed:
        return reasons.LEGACY_UID_OFF
    if claim.method == messages.METHOD_PIN and door.locked_out_s > 0:
        return reasons.LOCKED_OUT
    if claim.method == messages.METHOD_FACE and door.face != reasons.NONE:
        return door.face or reasons.FACE_OFF
    if record is None:
        return reasons.WRONG_PIN if claim.method == messages.METHOD_PIN else reasons.UNKNOWN_CREDENTIAL
    if record.is_revoked:
        return reasons.REVOKED
    if record.not_before or record.not_after:
        if not door.is_time_trusted:
            return reasons.TIME_UNKNOWN
        if now < record.not_before:
            return reasons.NOT_YET_VALID
        if record.not_after and now >= record.not_after:
            return reasons.EXPIRED
    if record.uses and record.used >= record.uses:
        return reasons.USED_UP
    return reasons.GRANTED


def _hour_refusal(periods, door, now):
    if periods is None or not door.is_time_trusted and door.is_untimed_open:
        return reasons.GRANTED
    if not door.is_time_trusted:
        return reasons.TIME_UNKNOWN
    return reasons.GRANTED if schedule.is_open(periods, now + door.offset_s) else reasons.OUTSIDE_SCHEDULE


def _is_second(record, door):
    """Whether this comes after another credential of the same resident."""
    first = door.first
    return bool(first and record.resident and first.resident == record.resident and first.id != record.id)
