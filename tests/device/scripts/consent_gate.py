"""The gate on real stores: who may be looked at, what is told, and what happens at the same time as something
else. Arguments: path of a flash file to make, the name of one of the functions below.
"""

import asyncio
import hashlib
import os
import sys

import consent_door
from altgate.consent import gate as gate_module
from altgate.consent.register import Full, Row
from consent_door import CARD, CONSENTS, NEW_NOTICE, NOTICE, NOW, OTHER_CARD, PIN_KEY, VECTOR, Door, delete
from protocol import limits, messages, reasons, statements, topics

GIVEN, ENROLLED = messages.CONSENT_GIVEN, messages.CONSENT_ENROLLED


def new_door():
    try:
        os.unlink(sys.argv[1])
    except OSError:
        pass
    return Door(sys.argv[1])


def events(door, kind):
    return [event[1:] for event in door.events if event[0] == kind]


def off_until_asked():
    """Each step of saying yes is needed, and none gives more than its own."""
    door = new_door()
    gate = door.gate
    looks = lambda: (gate.enrol_refusal(3), gate.look_refusal(3))  # noqa: E731
    assert looks() == (reasons.NO_CONSENT,) * 2 and gate.lease_question() is None
    assert gate.card_tag(3) is None and gate.named(123456) is None and gate.owed() == []
    gate.give(3, 7, CARD)
    assert looks() == (reasons.CONSENT_PENDING,) * 2 and gate.lease_question() is None
    row = gate.owed()[0]
    told = []
    gate.on_acknowledged = told.append
    # Not another consent's acknowledgement, not that of a state that is not the present one, no ending.
    for consent, state in ((b"x" * 32, GIVEN), (row.consent[:31] + b"x", GIVEN), (row.consent, ENROLLED),
                           (row.consent, 0), (row.consent, messages.CONSENT_WITHDRAWN), (b"", GIVEN)):
        assert not gate.acknowledged(consent, state, 123456), (consent, state)
    assert looks() == (reasons.CONSENT_PENDING,) * 2 and told == [] and gate.named(123456) is None
    assert gate.acknowledged(row.consent, GIVEN, 123456) and told == [3] and gate.named(123456) == 3
    assert looks() == (reasons.NONE, reasons.NOT_ENROLLED)
    # Acknowledging it again changes nothing.
    assert gate.acknowledged(row.consent, GIVEN, 777777) and told == [3] and gate.named(777777) is None
    asyncio.run(gate.enrol(3, bytearray(VECTOR)))
    assert looks() == (reasons.NONE, reasons.LEASE_ENDED) and gate.owed()[0].state == ENROLLED
    assert door.lease() and looks() == (reasons.NONE, reasons.NONE)
    assert bytes(gate.template(3)) == VECTOR and gate.card_tag(3) == CARD
    # Nobody else got anything by it.
    assert gate.look_refusal(4) == reasons.NO_CONSENT and gate.look_refusal(0) == reasons.NO_CONSENT
    kinds = [(reason, credential, resident, detail & 0xFF) for reason, credential, resident, detail
             in events(door, messages.KIND_CONSENT)]  # fmt: skip
    assert kinds == [(reasons.NONE, 7, 3, GIVEN), (reasons.NONE, 7, 3, ENROLLED)]
    assert events(door, messages.KIND_CONSENT)[0][3] >> 8 == int.from_bytes(row.consent[:6], "big")


