"""Who may enter, and the door's settings, revoked passes, notices and schedules: one versioned state.

What a state message brings is first written to a log as one entry, and from then on it is in force.
Credentials then go from there into the table (store.table); where the power went in between, the next start
does it again. Everything else lives in the log and in RAM. An entry is a CBOR map by the keys of store.draft:
version, generation of the table, what is in force beside the credentials, credentials to put (44 bytes each)
and keys to take out (type u8, unit u32, id u32, tag 16); a change leaves out what it does not touch, a
summary has all but the last two.
"""

import asyncio
import struct

from altgate.access.record import Record
from altgate.crypto import cbor
from altgate.store import draft, table
from altgate.store.log import Log
from protocol import messages, reasons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SUMMARY, _CHANGE = 1, 2
_KEY_BYTES = 25
_TRIES = 3

# What a damaged log must not leave on: later entries may have said otherwise.
_LETTING_IN = (
    messages.SETTING_LEGACY_UID, messages.SETTING_FACE, messages.SETTING_FACE_UNPROVED,
    messages.SETTING_SCHEDULE_UNTIMED,
)  # fmt: skip


class Credentials:
    """What may open this door, as the host last said.

    log, credentials: esp32.Partition each. ``damaged``: how much did not check since the start. Where the
    log is damaged the version is 0, so that the host sends everything again; what can be read holds on, but
    for what lets more in: until then no pass opens, and settings that were off by nature are off.
    """

    def __init__(self, log, credentials):
        self.version = 0
        self._held = dict(draft.EMPTY)
        self.uses: Any = None  # store.pass_uses.PassUses; without it nothing with a number of uses opens
        self._log = Log(log)
        generation, last = 0, {}  # 0: not known
        for _, content in self._log.entries():
            try:
                last = cbor.decode(content)
            except cbor.CborError:
                self._log.damaged += 1
                continue
            self._take(last)
            generation = last.get(draft.GENERATION, generation)
        self._table = table.Table(credentials, generation)
        if not generation and self._table.generation:
            # The table tells that there was a log.
            self._log.damaged = self._log.damaged or 1
        elif not generation:
            self._table.generation = 1
        # Behind the last entry that can be read there may have been one that took these out again.
        puts = b"" if self._log.damaged else last.get(draft.PUTS, b"")
        self._finish(_rows(puts), _keys(last.get(draft.DELETES, b"")))
        if self._log.damaged:
            self.version = 0
            settings = self._held[draft.SETTINGS].items()
            self._held[draft.SETTINGS] = {key: value for key, value in settings if key not in _LETTING_IN}
            self._held[draft.SCHEDULES] = {}

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
        """How many slots, sectors and entries did not check, those of the uses too."""
        return self._log.damaged + self._table.bad + (self.uses.damaged if self.uses else 0)

    def setting(self, number):
        """The value of a setting in force."""
        return self._held[draft.SETTINGS].get(number, draft.BOUNDS[number][2])

    def find(self, type_, tag, unit=0):
        """The Record of this type and tag, or None; ``unit`` counts for a PIN only."""
        found = self._table.find(type_, tag, unit)
        if found is None:
            return None
        _, id_, resident, _, not_before, not_after = found[:6]
        rule, schedule, uses = found[8:]
        used = self.uses.used_credential(id_) if uses and self.uses else uses
        return Record(id_, resident, not_before, not_after, uses, used, False, rule, schedule)

    def schedule(self, number):
        """The periods of a schedule, none where the door does not know it; None for 0, at any hour."""
        return self._held[draft.SCHEDULES].get(number, b"") if number else None

    @property
    def time_zone(self):
        """Changes of the time zone, for access.schedule."""
        return self._held[draft.TIME_ZONE]

    def has_unit(self, unit):
        """Whether a PIN is registered for this unit number."""
        return self._table.has_unit(unit)

    def is_pass_revoked(self, pass_id, now):
        """Whether the host took this pass back, or that cannot be told; now: Unix seconds, 0 for unknown."""
        held = self._held
        if held[draft.NO_PASS_UNTIL] > now or held[draft.REST_DUE] or self._log.damaged and not self.version:
            return True
        revoked = held[draft.REVOKED]
        at = revoked.find(pass_id)
        while at >= 0 and at % draft.PASS:
            at = revoked.find(pass_id, at + 1)
        return at >= 0

    @property
    def notice(self):
        """SHA-256 of the notice in force, or None where none was published."""
        return self._held[draft.NOTICES][-32:] or None

    def old_notices(self):
        """SHA-256 of the notices before, as far as they are kept."""
        notices = self._held[draft.NOTICES]
        starts = range(0, len(notices) - draft.NOTICE, draft.NOTICE)
        return [notices[at + 4 : at + draft.NOTICE] for at in starts]

    def draft(self, message, now):
        """The change that a message asks for, for keep(); changes nothing. Raises Refused.

        now: Unix seconds, or 0 where unknown; revoked passes that have ended are dropped by it.
        """
        base = message.get(messages.BASE_VERSION)
        new = message.get(messages.NEW_VERSION)
        operations = message.get(messages.OPERATIONS)
        is_snapshot = message.get(messages.IS_SNAPSHOT, False)
        if type(base) is not int or type(new) is not int or type(operations) is not list or new <= base:
            raise draft.Refused(reasons.BAD_SHAPE)
        if base != self.version and not is_snapshot or new <= self.version:
            raise draft.Refused(reasons.VERSION_MISMATCH)
        has_more = bool(message.get(messages.HAS_MORE, False))
        made = draft.Draft(self._held, bool(is_snapshot), now, new, has_more)
        for operation in operations:
            made.apply(operation)
        return made

    def prepare(self, change):
        """Find a place for each credential of a draft; raises Refused where there is none, OSError."""
        before = self._table.generation
        # A snapshot is a new generation of the table, which is empty.
        self._table.generation = before + change.is_snapshot
        try:
            change.steps = self._table.plan(change.rows(), () if change.is_snapshot else change.deletes)
            if change.is_snapshot and not change.steps:
                # Should the log not tell one day, the table does: the generation before is over.
                change.steps = [table.EMPTY]
        except table.Full:
            raise draft.Refused(reasons.TABLE_FULL)
        finally:
            self._table.generation = before

    async def keep(self, change):
        """Store a draft that was prepared, and put it in force.

        Raises OSError where the flash refuses, and the same change must be prepared and kept again.
        """
        if change.is_snapshot:
            self._log.begin(_SUMMARY, change.summary(self._table.generation + 1))
            self._table.generation += 1
        else:
            entry = change.change(self._held)
            if len(entry) > self._log.room():
                self._log.begin(_SUMMARY, self._summary())
                await asyncio.sleep_ms(0)
            self._log.append(_CHANGE, entry)
        kept = [values[1] for values in change.puts.values()]
        for step in change.steps:
            await asyncio.sleep_ms(0)
            self._table.do(step)
            if self.uses and type(step[2]) is int and step[2] not in kept:
                self.uses.forget_credential(step[2])
        # Only now: should a step have failed, the same change comes again.
        self._take(change.held(), change.version)

    def _take(self, entry, version=None):
        self.version = version or entry[draft.VERSION]
        for key in self._held:
            self._held[key] = entry.get(key, self._held[key])

    def _summary(self):
        """Everything in force but the credentials, which are in the table."""
        entry = dict(self._held)
        entry.update({draft.VERSION: self.version, draft.GENERATION: self._table.generation})
        return cbor.encode(entry)


def _rows(packed):
    return [packed[at : at + table.ROW] for at in range(0, len(packed), table.ROW)]


def _keys(packed):
    return [struct.unpack_from(draft.KEY, packed, at) for at in range(0, len(packed), _KEY_BYTES)]
