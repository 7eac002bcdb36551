"""Schedules: on which days and at which hours, in the building's local time. Pure, as decide() is.

Periods and changes of the time zone are packed as protocol.messages says of OP_SCHEDULE and OP_TIME_ZONE.
"""

import struct

_PERIOD, _CHANGE = "<BHH", "<Ih"
PERIOD_BYTES, CHANGE_BYTES = 5, 6
_DAY_S, _DAY_MIN = 86400, 1440
_MOST_OFFSET_MIN = 14 * 60
_THURSDAY = 3  # 1970-01-01


def is_open(periods, local_s):
    """Whether a schedule lets somebody in; local_s: seconds since 1970 by the building's clock."""
    day, minute = (local_s // _DAY_S + _THURSDAY) % 7, local_s % _DAY_S // 60
    for at in range(0, len(periods), PERIOD_BYTES):
        days, first, last = struct.unpack_from(_PERIOD, periods, at)
        if days >> day & 1 and first <= minute < last:
            return True
    return False


def offset_s(changes, now):
    """Seconds that the building's clock is ahead of UTC at ``now`` (Unix seconds); 0 where nothing says."""
    found = 0
    for at in range(0, len(changes), CHANGE_BYTES):
        since, minutes = struct.unpack_from(_CHANGE, changes, at)
        if since <= now:
            found = minutes * 60
    return found


def are_periods(packed, most):
    """Whether this is a list of at most so many periods, each of some day and some minute."""
    if len(packed) % PERIOD_BYTES or len(packed) > most * PERIOD_BYTES:
        return False
    rows = [struct.unpack_from(_PERIOD, packed, at) for at in range(0, len(packed), PERIOD_BYTES)]
    return all(0 < days < 128 and first < last <= _DAY_MIN for days, first, last in rows)


def are_changes(packed, most):
    """Whether this is a list of at most so many changes of the time zone, the oldest first."""
    if len(packed) % CHANGE_BYTES or len(packed) > most * CHANGE_BYTES:
        return False
    before = -1
    for at in range(0, len(packed), CHANGE_BYTES):
        since, minutes = struct.unpack_from(_CHANGE, packed, at)
        if since <= before or abs(minutes) > _MOST_OFFSET_MIN:
            return False
        before = since
    return True
