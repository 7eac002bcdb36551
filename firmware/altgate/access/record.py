"""What the door knows about one credential when it decides."""

from collections import namedtuple

# id: number of the credential; resident: pseudonym, 0 for none; not_before, not_after: Unix seconds, 0 for
# no bound, not_after is the first second at which it no longer opens; uses: how often it may open, 0 for
# any number; used: how often it has; is_revoked: taken back before its end; rule: a messages.RULE_ code;
# schedule: number of a schedule, 0 for any hour.
Record = namedtuple(
    "Record",
    ("id", "resident", "not_before", "not_after", "uses", "used", "is_revoked", "rule", "schedule"),
)

# is_legacy_uid_allowed: a manager turned UID-only cards on; locked_out_s: seconds until this unit's PIN is
# looked at again, 0 for now; is_time_trusted: windows and schedules can be judged; face: reasons.NONE where
# consent, notice and lease allow this resident's face to open, or why not (anything but NONE where nobody
# asked); first: Record of the credential that was shown just before and needs a second one, or None;
# is_untimed_open: schedules are let go while the time is not trusted; offset_s: the building's clock ahead of
# UTC.
DoorState = namedtuple(
    "DoorState",
    (
        "is_legacy_uid_allowed", "locked_out_s", "is_time_trusted", "face", "first", "is_untimed_open",
        "offset_s",
    ),
)  # fmt: skip
