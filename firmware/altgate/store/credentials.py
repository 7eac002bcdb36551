"""Who may enter, and the door's settings, revoked passes and notices: one versioned state.

What a state message brings is first written to a log as one entry, and from then on it is in force.
Credentials then go from there into the table (store.table); where the power went in between, the next start
does it again. Everything else lives in the log and in RAM. An entry is a CBOR map {1: version, 2: generation
of the table, 3: settings map, 4: revoked passes (8-byte id and u32 not_after each), 5: notices, the newest
last (u32 version and SHA-256 each), 6: Unix seconds until which every pass is refused, because more were
revoked than there is room to name, 7: credentials to put (44 bytes each), 8: keys to take out (type u8, unit
u32, id u32, tag 16)}; a change leaves out what it does not touch, a summary has all but 7 and 8.
"""

import asyncio
import struct

from altgate.access.record import Record
from altgate.crypto import cbor
from altgate.store import table
from altgate.store.log import Log
from protocol import limits, messages, reasons

_SUMMARY, _CHANGE = 1, 2
_VERSION, _GENERATION, _SETTINGS, _REVOKED, _NOTICES, _NO_PASS_UNTIL, _PUTS, _DELETES = range(1, 9)
_KEY = "<BII16s"
_KEY_BYTES = 25
_PASS = 12
_NOTICE = 36
_NOTICES_KEPT = 8
_TRIES = 3

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
    """What may open this door, as the host last said.

    log, credentials: esp32.Partition each. ``damaged``: how much did not check since the start. Where the
    log is damaged the version is 0, so that the host sends everything again; what can be read holds on.
    """

    def __init__(self, log, credentials):
        self.version = 0
        self._settings = {}
        self._revoked = self._notices = b""
        self._no_pass_until = 0
        self._log = Log(log)
        generation, last = 1, {}
        for _, content in self._log.entries():
            try:
                last = cbor.decode(content)
            except cbor.CborError:
                self._log.damaged += 1
                continue
            self._take(last)
            generation = last.get(_GENERATION, generation)
        self._table = table.Table(credentials, generation)
        self._finish(_rows(last.get(_PUTS, b"")), _keys(last.get(_DELETES, b"")))
        if self._log.damaged:
            self.version = 0

    def _finish(self, puts, deletes):
        """Bring into the table what the log's last entry says; again where a worn sector had to move."""
        for _ in range(_TRIES):
            try:
                for step in self._table.plan(puts, deletes):
                    self._table.do(step)
                return
            except OSError:
                continue
            except table.Full:
                break
        self._log.damaged += 1

    @property
    def damaged(self):
        """How many slots, sectors and entries did not check."""
        return self._log.damaged + self._table.bad

    def setting(self, number):
        """The value of a setting in force."""
        return self._settings.get(number, SETTINGS[number][2])

    def find(self, type_, tag, unit=0):
        """The Record of this type and tag, or None; ``unit`` counts for a PIN only."""
        found = self._table.find(type_, tag, unit)
        if found is None:
            return None
        _, id_, resident, _, not_before, not_after = found[:6]
        return Record(id_, resident, not_before, not_after, 0, 0, False)

    def has_unit(self, unit):
        """Whether a PIN is registered for this unit number."""
        return self._table.has_unit(unit)

    def is_pass_revoked(self, pass_id, now):
        """Whether the host took this pass back, or that cannot be told; now: Unix seconds, 0 for unknown."""
        if self._no_pass_until and not now >= self._no_pass_until:
            return True
        at = self._revoked.find(pass_id)
        while at >= 0 and at % _PASS:
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
        """The change that a message asks for, for keep(); changes nothing. Raises Refused.

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
        draft = _Draft(self, bool(is_snapshot), now, new)
        for operation in operations:
            draft.apply(operation)
        return draft

    def prepare(self, draft):
        """Find a place for each credential of a draft; raises Refused where there is none, OSError."""
        before = self._table.generation
        # A snapshot is a new generation of the table, which is empty.
        self._table.generation = before + draft.is_snapshot
        try:
            draft.steps = self._table.plan(draft.rows(), () if draft.is_snapshot else draft.deletes)
        except table.Full:
            raise Refused(reasons.TABLE_FULL)
        finally:
            self._table.generation = before

    async def keep(self, draft):
        """Store a draft that was prepared, and put it in force.

        Raises OSError where the flash refuses, and the same change must be prepared and kept again.
        """
        if draft.is_snapshot:
            self._log.begin(_SUMMARY, draft.summary(self._table.generation + 1))
            self._table.generation += 1
        else:
            entry = draft.change(self)
            if len(entry) > self._log.room():
                self._log.begin(_SUMMARY, self._summary())
                await asyncio.sleep_ms(0)
            self._log.append(_CHANGE, entry)
        for step in draft.steps:
            await asyncio.sleep_ms(0)
            self._table.do(step)
        # Only now: should a step have failed, the same change comes again.
        self._take(draft.entry(), draft.version)

    def _take(self, entry, version=None):
        self.version = version or entry[_VERSION]
        self._settings = entry.get(_SETTINGS, self._settings)
        self._revoked = entry.get(_REVOKED, self._revoked)
        self._notices = entry.get(_NOTICES, self._notices)
        self._no_pass_until = entry.get(_NO_PASS_UNTIL, self._no_pass_until)

    def _summary(self):
        """Everything in force but the credentials, which are in the table."""
        return cbor.encode(
            {
                _VERSION: self.version,
                _GENERATION: self._table.generation,
                _SETTINGS: self._settings,
                _REVOKED: self._revoked,
                _NOTICES: self._notices,
                _NO_PASS_UNTIL: self._no_pass_until,
            }
        )


class _Draft:
    """The change to be, while the operations of one message are applied to it.

    ended: (consent, state) to end, and forgotten: residents to forget, before the draft is kept: should the
    power go in between, the same message comes again, and ending twice changes nothing.
    """

    def __init__(self, current, is_snapshot, now, version):
        self.version = version
        self.is_snapshot = is_snapshot
        self.ended, self.forgotten = [], []
        self.puts, self.deletes = {}, set()
        self.steps = []  # of the table, as prepare() found them
        self.settings = {} if is_snapshot else dict(current._settings)
        self.notices = b"" if is_snapshot else current._notices
        self.no_pass_until = 0 if is_snapshot or now >= current._no_pass_until else current._no_pass_until
        self.revoked = bytearray()
        for at in range(0, 0 if is_snapshot else len(current._revoked), _PASS):
            passed = current._revoked[at : at + _PASS]
            if not now or struct.unpack_from("<I", passed, 8)[0] > now:
                self.revoked.extend(passed)

    def rows(self):
        """The credentials to put, as the table takes them."""
        return [table.row(*values) for values in self.puts.values()]

    def entry(self):
        """What is in force with it, as a log's entry has it."""
        return {
            _SETTINGS: self.settings,
            _REVOKED: bytes(self.revoked),
            _NOTICES: bytes(self.notices),
            _NO_PASS_UNTIL: self.no_pass_until,
        }

    def summary(self, generation):
        """The log's first entry, where this is all that holds."""
        entry = self.entry()
        entry.update({_VERSION: self.version, _GENERATION: generation, _PUTS: b"".join(self.rows())})
        return cbor.encode(entry)

    def change(self, current):
        """The log's entry, with what differs from ``current`` only."""
        before = (current._settings, current._revoked, current._notices, current._no_pass_until)
        entry = {_VERSION: self.version}
        for (key, value), old in zip(sorted(self.entry().items()), before):
            if value != old:
                entry[key] = value
        if self.puts:
            entry[_PUTS] = b"".join(self.rows())
        if self.deletes:
            entry[_DELETES] = b"".join([struct.pack(_KEY, *key) for key in sorted(self.deletes)])
        return cbor.encode(entry)

    def apply(self, operation):
        if type(operation) is not list or not operation or type(operation[0]) is not int:
            raise Refused(reasons.BAD_OPERATION)
        handler = _OPERATIONS.get(operation[0])
        if handler is None:
            raise Refused(reasons.BAD_OPERATION)
        handler(self, *_checked(operation))

    def put(self, id_, type_, tag, not_before, not_after, unit, resident):
        if type_ not in _TYPES:
            raise Refused(reasons.BAD_OPERATION)
        key = (type_, unit if type_ == messages.TYPE_PIN else 0, tag)
        self.deletes = {one for one in self.deletes if (one[0], one[1], one[3]) != key}
        self.puts[key] = (tag, id_, resident, 0, not_before, not_after, unit, type_, 0, 0, 0)

    def delete(self, id_, type_, tag, unit):
        if type_ not in _TYPES:
            raise Refused(reasons.BAD_OPERATION)
        key = (type_, unit if type_ == messages.TYPE_PIN else 0, tag)
        if key not in self.puts:
            self.deletes.add((type_, key[1], id_, tag))
        elif self.puts[key][1] == id_:
            # Put and taken back in one message: what was there before under this key is gone as well.
            del self.puts[key]
            self.deletes.add((type_, key[1], table.ANY_ID, tag))

    def set(self, number, value):
        bounds = SETTINGS.get(number)
        if bounds is None or not bounds[0] <= value <= bounds[1]:
            raise Refused(reasons.SETTING_OUT_OF_RANGE)
        self.settings[number] = value

    def revoke_pass(self, pass_id, not_after):
        if len(self.revoked) >= limits.REVOKED_PASSES * _PASS:
            # Taking back must always work: with no room to name this one, no pass opens until it has ended.
            self.no_pass_until = max(self.no_pass_until, not_after)
            return
        self.revoked.extend(pass_id + struct.pack("<I", not_after))

    def notice(self, version, sha256):
        row = struct.pack("<I", version) + sha256
        if self.notices[-_NOTICE:] != row:
            self.notices = (self.notices + row)[-_NOTICES_KEPT * _NOTICE :]

    def end_consent(self, consent, state):
        if state not in messages.CONSENT_ENDED:
            raise Refused(reasons.BAD_OPERATION)
        self.ended.append((consent, state))

    def forget(self, resident):
        self.forgotten.append(resident)


_TYPES = (messages.TYPE_CARD, messages.TYPE_LEGACY_UID, messages.TYPE_PIN)

# What stands behind the operation's number: "u" an unsigned 32-bit number, an int a byte string so long.
_SHAPES = {
    messages.OP_PUT: ("u", "u", limits.TAG_BYTES, "u", "u", "u", "u"),
    messages.OP_DELETE: ("u", "u", limits.TAG_BYTES, "u"),
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


def _rows(packed):
    return [packed[at : at + table.ROW] for at in range(0, len(packed), table.ROW)]


def _keys(packed):
    return [struct.unpack_from(_KEY, packed, at) for at in range(0, len(packed), _KEY_BYTES)]
