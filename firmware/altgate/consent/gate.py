"""What everything that touches a face asks and tells: may it be used now, and what has changed.

Joins the register of consents, the templates, the lease and the door's settings. Taking back acts here first:
key and template are zeroed and read back before anything is written or sent.
"""

import hashlib
import os

from altgate.consent import state
from altgate.consent.lease import Lease
from altgate.consent.register import Row
from altgate.crypto import cbor, consteq, siv, tags
from protocol import limits, messages, reasons, statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Gate:
    """stores: (consent.register.Register, vault.templates.Templates or None where its flash is not to be had,
    store.credentials.Credentials).

    tries: access.lockout.Lockout over face and door PIN tries. clock: store.clock.DoorClock. who: the door's
    id, the number of this start, and the key of door PINs. record(kind, reason, method, credential, resident,
    detail): appends to the journal. monotonic_s(): seconds. gives_liveness: whether the face module says that
    it saw a living person.
    """

    def __init__(self, stores, tries, clock, who, record, monotonic_s, gives_liveness):
        self._register, self._credentials = stores[0], stores[2]
        self._templates: Any = stores[1]
        self._lease = Lease(lambda: self._credentials.setting(messages.SETTING_LEASE_S))
        self._tries = tries
        self._clock = clock
        self._door_id, self._boot, self._pin_key = who
        self._record = record
        self._now_s = monotonic_s
        self._gives_liveness = gives_liveness
        self._suspended = set()
        self.on_acknowledged = None  # called with the resident when the host has acknowledged
        self._finish_what_was_cut()

    @property
    def damaged(self):
        """What did not check: the register of consents, and templates since the start."""
        return self._register.is_damaged + (self._templates.damaged if self._templates else 1)

    # May it be used

    def look_refusal(self, resident):
        """reasons.NONE where a face may be looked at for this resident now, or why not."""
        row = self._register.of(resident)
        return state.to_look(row, self._facts(row))

    def open_refusal(self, resident):
        """reasons.NONE where a face that was found alike may open now, or why not."""
        row = self._register.of(resident)
        return state.to_open(row, self._facts(row))

    def enrol_refusal(self, resident):
        """reasons.NONE where a template may be made for this resident now, or why not."""
        row = self._register.of(resident)
        return state.to_enrol(row, self._facts(row))

    def named(self, number):
        """The resident with this personal number, or None where nobody here has it."""
        row = self._register.by_number(number)
        return row.resident if row else None

    def card_tag(self, resident):
        """Tag of the card that the resident's consent is bound to, or None."""
        row = self._register.of(resident)
        return row.tag if row else None

    def count_try(self, resident):
        """Store a face try before it is compared; raises OSError where the flash refuses."""
        self._tries.count(_face_key(resident), True, self._now_s())

    def clear_tries(self, resident):
        """The face was right: the count starts again; raises OSError."""
        self._tries.clear(_face_key(resident))

    def template(self, resident):
        """The resident's template in a bytearray to be wiped, or None where it does not open."""
        row = self._register.of(resident)
        key = self._templates.key(resident, row.consent)
        if key is None:
            return None
        try:
            return self._templates.open_(key, resident, row.consent)
        finally:
            siv.wipe(key)

    # Saying yes

    def pin_state(self, resident):
        """``(is_set, seconds until the next try)`` of a resident's door PIN."""
        left_s = self._tries.left_s(_pin_key(resident), True, self._now_s())
        return self._register.pin(resident) is not None, left_s

    def set_pin(self, resident, pin):
        """Keep a new door PIN; raises consent.register.Full, OSError."""
        self._register.set_pin(resident, self._pin_tag(resident, pin))

    def check_pin(self, resident, pin):
        """Whether this is the resident's door PIN; the try is stored first. Raises OSError."""
        self._tries.count(_pin_key(resident), True, self._now_s())
        kept = self._register.pin(resident)
        if kept is None or not consteq.consteq(self._pin_tag(resident, pin), kept):
            return False
        self._tries.clear(_pin_key(resident))
        return True

    def code_refusal(self, code):
        """reasons.NONE for the six digits of the notice in force, or why they are not."""
        notice = self._credentials.notice
        if notice is None:
            return reasons.NO_NOTICE
        if code == statements.notice_code(notice):
            return reasons.NONE
        is_old = any(code == statements.notice_code(old) for old in self._credentials.old_notices())
        return reasons.NOTICE_CODE_OLD if is_old else reasons.NOTICE_CODE_WRONG

    def give(self, resident, credential, tag):
        """The resident has said yes to the notice in force; raises consent.register.Full, OSError."""
        now = self._clock.now() if self._clock.is_trusted else 0
        nonce = os.urandom(limits.NONCE_BYTES)
        notice, quality = self._credentials.notice, self._clock.quality
        statement = statements.statement(
            self._door_id, resident, credential, notice, self._boot, now, quality, nonce
        )
        consent = hashlib.sha256(cbor.encode(statement)).digest()
        said = (resident, consent, notice, credential, tag, self._boot, now, quality, nonce)
        row = Row(*said, messages.CONSENT_GIVEN, 0, reasons.NONE, 0)
        self._register.add(row)
        self._templates.keep_only([one.consent for one in self._register.alive()])
        self._changed(consent, messages.CONSENT_GIVEN, reasons.NONE, credential, resident)

    async def enrol(self, resident, template):
        """Seal a template under the consent; False where that has ended meanwhile.

        Raises OSError where the flash refuses; nothing new is left then.
        """
        row = self._register.of(resident)
        await self._templates.store(resident, row.consent, template)
        now = self._register.of(resident)
        if now is None or now.consent != row.consent:
            # Storing takes several steps, and it was taken back in one of them.
            self._templates.erase(row.consent)
            return False
        try:
            self.clear_tries(resident)
            self._register.change(row.consent, state=messages.CONSENT_ENROLLED)
        except OSError:
            self._templates.erase(row.consent)
            raise
        self._changed(row.consent, messages.CONSENT_ENROLLED, reasons.NONE, row.credential, resident)
        return True

    # Taking back

    def end(self, consent, ending):
        """End a consent (32 bytes) with this state; False where it is not here, or has ended. OSError."""
        row = self._register.find(consent)
        if row is None or row.state not in messages.CONSENT_LIVE:
            return False
        try:
            if self._templates:
                self._templates.erase(consent)
            reason = reasons.NONE
        except OSError:
            # Worn flash: the consent is over all the same, and the record says that something may be left.
            reason = reasons.STORAGE_FAILED
        self._register.change(consent, state=ending, reason=reason)
        self._changed(consent, ending, reason, row.credential, row.resident)
        return True

    def withdraw(self, resident):
        """The resident takes it back at the door; False where there was nothing to take back. OSError."""
        row = self._register.of(resident)
        return row is not None and self.end(row.consent, messages.CONSENT_WITHDRAWN)

    def forget(self, resident):
        """End a resident's consent and forget their door PIN; raises OSError."""
        row = self._register.of(resident)
        if row:
            self.end(row.consent, messages.CONSENT_INVALIDATED)
        self._register.set_pin(resident, None)

    def wipe(self):
        """Zero every key and template, then forget every consent and door PIN; raises OSError."""
        try:
            if self._templates:
                self._templates.wipe()
        finally:
            self._register.wipe()

    def note_suspensions(self):
        """Record each consent whose card has just been taken away: face rests there from now on."""
        suspended = set()
        for row in self._register.alive():
            if not self._has_way(row):
                suspended.add(row.consent)
                if not row.acked:
                    # The host may never take a yes that was given with a card it does not know any more.
                    self.end(row.consent, messages.CONSENT_INVALIDATED)
                elif row.consent not in self._suspended:
                    self.refused(reasons.NO_OTHER_WAY, row.credential, row.resident)
        self._suspended = suspended

    def refused(self, reason, credential, resident):
        """Record a step of a ceremony that was refused."""
        self._record(messages.KIND_CEREMONY, reason, messages.METHOD_FACE, credential, resident, 0)

    # With the host

    def owed(self):
        """Rows of the register that the host has still to acknowledge."""
        return self._register.owed()

    def acknowledged(self, consent, acked, number):
        """The host has recorded a state of a consent; False where it is none of ours. Raises OSError."""
        row = self._register.find(consent)
        if row is None or row.state != acked or row.acked == acked:
            return row is not None and row.state == acked
        other = self._register.by_number(number)
        if other and other.consent != consent:
            # Two people with one number would be a search among several: nobody is named by it here.
            number = 0
        self._register.change(consent, acked=acked, number=number or row.number)
        self._lease.ask_soon()
        if self.on_acknowledged and acked in messages.CONSENT_LIVE:
            self.on_acknowledged(row.resident)
        return True

    def lease_question(self):
        """``(nonce, consents)`` where it is time to ask for a lease, else None."""
        in_force = self._register.in_force()
        if not in_force or not self._lease.is_due(self._now_s()):
            return None
        nonce, consents = os.urandom(limits.NONCE_BYTES), _hash(in_force)
        self._lease.ask(nonce, consents, self._now_s())
        return nonce, consents

    def lease_answer(self, nonce, consents):
        """Take an answer about the lease; False for one that is not good."""
        return self._lease.answer(nonce, consents, _hash(self._register.in_force()), self._now_s())

    def reconnected(self):
        """The host may be there again: ask for a lease at once."""
        self._lease.ask_soon()

    def _facts(self, row):
        setting = self._credentials.setting
        resident = row.resident if row else 0
        now_s = self._now_s()
        key = _face_key(resident)
        return state.Facts(
            self._templates is not None and bool(setting(messages.SETTING_FACE)),
            self._gives_liveness or bool(setting(messages.SETTING_FACE_UNPROVED)),
            self._credentials.notice,
            row is not None and self._has_way(row),
            row is not None and self._has_template(row),
            self._tries.failures(key),
            self._tries.left_s(key, True, now_s),
            self._lease.left_s(now_s),
        )

    def _has_template(self, row):
        return self._templates is not None and self._templates.has(row.consent)

    def _has_way(self, row):
        """Whether the card that a consent is bound to is still that credential, and may open this door.

        Hours and a second credential are for decide(): they hold for the face as for the card.
        """
        card = self._credentials.find(messages.TYPE_CARD, row.tag)
        if card is None or card.id != row.credential or card.resident != row.resident:
            return False
        if card.uses and card.used >= card.uses:
            return False
        if not card.not_before and not card.not_after:
            return True
        now = self._clock.now()
        is_in_time = card.not_before <= now and not (card.not_after and now >= card.not_after)
        return self._clock.is_trusted and is_in_time

    def _pin_tag(self, resident, pin):
        value = ("%d#%s" % (resident, pin)).encode()
        return tags.credential_tag(self._pin_key, messages.TYPE_PIN, value)

    def _changed(self, consent, new_state, reason, credential, resident):
        self._lease.ask_soon()
        detail = statements.event_detail(consent, new_state)
        self._record(messages.KIND_CONSENT, reason, messages.METHOD_FACE, credential, resident, detail)

    def _finish_what_was_cut(self):
        """Bring register and templates together after a cut: what was being erased is erased."""
        if self._register.is_damaged:
            # Without the consents no template may stay. The host ends them too when it hears this.
            self.refused(reasons.DAMAGED, 0, 0)
        if self._templates is None:
            return
        try:
            self._templates.keep_only([row.consent for row in self._register.alive()])
        except OSError:
            # Something that had to go is still there: no face at this door, and the record says so.
            self._templates = None
            self.refused(reasons.STORAGE_FAILED, 0, 0)
            return
        for row in self._register.alive():
            has = self._has_template(row)
            if row.state == messages.CONSENT_ENROLLED and not has:
                # Being erased when the power went, or not readable any more: either way it is over.
                self.end(row.consent, messages.CONSENT_INVALIDATED)
            elif row.state == messages.CONSENT_GIVEN and has:
                self._register.change(row.consent, state=messages.CONSENT_ENROLLED)


def _hash(in_force):
    return hashlib.sha256(statements.in_force(in_force)).digest()


# Tries are counted per resident beside those of the units, whose keys are far smaller.
def _face_key(resident):
    return 0x40000000 | resident & 0x3FFFFFFF


def _pin_key(resident):
    return 0x80000000 | resident & 0x3FFFFFFF