def settings_and_notice():
    door = new_door()
    door.say_yes()
    gate = door.gate
    refusal = lambda: gate.look_refusal(3)  # noqa: E731
    door.apply([messages.OP_SETTING, messages.SETTING_FACE, 0])
    assert refusal() == reasons.FACE_OFF
    door.apply([messages.OP_SETTING, messages.SETTING_FACE, 1])
    assert refusal() == reasons.NONE
    # A new notice suspends, also one that is said to be of the same version.
    door.apply([messages.OP_NOTICE, 1, NEW_NOTICE])
    assert refusal() == gate.open_refusal(3) == gate.enrol_refusal(3) == reasons.NOTICE_CHANGED
    assert gate.code_refusal(statements.notice_code(NOTICE)) == reasons.NOTICE_CODE_OLD
    assert gate.code_refusal(statements.notice_code(NEW_NOTICE)) == reasons.NONE
    assert gate.code_refusal("000000") == gate.code_refusal("") == reasons.NOTICE_CODE_WRONG
    door.start()
    door.lease()
    assert door.gate.look_refusal(3) == reasons.NOTICE_CHANGED
    # Whoever says yes to the new one is enrolled anew: the old template is not carried over.
    door.give()
    assert door.gate.look_refusal(3) == reasons.NOT_ENROLLED
    # A module that cannot tell a person from a picture is not used until somebody answers for that.
    door.enrol()
    door.lease()
    assert door.gate.look_refusal(3) == reasons.NONE
    door.is_proved = False
    door.start()
    door.lease()
    assert door.gate.look_refusal(3) == reasons.LIVENESS_UNAVAILABLE
    door.apply([messages.OP_SETTING, messages.SETTING_FACE_UNPROVED, 1])
    assert door.gate.look_refusal(3) == reasons.NONE
    no_notice = new_door()
    no_notice.take(topics.DOWN_STATE, {
        messages.BASE_VERSION: 0, messages.NEW_VERSION: 9, messages.OPERATIONS: [],
        messages.IS_SNAPSHOT: True,
    })  # fmt: skip
    assert no_notice.credentials.version == 9 and no_notice.gate.code_refusal("123456") == reasons.NO_NOTICE


def bound_card():
    """Without the very card of the consent, face rests, from the message that took it on."""
    put = lambda id_, tag, first, last, resident: [  # noqa: E731
        messages.OP_PUT, id_, messages.TYPE_CARD, tag, first, last, 0, resident, 0, 0, 0, 0,
    ]  # fmt: skip
    changes = (
        (delete(7, CARD),),
        (delete(7, CARD), put(7, b"v" * 16, 0, 0, 3)),  # another card under the number
        (put(9, CARD, 0, 0, 3), delete(7, CARD)),  # the card under another number
        (put(7, CARD, 0, 0, 4),),  # it is somebody else's now
        (put(7, CARD, 0, NOW, 3),),
        (put(7, CARD, NOW + 3600, 0, 3),),
        (delete(7, CARD), [messages.OP_PUT, 7, messages.TYPE_LEGACY_UID, CARD, 0, 0, 0, 3, 0, 0, 0, 0]),
    )
    for change in changes:
        door = new_door()
        door.say_yes()
        door.say_yes(4, 8, OTHER_CARD, number=222222)
        door.events = []
        door.apply(*change)
        assert door.gate.look_refusal(3) == door.gate.open_refusal(3) == reasons.NO_OTHER_WAY, change
        assert door.gate.look_refusal(4) == reasons.NONE
        assert events(door, messages.KIND_CEREMONY) == [(reasons.NO_OTHER_WAY, 7, 3, 0)]
        # It is told once, and still so after a start.
        door.apply([messages.OP_SETTING, messages.SETTING_RELEASE_S, 9])
        assert len(events(door, messages.KIND_CEREMONY)) == 1
        door.start()
        door.lease()
        assert door.gate.look_refusal(3) == reasons.NO_OTHER_WAY
    # A card of any other kind is no card, and one with an end needs the time.
    door = new_door()
    door.apply(put(7, CARD, 0, NOW + 3600, 3))
    door.say_yes()
    door.clock.quality = messages.QUALITY_UNKNOWN
    assert door.gate.look_refusal(3) == reasons.NO_OTHER_WAY


def numbers():
    """Two people with one personal number would be a search among several."""
    door = new_door()
    door.say_yes(3, 7, CARD, number=123456)
    door.say_yes(4, 8, OTHER_CARD, number=123456)
    assert door.gate.named(123456) in (None, 3) and door.gate.named(0) is None
    door.gate.withdraw(3)
    assert door.gate.named(123456) is None
    door.start()
    assert door.gate.named(123456) is None


