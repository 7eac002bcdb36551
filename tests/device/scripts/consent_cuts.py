"""Power cut at every flash operation of taking back, saying yes and enrolling, in three ways.

After a cut and a start: what was taken back does not come back, no template is there without its consent, and
of two consents of one resident one is in force. Planted bugs must be caught. Argument: path of a flash file.
"""

import asyncio
import os
import sys

from altgate.consent.gate import Gate
from altgate.crypto import siv
from altgate.link import session
from altgate.store.draft import Refused
from altgate.vault import templates
from consent_door import CARD, DOOR, VECTOR, WRAP, Door, delete
from protocol import messages, reasons, topics
from vault_flash import every_cut

OTHER_VECTOR = bytes(range(196, 0, -1))
drawn = []


class Os:
    """What templates.py takes of os, and the keys that it drew."""

    @staticmethod
    def urandom(count):
        drawn.append(os.urandom(count))
        return drawn[-1]


class Lost(Exception):
    """Something came back, or is there without leave."""


class RegisterFirst(Gate):
    """Writes that it has ended before the key is gone."""

    def end(self, consent, ending):
        row = self._register.find(consent)
        if row is None or row.state in messages.CONSENT_ENDED:
            return False
        self._register.change(consent, state=ending)
        self._templates.erase(consent)
        return True


class Unfinished(Gate):
    """Leaves what was cut as it is."""

    def _finish_what_was_cut(self):
        pass


async def version_first(self, fields):
    """Says that it has a change of state before it has done it."""
    try:
        draft = self._credentials.draft(fields, 0)
    except Refused:
        return []
    self._credentials.prepare(draft)
    await self._credentials.keep(draft)
    for consent, state in draft.ended:
        self._gate.end(consent, state)
    for resident in draft.forgotten:
        self._gate.forget(resident)
    return []


class Kept(Gate):
    """Ends a consent and leaves its template."""

    def end(self, consent, ending):
        row = self._register.find(consent)
        return bool(row) and self._register.change(consent, state=ending)

    def _finish_what_was_cut(self):
        pass


class Work:
    """A door on which residents 3 and 4 have said yes and are enrolled."""

    def __init__(self, gate_kind=Gate, state_handler=session.Session._state):
        try:
            os.unlink(sys.argv[1])
        except OSError:
            pass
        Door.gate_kind = gate_kind
        session._HANDLERS[topics.DOWN_STATE] = state_handler
        self.door = Door(sys.argv[1])
        self.door.gate.set_pin(3, "246813")
        drawn.clear()
        self.consent = self.door.say_yes()
        self.wrapped = self.wrap(drawn[0])
        self.other = self.door.say_yes(4, 8, b"u" * 16, OTHER_VECTOR, 222222)
        self.version = self.door.credentials.version
        self.begun = 0

    def wrap(self, key):
        bound = (templates.VERSION, DOOR.encode(), (3).to_bytes(4, "little"), self.consent)
        return bytes(siv.seal(WRAP, key, bound))

    def start(self):
        self.door.start()
        self.begun = self.door.flash.operations()
        self.door.lease()

    def key_is_there(self):
        return self.door.flash.image().find(self.wrapped) >= 0

    def run(self, act, check):
        def begin():
            self.start()
            act(self)

        return every_cut(self.door.flash, begin, lambda at, how: check(self, at, how))

    def must_be(self, resident, allowed):
        reason = self.door.gate.look_refusal(resident)
        if reason not in allowed:
            raise Lost((resident, reason))

    def others_are_as_before(self):
        self.must_be(4, (reasons.NONE,))
        if bytes(self.door.gate.template(4)) != OTHER_VECTOR:
            raise Lost("another's template")


def withdraw(work):
    work.door.gate.withdraw(3)


def withdrawn(work, at, how):
    """Once anything at all has changed, face is over for good."""
    is_untouched = at == 1 and how == "clean"
    done = work.door.flash.operations() > work.begun
    if done and work.key_is_there():
        raise Lost("the key outlived the first operation")
    for _ in range(2):
        work.start()
        work.must_be(3, (reasons.NONE,) if is_untouched else (reasons.NO_CONSENT,))
        if not is_untouched:
            gone(work)
        work.others_are_as_before()


