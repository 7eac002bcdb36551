"""Credentials, door settings and revoked passes: one versioned state, replaced as a whole.

The first, simple form: one file, read into RAM. Record, 40 bytes little-endian: id u32, type u8, three zero
bytes, tag 16 bytes, not_before u32, not_after u32, unit u32, resident u32. The file is a CBOR map
{1: version, 2: settings map, 3: records, 4: revoked passes (8-byte id and u32 not_after each), 5: notices,
the newest last (u32 version and SHA-256 each), 6: Unix seconds until which every pass is refused, because
more were revoked than there is room to name}.
"""

import struct

from altgate.access.record import Record
from altgate.crypto import cbor
from altgate.store import files
from protocol import limits, messages, reasons

PATH = files.ROOT + "/state.bin"
RECORD = 40
_FORMAT = "<IBxxx16sIIII"
_REVOKED = 12
_NOTICE = 36
_NOTICES = 8
_MOST = 96 + limits.CREDENTIALS * (RECORD + _REVOKED) + _NOTICES * _NOTICE

# number: (lowest, highest, factory value)
SETTINGS = {
    messages.SETTING_LEGACY_UID: (0, 1, 0),
    messages.SETTING_RELEASE_S: (limits.RELEASE_S_MIN, limits.RELEASE_S_MAX, limits.RELEASE_S),
    messages.SETTING_HELD_OPEN_S: (limits.HELD_OPEN_S_MIN, limits.HELD_OPEN_S_MAX, limits.HELD_OPEN_S),
    messages.SETTING_FACE: (0, 1, 0),
    messages.SETTING_LEASE_S: (limits.LEASE_S_MIN, limits.LEASE_S_MAX, limits.LEASE_S),
    messages.SETTING_FACE_UNPROVED: (0, 1, 0),
}