def leases():
    """A start ends the lease; so does its time; so does nothing that somebody kept."""
    door = new_door()
    door.say_yes()
    gate = door.gate
    door.seconds += limits.LEASE_S - 1
    assert gate.look_refusal(3) == reasons.NONE
    door.seconds += 1
    assert gate.look_refusal(3) == gate.open_refusal(3) == reasons.LEASE_ENDED
    old = gate.lease_question()
    door.start()
    gate = door.gate
    assert gate.look_refusal(3) == reasons.LEASE_ENDED and not gate.lease_answer(*old)
    question = gate.lease_question()
    assert question[0] != old[0] and question[1] == old[1]
    # Asked once: the next question comes after a while, and makes the first one stale.
    assert gate.lease_question() is None
    door.seconds += 40
    newer = gate.lease_question()
    assert not gate.lease_answer(*question) and gate.look_refusal(3) == reasons.LEASE_ENDED
    assert not gate.lease_answer(newer[0], b"x" * 32) and gate.lease_answer(*newer)
    assert gate.look_refusal(3) == reasons.NONE
    # An answer that was on its way when somebody took it back says nothing of those who are left.
    door.say_yes(4, 8, OTHER_CARD, number=222222)
    door.seconds += limits.LEASE_S
    asked = gate.lease_question()
    gate.withdraw(4)
    assert not gate.lease_answer(*asked) and gate.look_refusal(3) == reasons.LEASE_ENDED
    assert door.lease() and gate.look_refusal(3) == reasons.NONE
    # Consents that the host does not know of are none for the lease.
    gate.withdraw(3)
    assert gate.lease_question() is None


def endings():
    """An ending is final, is owed until acknowledged, and is one whoever asks for it, however often."""
    for ending in messages.CONSENT_ENDED:
        door = new_door()
        consent = door.say_yes()
        gate = door.gate
        assert gate.end(consent, ending) and not gate.end(consent, ending)
        assert not gate.withdraw(3) and not gate.end(b"x" * 32, ending)
        assert gate.look_refusal(3) == reasons.NO_CONSENT and not door.templates.has(consent)
        assert gate.named(123456) is None and gate.card_tag(3) is None
        assert [(row.consent, row.state) for row in gate.owed()] == [(consent, ending)]
        assert not gate.acknowledged(consent, GIVEN, 1) and not gate.acknowledged(consent, ENROLLED, 1)
        door.start()
        assert door.gate.look_refusal(3) == reasons.NO_CONSENT and len(door.gate.owed()) == 1
        assert door.gate.acknowledged(consent, ending, 0) and door.gate.owed() == []
        assert not door.gate.acknowledged(consent, ending, 0)
    door = new_door()
    door.gate.set_pin(3, "246813")
    door.say_yes()
    door.gate.forget(3)
    assert door.gate.look_refusal(3) == reasons.NO_CONSENT and door.gate.pin_state(3) == (False, 0)
    door.gate.forget(3)
    door.gate.forget(99)
    door = new_door()
    door.gate.set_pin(3, "246813")
    consent = door.say_yes()
    door.gate.wipe()
    assert not door.templates.has(consent) and door.gate.look_refusal(3) == reasons.NO_CONSENT
    assert door.gate.pin_state(3) == (False, 0) and door.gate.owed() == []


def at_the_same_time():
    """Taken back while the template is being stored: at every step of it, it stays taken back."""

    async def both(door, change, turns):
        enrolling = asyncio.create_task(door.gate.enrol(3, bytearray(VECTOR)))
        for _ in range(turns):
            await asyncio.sleep_ms(0)
        is_through = enrolling.done()
        change(door)
        try:
            await enrolling
        except Exception:
            pass  # refusing to go on is one way; what counts is what is left
        return is_through

    ways = (
        lambda door: door.gate.withdraw(3),
        lambda door: door.gate.end(door.consent, messages.CONSENT_REVOKED),
        lambda door: door.gate.forget(3),
        lambda door: door.gate.give(3, 7, CARD),
    )
    for way in ways:
        for is_again in (False, True):
            for turns in range(1, 12):
                door = new_door()
                door.consent = door.give()
                if is_again:
                    door.enrol()
                door.lease()
                is_through = asyncio.run(both(door, way, turns))
                for _ in range(2):
                    row = door.register.of(3)
                    what = (ways.index(way), is_again, turns)
                    assert row is None or row.consent != door.consent, what
                    assert not door.templates.has(door.consent), what
                    assert door.gate.look_refusal(3) in (reasons.NO_CONSENT, reasons.CONSENT_PENDING), what
                    old = door.register.find(door.consent)
                    assert old.state in messages.CONSENT_ENDED, what
                    door.start()
                    door.lease()
                if is_through:
                    break
            assert is_through, "too few turns to see the whole of it"