def gone(work):
    """No template under the consent, and no key of it in the flash."""
    if work.door.templates.has(work.consent) or work.key_is_there():
        raise Lost("a template without consent")
    if work.door.gate.enrol_refusal(3) != reasons.NO_CONSENT:
        raise Lost("a consent that was taken back")


def end_message(work):
    """What the host sends when somebody takes it back on their page."""
    end = [messages.OP_END_CONSENT, work.consent, messages.CONSENT_WITHDRAWN]
    return work.door.state(work.version, end)


def forget_message(work):
    return work.door.state(work.version, [messages.OP_FORGET, 3], delete(7, CARD))


def told(work, message):
    work.door.take(topics.DOWN_STATE, message(work))


def told_again(work, message, is_forgotten):
    """The version is behind the erasure, and the same message finishes what was begun."""
    work.start()
    if work.door.credentials.version > work.version:
        gone(work)
    for _ in range(2):
        work.door.take(topics.DOWN_STATE, message(work))
        if work.door.credentials.version != work.version + 1:
            raise Lost("the version")
        work.must_be(3, (reasons.NO_CONSENT,))
        gone(work)
        if is_forgotten and work.door.gate.pin_state(3)[0]:
            raise Lost("the door PIN")
        work.start()
    work.others_are_as_before()


def enrol_again(work):
    drawn.clear()
    asyncio.run(work.door.gate.enrol(3, bytearray(OTHER_VECTOR)))


def enrolled_again(work, at, how):
    """The old template or the new one."""
    work.start()
    work.must_be(3, (reasons.NONE,))
    if bytes(work.door.gate.template(3)) not in (VECTOR, OTHER_VECTOR):
        raise Lost("neither template")
    work.others_are_as_before()


def enrolled_first(work, at, how):
    """Enrolled, or free to be."""
    work.start()
    consent = work.door.register.of(3)
    if consent is None or consent.acked != messages.CONSENT_GIVEN:
        raise Lost("the consent")
    work.must_be(3, (reasons.NONE, reasons.NOT_ENROLLED))
    is_there = work.door.templates.has(consent.consent)
    if is_there != (consent.state == messages.CONSENT_ENROLLED):
        raise Lost("state and template differ")
    work.others_are_as_before()


def give_again(work):
    work.door.gate.give(3, 7, CARD)


def given_again(work, at, how):
    """The old consent with its template, or the new one without any; never both, never something between."""
    work.start()
    row = work.door.register.of(3)
    if row is None:
        raise Lost("no consent")
    if row.consent == work.consent:
        work.must_be(3, (reasons.NONE,))
        if bytes(work.door.gate.template(3)) != VECTOR:
            raise Lost("the old template")
    else:
        work.must_be(3, (reasons.CONSENT_PENDING,))
        old = work.door.register.find(work.consent)
        if old.state != messages.CONSENT_INVALIDATED or work.key_is_there():
            raise Lost("the old consent")
        if work.door.templates.has(work.consent) or work.door.templates.has(row.consent):
            raise Lost("a template without consent")
        if work.door.gate.acknowledged(work.consent, messages.CONSENT_GIVEN, 1):
            raise Lost("the old consent was acknowledged")
    work.others_are_as_before()


def must_fail(act, check, **kinds):
    try:
        Work(**kinds).run(act, check)
    except (Lost, AttributeError, TypeError):
        return
    raise AssertionError("the planted bug was not caught: %s" % kinds)


templates.os = Os
cuts = Work().run(withdraw, withdrawn)
cuts += Work().run(
    lambda work: told(work, end_message), lambda work, at, how: told_again(work, end_message, False)
)
cuts += Work().run(
    lambda work: told(work, forget_message), lambda work, at, how: told_again(work, forget_message, True)
)
cuts += Work().run(enrol_again, enrolled_again)
cuts += Work().run(give_again, given_again)
first = Work()
first.consent = first.door.give()
cuts += first.run(enrol_again, enrolled_first)

must_fail(withdraw, withdrawn, gate_kind=RegisterFirst)
must_fail(withdraw, withdrawn, gate_kind=Unfinished)
must_fail(withdraw, withdrawn, gate_kind=Kept)
must_fail(
    lambda work: told(work, end_message), lambda work, at, how: told_again(work, end_message, False),
    state_handler=version_first,
)  # fmt: skip
must_fail(give_again, given_again, gate_kind=Unfinished)
print("cuts", cuts)
