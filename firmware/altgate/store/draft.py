"""A change of a door's state while it is made: what one message asks for, checked operation by operation.

What is in force beside the credentials is a dict by the keys below, as the state's log has it: settings
(map), revoked passes (8-byte id and u32 not_after each), notices, the newest last (u32 version and SHA-256
each), Unix seconds until which every pass is refused, because more were revoked than there is room to name,
schedules (map of number and periods), changes of the time zone, and 1 while the rest of a snapshot is due:
what it takes back is not known yet, and no pass opens.
"""

import struct

from altgate.access import schedule
from altgate.crypto import cbor
from altgate.store import table
from protocol import limits, messages, reasons

VERSION, GENERATION, SETTINGS, REVOKED, NOTICES, NO_PASS_UNTIL, PUTS, DELETES = range(1, 9)
SCHEDULES, TIME_ZONE, REST_DUE = 9, 10, 11
EMPTY = {
    SETTINGS: {}, REVOKED: b"", NOTICES: b"", NO_PASS_UNTIL: 0, SCHEDULES: {}, TIME_ZONE: b"", REST_DUE: 0,
}  # fmt: skip
KEY = "<BII16s"
PASS = 12
NOTICE = 36
_NOTICES_KEPT = 8

# number of a setting: (lowest, highest, factory value)
BOUNDS = {
    messages.SETTING_LEGACY_UID: (0, 1, 0),
    messages.SETTING_RELEASE_S: (limits.RELEASE_S_MIN, limits.RELEASE_S_MAX, limits.RELEASE_S),
    messages.SETTING_HELD_OPEN_S: (limits.HELD_OPEN_S_MIN, limits.HELD_OPEN_S_MAX, limits.HELD_OPEN_S),
    messages.SETTING_FACE: (0, 1, 0),
    messages.SETTING_LEASE_S: (limits.LEASE_S_MIN, limits.LEASE_S_MAX, limits.LEASE_S),
    messages.SETTING_FACE_UNPROVED: (0, 1, 0),
    messages.SETTING_SCHEDULE_UNTIMED: (0, 1, 0),
}