def door_pins():
    """Kept as a keyed tag only; a try is stored before it is compared; five wrong ones lock."""
    door = new_door()
    gate = door.gate
    assert gate.pin_state(3) == (False, 0)
    gate.set_pin(3, "246813")
    assert gate.pin_state(3) == (True, 0) and gate.pin_state(4) == (False, 0)
    image = door.flash.image()
    for value in (b"246813", b"3#246813"):
        digest = hashlib.sha256(value).digest()
        assert image.find(value) < 0 and image.find(digest[:8]) < 0 and image.find(digest[-8:]) < 0
    assert image.find(door.register.pin(3)) >= 0
    # The tag is of this resident, and of this door's own key.
    gate.set_pin(4, "246813")
    assert door.register.pin(3) != door.register.pin(4)
    consent_door.PIN_KEY = b"k" * 32
    door.start()
    assert not door.gate.check_pin(3, "246813")
    consent_door.PIN_KEY = PIN_KEY
    door.start()
    gate = door.gate
    # Cut at the comparison: the try was counted.
    before = door.counters.get(0x80000003)
    real, gate_module.consteq = gate_module.consteq, Cut
    try:
        gate.check_pin(3, "111111")
        raise AssertionError("it was not compared in constant time")
    except KeyboardInterrupt:
        pass
    gate_module.consteq = real
    door.start()
    gate = door.gate
    assert door.counters.get(0x80000003) == before + 1
    assert gate.check_pin(3, "246813") and gate.pin_state(3) == (True, 0)
    for wrong in range(limits.PIN_ATTEMPTS):
        assert gate.pin_state(3) == (True, 0)
        assert not gate.check_pin(3, "246814")
    assert gate.pin_state(3) == (True, limits.LOCKOUT_S) and gate.pin_state(4) == (True, 0)
    door.start()
    assert door.gate.pin_state(3) == (True, limits.LOCKOUT_S)
    # Neither the face's tries nor the unit's are those of the door PIN.
    assert door.counters.get(0x40000003) == 0 and door.counters.get(0x1003) == 0


class Cut:
    """Stands for consteq: the power goes at the comparison."""

    @staticmethod
    def consteq(a, b):
        raise KeyboardInterrupt


def tries():
    """Five wrong faces, then a wait; fifty, then none any more until enrolled anew."""
    door = new_door()
    door.say_yes()
    gate = door.gate
    for _ in range(limits.PIN_ATTEMPTS):
        assert gate.look_refusal(3) == reasons.NONE
        gate.count_try(3)
    assert gate.look_refusal(3) == reasons.LOCKED_OUT
    # What was looked at before the wait began may still open.
    assert gate.open_refusal(3) == reasons.NONE
    door.seconds += limits.LOCKOUT_S
    assert gate.look_refusal(3) == reasons.NONE
    gate.count_try(3)
    door.start()
    door.lease()
    assert door.gate.look_refusal(3) == reasons.LOCKED_OUT
    for _ in range(limits.FACE_ATTEMPTS_MAX - limits.PIN_ATTEMPTS - 1):
        door.gate.count_try(3)
    door.seconds += 10 * limits.LOCKOUT_MAX_S
    assert door.gate.look_refusal(3) == reasons.FACE_STOPPED
    door.enrol()
    assert door.gate.look_refusal(3) == reasons.NONE
    door.gate.count_try(3)
    door.gate.clear_tries(3)
    assert door.counters.get(0x40000003) == 0


def damaged_register():
    """Consents that cannot be read are none: no template stays, no door PIN, and cards open all the same."""
    door = new_door()
    door.gate.set_pin(3, "246813")
    consents = [door.say_yes(), door.say_yes(4, 8, OTHER_CARD, number=222222)]
    door.spoil(*CONSENTS)
    door.start()
    assert door.register.is_damaged and door.gate.damaged == 1
    for resident in (3, 4):
        assert door.gate.look_refusal(resident) == reasons.NO_CONSENT
        assert door.gate.pin_state(resident) == (False, 0)
    assert not any(door.templates.has(consent) for consent in consents)
    assert (messages.KIND_CEREMONY, reasons.DAMAGED, 0, 0, 0) in door.events
    raw = door.flash.image()[2 * 4096 : 6 * 4096]
    assert all(raw[at] in (0, 255) for at in range(len(raw))), "something is left of a template"
    assert door.credentials.find(messages.TYPE_CARD, CARD).id == 7
    # Whoever says yes again is in.
    door.say_yes()
    door.start()
    assert not door.register.is_damaged


