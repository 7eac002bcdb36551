"""The way of a claim: look up, count, decide, release, record. The strike moves before the flash does,
except where a count must be kept first: a PIN's try, the use of a pass or of a credential with a number."""

import asyncio

from altgate.access import schedule
from altgate.access.decide import Decision, decide
from altgate.access.record import DoorState, Record
from protocol import limits, messages, reasons

# The proof was right, whatever else stands against it: its tries start again.
_PROVED = (
    reasons.GRANTED, reasons.SECOND_NEEDED, reasons.OUTSIDE_SCHEDULE, reasons.TIME_UNKNOWN,
    reasons.NOT_YET_VALID, reasons.EXPIRED, reasons.USED_UP,
)  # fmt: skip


class Desk:
    """Joins the stores, decide() and the door.

    credentials, lockout, clock: the stores. release(seconds): lets the strike go.
    record(reason, method, credential, resident, detail): appends to the journal. signals: lamp and tone.
    monotonic_s(): seconds that never go back. gate: consent.gate.Gate. Set
    on_decided to be told of (claim, record or None, is_granted).
    """

    def __init__(self, credentials, lockout, clock, release, record, signals, monotonic_s, gate):
        self._gate = gate
        # Record that needs a second one, when it was shown, and the version of the state then
        self._first = (None, 0, 0)
        self.on_decided = _nothing
        self._credentials = credentials
        self._lockout = lockout
        self._clock = clock
        self._release = release
        self._record = record
        self._signals = signals
        self._monotonic_s = monotonic_s

    async def submit(self, claim):
        """Decide one claim and act on it; returns the Decision."""
        locked_s = 0
        record = None
        try:
            if claim.method == messages.METHOD_PIN:
                locked_s, record = self._count_and_find(claim)
            elif claim.pass_:
                record = self._pass_record(claim.pass_)
            elif claim.tag:
                record = self._credentials.find(claim.type, claim.tag)
            decision = self._decide(claim, record, locked_s)
            if self._keep_first(claim, record, decision):
                # Storing and acting are a step each: together they would be a long one.
                await asyncio.sleep_ms(0)
        except OSError:
            # What must be kept could not be kept: nothing opens on a promise that the flash did not take.
            decision = Decision(False, reasons.STORAGE_FAILED)
        if decision.is_granted:
            self._first = (None, 0, 0)
        elif decision.reason == reasons.SECOND_NEEDED:
            self._first = (record, self._monotonic_s(), self._credentials.version)
        self._act(decision)
        await asyncio.sleep_ms(0)
        detail = int.from_bytes(claim.pass_[0], "big") if claim.pass_ else claim.unit
        credential, resident = (record.id, record.resident) if record else (0, 0)
        self._record(decision.reason, claim.method, credential, resident, detail)
        self.on_decided(claim, record, decision.is_granted)
        return decision

    def _decide(self, claim, record, locked_s):
        is_uid_allowed = bool(self._credentials.setting(messages.SETTING_LEGACY_UID))
        face = reasons.FACE_OFF
        if claim.method == messages.METHOD_FACE and record:
            # Asked again: consent may have ended while the face was looked at.
            face = self._gate.open_refusal(record.resident)
        now, held = self._clock.now(), self._credentials
        state = DoorState(
            is_uid_allowed,
            locked_s,
            self._clock.is_trusted,
            face,
            self._still_first(),
            bool(held.setting(messages.SETTING_SCHEDULE_UNTIMED)),
            schedule.offset_s(held.time_zone, now),
        )
        return decide(claim, record, held.schedule(record.schedule) if record else None, state, now)

    def _still_first(self):
        """The Record that waits for a second one; None once the time is over, or anything was changed."""
        record, shown_s, version = self._first
        is_late = self._monotonic_s() - shown_s > limits.SECOND_S
        return None if is_late or version != self._credentials.version else record

    def _count_and_find(self, claim):
        now = self._monotonic_s()
        is_known = self._credentials.has_unit(claim.unit)
        left = self._lockout.left_s(claim.unit, is_known, now)
        if left:
            return left, None
        # The try is stored before anything is compared: a power cut gives no free guess.
        self._lockout.count(claim.unit, is_known, now)
        return 0, self._credentials.find(claim.type, claim.tag, claim.unit) if claim.tag else None

    def _pass_record(self, pass_):
        pass_id, not_before, not_after, uses = pass_[:4]
        now = self._clock.now() if self._clock.is_trusted else 0
        is_revoked = self._credentials.is_pass_revoked(pass_id, now)
        used = self._credentials.uses.used(pass_id)
        return Record(0, 0, not_before, not_after, uses, used, is_revoked, 0, 0)

    def _keep_first(self, claim, record, decision):
        """Store what must be kept before anything opens; says whether that took a step of its own."""
        if claim.fault != reasons.NONE or record is None or decision.reason not in _PROVED:
            return False
        if claim.method == messages.METHOD_PIN:
            self._lockout.clear(claim.unit)
        if claim.method == messages.METHOD_FACE:
            self._gate.clear_tries(record.resident)
        if not decision.is_granted:
            return False
        if claim.pass_ and claim.pass_[3]:
            self._credentials.uses.count(claim.pass_[0], claim.pass_[2], self._clock.now())
        elif record.uses:
            self._credentials.uses.count_credential(record.id, record.not_after, self._clock.now())
        return claim.method == messages.METHOD_PIN or record.uses > 0 or claim.pass_ is not None

    def _act(self, decision):
        if decision.is_granted:
            self._release(self._credentials.setting(messages.SETTING_RELEASE_S))
            self._signals.granted()
        elif decision.reason == reasons.SECOND_NEEDED:
            self._signals.wait_for_next(limits.SECOND_S)
        else:
            self._signals.refused()


def _nothing(claim, record, is_granted):
    """Default of on_decided."""