class Refused(Exception):
    """A change of state that was not applied; ``reason`` says why."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Credentials:
    """What may open this door, as the host last said."""

    def __init__(self, path=PATH):
        self._path = path
        self.version = 0
        self._settings = {}
        self._records = b""
        self._revoked = b""
        self._notices = b""
        self._no_pass_until = 0
        try:
            stored = files.read(path, _MOST)
        except files.Damaged:
            # Nothing that does not check may open: the door says version 0, and the host sends all again.
            stored = None
        if stored is not None:
            state = cbor.decode(stored)
            self.version, self._settings = state[1], state[2]
            self._records, self._revoked = state[3], state[4]
            self._notices, self._no_pass_until = state.get(5, b""), state.get(6, 0)

    def setting(self, number):
        """The value of a setting in force."""
        return self._settings.get(number, SETTINGS[number][2])

    def find(self, type_, tag):
        """The Record of this type and tag, or None."""
        at = self._records.find(tag)
        while at >= 0:
            start = at - 8
            if start % RECORD == 0 and self._records[start + 4] == type_:
                row = struct.unpack_from(_FORMAT, self._records, start)
                return Record(row[0], row[6], row[3], row[4], 0, 0, False)
            at = self._records.find(tag, at + 1)
        return None

    def has_unit(self, unit):
        """Whether a PIN is registered for this unit number."""
        for start in range(0, len(self._records), RECORD):
            row = struct.unpack_from(_FORMAT, self._records, start)
            if row[1] == messages.TYPE_PIN and row[5] == unit:
                return True
        return False

    def is_pass_revoked(self, pass_id, now):
        """Whether the host took this pass back, or that cannot be told; now: Unix seconds, 0 for unknown."""
        if self._no_pass_until and not now >= self._no_pass_until:
            return True
        at = self._revoked.find(pass_id)
        while at >= 0 and at % _REVOKED:
            at = self._revoked.find(pass_id, at + 1)
        return at >= 0

    @property
    def notice(self):
        """SHA-256 of the notice in force, or None where none was published."""
        return self._notices[-32:] or None

    def old_notices(self):
        """SHA-256 of the notices before, as far as they are kept."""
        starts = range(0, len(self._notices) - _NOTICE, _NOTICE)
        return [self._notices[at + 4 : at + _NOTICE] for at in starts]

    def draft(self, message, now):
        """The state that a message asks for, for keep(); changes nothing. Raises Refused.

        now: Unix seconds, or 0 where unknown; revoked passes that have ended are dropped by it.
        """
        base = message.get(messages.BASE_VERSION)
        new = message.get(messages.NEW_VERSION)
        operations = message.get(messages.OPERATIONS)
        is_snapshot = message.get(messages.IS_SNAPSHOT, False)
        if type(base) is not int or type(new) is not int or type(operations) is not list or new <= base:
            raise Refused(reasons.BAD_SHAPE)
        if base != self.version and not is_snapshot or new <= self.version:
            raise Refused(reasons.VERSION_MISMATCH)
        draft = _Draft(self, is_snapshot, now, new)
        for operation in operations:
            draft.apply(operation)
        return draft

    def keep(self, draft, packed):
        """Store a draft, ``packed`` by itself, and put it in force; raises OSError and keeps the old."""
        files.write(self._path, packed)
        self.version, self._settings = draft.version, draft.settings
        self._records, self._revoked = bytes(draft.records), bytes(draft.revoked)
        self._notices, self._no_pass_until = bytes(draft.notices), draft.no_pass_until


class _Draft:
    """The state to be, while the operations of one message are applied to it.

    ended: (consent, state) to end, and forgotten: residents to forget, before the draft is kept: should the
    power go in between, the same message comes again, and ending twice changes nothing.
    """

    def __init__(self, current, is_empty, now, version):
        self.version = version
        self.settings = {} if is_empty else dict(current._settings)
        self.records = bytearray(b"" if is_empty else current._records)
        self.notices = bytearray(b"" if is_empty else current._notices)
        self.no_pass_until = 0 if is_empty or now >= current._no_pass_until else current._no_pass_until
        self.ended, self.forgotten = [], []
        self.revoked = bytearray()
        for at in range(0, 0 if is_empty else len(current._revoked), _REVOKED):
            row = current._revoked[at : at + _REVOKED]
            if not now or struct.unpack("<I", row[8:])[0] > now:
                self.revoked.extend(row)

    def packed(self):
        """The draft as the file's content."""
        state = {1: self.version, 2: self.settings, 3: self.records, 4: self.revoked, 5: self.notices}
        state[6] = self.no_pass_until
        return cbor.encode(state)

    def apply(self, operation):
        if type(operation) is not list or not operation or type(operation[0]) is not int:
            raise Refused(reasons.BAD_OPERATION)
        handler = _OPERATIONS.get(operation[0])
        if handler is None:
            raise Refused(reasons.BAD_OPERATION)
        handler(self, *_checked(operation))

    def put(self, id_, type_, tag, not_before, not_after, unit, resident):
        if type_ not in (messages.TYPE_CARD, messages.TYPE_LEGACY_UID, messages.TYPE_PIN):
            raise Refused(reasons.BAD_OPERATION)
        self.delete(id_)
        if len(self.records) >= limits.CREDENTIALS * RECORD:
            raise Refused(reasons.TABLE_FULL)
        self.records.extend(struct.pack(_FORMAT, id_, type_, tag, not_before, not_after, unit, resident))

    def delete(self, id_):
        for start in range(0, len(self.records), RECORD):
            if struct.unpack_from("<I", self.records, start)[0] == id_:
                self.records = self.records[:start] + self.records[start + RECORD :]
                return

    def set(self, number, value):
        bounds = SETTINGS.get(number)
        if bounds is None or not bounds[0] <= value <= bounds[1]:
            raise Refused(reasons.SETTING_OUT_OF_RANGE)
        self.settings[number] = value

    def revoke_pass(self, pass_id, not_after):
        if len(self.revoked) >= limits.CREDENTIALS * _REVOKED:
            # Taking back must always work: with no room to name this one, no pass opens until it has ended.
            self.no_pass_until = max(self.no_pass_until, not_after)
            return
        self.revoked.extend(pass_id + struct.pack("<I", not_after))

    def notice(self, version, sha256):
        row = struct.pack("<I", version) + sha256
        if self.notices[-_NOTICE:] != row:
            self.notices = (self.notices + row)[-_NOTICES * _NOTICE :]

    def end_consent(self, consent, state):
        if state not in messages.CONSENT_ENDED:
            raise Refused(reasons.BAD_OPERATION)
        self.ended.append((consent, state))

    def forget(self, resident):
        self.forgotten.append(resident)


# What stands behind the operation's number: "u" an unsigned 32-bit number, an int a byte string so long.
_SHAPES = {
    messages.OP_PUT: ("u", "u", limits.TAG_BYTES, "u", "u", "u", "u"),
    messages.OP_DELETE: ("u",),
    messages.OP_SETTING: ("u", "u"),
    messages.OP_REVOKE_PASS: (8, "u"),
    messages.OP_NOTICE: ("u", 32),
    messages.OP_END_CONSENT: (32, "u"),
    messages.OP_FORGET: ("u",),
}
_OPERATIONS = {
    messages.OP_PUT: _Draft.put,
    messages.OP_DELETE: _Draft.delete,
    messages.OP_SETTING: _Draft.set,
    messages.OP_REVOKE_PASS: _Draft.revoke_pass,
    messages.OP_NOTICE: _Draft.notice,
    messages.OP_END_CONSENT: _Draft.end_consent,
    messages.OP_FORGET: _Draft.forget,
}


def _checked(operation):
    shape = _SHAPES[operation[0]]
    if len(operation) != len(shape) + 1:
        raise Refused(reasons.BAD_OPERATION)
    for value, wanted in zip(operation[1:], shape):
        if wanted == "u":
            good = type(value) is int and 0 <= value <= 0xFFFFFFFF
        else:
            good = type(value) is bytes and len(value) == wanted
        if not good:
            raise Refused(reasons.BAD_OPERATION)
    return operation[1:]