def worn_flash():
    """Where key or template cannot be zeroed, face is over for that resident all the same."""
    for which in (2, 4):
        door = new_door()
        door.say_yes()
        door.vault_is_worn(which)
        door.start()
        door.lease()
        assert door.gate.look_refusal(3) == reasons.NONE
        try:
            door.gate.withdraw(3)
        except OSError:
            pass
        assert door.gate.look_refusal(3) != reasons.NONE, "it goes on"
        assert door.gate.open_refusal(3) != reasons.NONE
        door.start()
        door.lease()
        assert door.gate.look_refusal(3) != reasons.NONE


def worn_at_start():
    """A start at which the vault cannot be put in order: no face, but a door."""
    door = new_door()
    door.say_yes()
    # Somebody took it back, and the power went before anything of it was zeroed.
    door.register.change(door.register.of(3).consent, state=messages.CONSENT_WITHDRAWN)
    door.vault_is_worn(2, 4)
    door.start()
    door.lease()
    assert door.gate.look_refusal(3) != reasons.NONE


def no_vault():
    """Where the vault's flash is not to be had, face is off, and everything else is as it was."""
    door = new_door()
    consent = door.say_yes()
    door.vault = lambda: None
    door.start()
    assert door.gate.look_refusal(3) == door.gate.enrol_refusal(3) == reasons.FACE_OFF
    assert door.gate.withdraw(3) and door.gate.look_refusal(3) == reasons.FACE_OFF
    assert [row.state for row in door.gate.owed()] == [messages.CONSENT_WITHDRAWN]
    # With the flash back, what was taken back in between goes.
    del door.vault
    door.start()
    assert not door.templates.has(consent) and door.gate.look_refusal(3) == reasons.NO_CONSENT


def lost_template():
    """A template that was damaged ends its consent: nobody is enrolled without having been there."""
    door = new_door()
    consent = door.say_yes()
    with open(sys.argv[1], "r+b") as file:
        file.seek(4 * 4096 + 60)
        was = file.read(1)[0]
        file.seek(4 * 4096 + 60)
        file.write(bytes((was ^ 1,)))
    door.start()
    door.lease()
    assert door.gate.look_refusal(3) == reasons.NO_CONSENT and not door.templates.has(consent)


def full_register():
    """No room for another consent is said, and changes nothing."""
    door = new_door()
    for resident in range(100, 100 + limits.CONSENTS - 1):
        said = (resident, resident.to_bytes(4, "big") * 8, NOTICE, 7, CARD, 5, NOW, 2, b"x" * 16)
        door.register.add(Row(*said, GIVEN, 0, reasons.NONE, 0))
    consent = door.say_yes()
    try:
        door.gate.give(4, 8, OTHER_CARD)
        raise AssertionError("more than there is room for")
    except Full:
        pass
    assert door.register.of(4) is None and door.gate.look_refusal(3) == reasons.NONE
    assert door.templates.has(consent)


def unrecorded_enrolment():
    """An enrolment of which something cannot be kept is none: no template is left that nobody knows of."""
    for broken in ("tries", "register"):
        door = new_door()
        consent = door.give()
        door.lease()
        if broken == "tries":
            door.counters.put = refuse
        else:
            door.register._keep = refuse
        try:
            asyncio.run(door.gate.enrol(3, bytearray(VECTOR)))
            raise AssertionError("it was not said")
        except OSError:
            pass
        assert not door.templates.has(consent), broken
        assert door.gate.look_refusal(3) == reasons.NOT_ENROLLED, broken
        door.start()
        assert not door.templates.has(consent) and door.register.of(3).state == GIVEN, broken


def refuse(*_):
    raise OSError(28)


def worn_wipe():
    """What cannot be cleared does not keep the rest from being cleared."""
    door = new_door()
    door.say_yes()
    door.say_yes(4, 8, OTHER_CARD, number=222222)
    door.vault_is_worn(2)
    door.start()
    try:
        door.gate.wipe()
        raise AssertionError("it was not said")
    except OSError:
        pass
    assert door.flash.image()[4 * 4096 : 6 * 4096] == bytes(2 * 4096)
    door.start()
    door.lease()
    assert door.gate.look_refusal(3) != reasons.NONE and door.gate.look_refusal(4) != reasons.NONE


globals()[sys.argv[2]]()
print("ok")