class Refused(Exception):
    """A change of state that was not applied; ``reason`` says why."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Draft:
    """From what is in force; ``version``: the one to be. Revoked passes that have ended are dropped.

    ended: (consent, state) to end, and forgotten: residents to forget, before the draft is kept: should the
    power go in between, the same message comes again, and ending twice changes nothing.
    """

    def __init__(self, held, is_snapshot, now, version, has_more):
        self.version = version
        self.is_snapshot = is_snapshot
        self.ended, self.forgotten = [], []
        self.puts, self.deletes = {}, set()
        self.steps = []  # of the table, as Credentials.prepare() found them
        self._held = dict(EMPTY if is_snapshot else held)
        for key in (SETTINGS, SCHEDULES):
            self._held[key] = dict(self._held[key])
        self._held[REST_DUE] = int(has_more and (is_snapshot or self._held[REST_DUE] > 0))
        if now >= self._held[NO_PASS_UNTIL]:
            self._held[NO_PASS_UNTIL] = 0
        self._revoked = bytearray()
        for at in range(0, len(self._held[REVOKED]), PASS):
            passed = self._held[REVOKED][at : at + PASS]
            if not now or struct.unpack_from("<I", passed, 8)[0] > now:
                self._revoked.extend(passed)

    def rows(self):
        """The credentials to put, as the table takes them."""
        return [table.row(*values) for values in self.puts.values()]

    def held(self):
        """What is in force with it beside the credentials."""
        self._held[REVOKED] = bytes(self._revoked)
        return self._held

    def summary(self, generation):
        """The log's first entry, where this is all that holds."""
        entry = dict(self.held())
        entry.update({VERSION: self.version, GENERATION: generation, PUTS: b"".join(self.rows())})
        return cbor.encode(entry)

    def change(self, held):
        """The log's entry, with what differs from ``held`` only."""
        entry = {key: value for key, value in self.held().items() if value != held[key]}
        entry[VERSION] = self.version
        if self.puts:
            entry[PUTS] = b"".join(self.rows())
        if self.deletes:
            entry[DELETES] = b"".join([struct.pack(KEY, *key) for key in sorted(self.deletes)])
        return cbor.encode(entry)

    def apply(self, operation):
        """Take one operation in; raises Refused."""
        if type(operation) is not list or not operation or type(operation[0]) is not int:
            raise Refused(reasons.BAD_OPERATION)
        handler = _OPERATIONS.get(operation[0])
        if handler is None:
            raise Refused(reasons.BAD_OPERATION)
        handler(self, *_checked(operation))

    def _put(self, id_, type_, tag, not_before, not_after, unit, resident, household, rule, schedule_, uses):
        # Of two credentials that are used together neither could count for itself.
        if type_ not in _TYPES or rule not in _RULES or uses and rule:
            raise Refused(reasons.BAD_OPERATION)
        if schedule_ > limits.SCHEDULES or uses > limits.USES:
            raise Refused(reasons.BAD_OPERATION)
        key = (type_, unit if type_ == messages.TYPE_PIN else 0, tag)
        self.deletes = {one for one in self.deletes if (one[0], one[1], one[3]) != key}
        bounds = (not_before, not_after, unit, type_, rule, schedule_, uses)
        self.puts[key] = (tag, id_, resident, household) + bounds

    def _delete(self, id_, type_, tag, unit):
        if type_ not in _TYPES:
            raise Refused(reasons.BAD_OPERATION)
        key = (type_, unit if type_ == messages.TYPE_PIN else 0, tag)
        if key not in self.puts:
            self.deletes.add((type_, key[1], id_, tag))
        elif self.puts[key][1] == id_:
            # Put and taken back in one message: what was there before under this key is gone as well.
            del self.puts[key]
            self.deletes.add((type_, key[1], table.ANY_ID, tag))

    def _set(self, number, value):
        bounds = BOUNDS.get(number)
        if bounds is None or not bounds[0] <= value <= bounds[1]:
            raise Refused(reasons.SETTING_OUT_OF_RANGE)
        self._held[SETTINGS][number] = value

    def _revoke_pass(self, pass_id, not_after):
        if len(self._revoked) >= limits.REVOKED_PASSES * PASS:
            # Taking back must always work: with no room to name this one, no pass opens until it has ended.
            self._held[NO_PASS_UNTIL] = max(self._held[NO_PASS_UNTIL], not_after)
            return
        self._revoked.extend(pass_id + struct.pack("<I", not_after))

    def _notice(self, version, sha256):
        row = struct.pack("<I", version) + sha256
        if self._held[NOTICES][-NOTICE:] != row:
            self._held[NOTICES] = (self._held[NOTICES] + row)[-_NOTICES_KEPT * NOTICE :]

    def _schedule(self, number, periods):
        if not 0 < number <= limits.SCHEDULES or not schedule.are_periods(periods, limits.SCHEDULE_PERIODS):
            raise Refused(reasons.BAD_OPERATION)
        self._held[SCHEDULES][number] = periods
        if not periods:
            del self._held[SCHEDULES][number]

    def _time_zone(self, changes):
        if not schedule.are_changes(changes, limits.TIME_ZONE_CHANGES):
            raise Refused(reasons.BAD_OPERATION)
        self._held[TIME_ZONE] = changes

    def _end_consent(self, consent, state):
        if state not in messages.CONSENT_ENDED:
            raise Refused(reasons.BAD_OPERATION)
        self.ended.append((consent, state))

    def _forget(self, resident):
        self.forgotten.append(resident)


_TYPES = (messages.TYPE_CARD, messages.TYPE_LEGACY_UID, messages.TYPE_PIN)
_RULES = (messages.RULE_SINGLE, messages.RULE_DUAL)

# What stands behind the operation's number: "u" an unsigned 32-bit number, "b" a byte string, an int one so
# long.
_SHAPES = {
    messages.OP_PUT: ("u", "u", limits.TAG_BYTES, "u", "u", "u", "u", "u", "u", "u", "u"),
    messages.OP_DELETE: ("u", "u", limits.TAG_BYTES, "u"),
    messages.OP_SETTING: ("u", "u"),
    messages.OP_REVOKE_PASS: (8, "u"),
    messages.OP_NOTICE: ("u", 32),
    messages.OP_END_CONSENT: (32, "u"),
    messages.OP_FORGET: ("u",),
    messages.OP_SCHEDULE: ("u", "b"),
    messages.OP_TIME_ZONE: ("b",),
}
_OPERATIONS = {
    messages.OP_PUT: Draft._put,
    messages.OP_DELETE: Draft._delete,
    messages.OP_SETTING: Draft._set,
    messages.OP_REVOKE_PASS: Draft._revoke_pass,
    messages.OP_NOTICE: Draft._notice,
    messages.OP_END_CONSENT: Draft._end_consent,
    messages.OP_FORGET: Draft._forget,
    messages.OP_SCHEDULE: Draft._schedule,
    messages.OP_TIME_ZONE: Draft._time_zone,
}


def _checked(operation):
    shape = _SHAPES[operation[0]]
    if len(operation) != len(shape) + 1:
        raise Refused(reasons.BAD_OPERATION)
    for value, wanted in zip(operation[1:], shape):
        if wanted == "u":
            good = type(value) is int and 0 <= value <= 0xFFFFFFFF
        else:
            good = type(value) is bytes and wanted in ("b", len(value))
        if not good:
            raise Refused(reasons.BAD_OPERATION)
    return operation[1:]
