"""Saying yes at the keypad, and claiming by face, with real stores and gate; scripted are the keys, the
camera's module and the lamp. Arguments: path of a flash file to make, the name of one of the functions below.
"""

import asyncio
import os
import sys
import time

from altgate.access.lockout import Lockout
from altgate.crypto import tags
from altgate.drivers import keypad
from altgate.entry import claim
from altgate.drivers.camera import Camera
from altgate.entry.desk import Desk
from altgate.entry.face import FaceChannel
from altgate.entry.menu import Menu
from altgate.entry.pin import PinChannel
from consent_door import CARD, NOTICE, NOW, OTHER_CARD, VECTOR, Door, delete
from processor import own_ms
from protocol import limits, messages, reasons, statements

limits.FACE_NOTICE_MS = 20
limits.FACE_SHOT_S = 0.2
limits.KEYPAD_IDLE_MS = 120
F, H = keypad.PRESSED, keypad.HELD
CODE = statements.notice_code(NOTICE) + "#"
PIN = "246813#"
STRANGER = bytes(range(196, 0, -1))
NEAR = bytes(byte ^ 1 for byte in VECTOR)  # the same person, seen a little otherwise


class Pad:
    """Keys as they are pressed: characters, seconds to wait, or something that happens meanwhile. Whoever
    waits for a key may give up and ask again: time goes on, and nothing is lost."""

    def __init__(self):
        self.coming = []
        self.is_idle = False
        self._doing = None  # a task, while something happens

    async def key(self):
        while self.coming:
            thing = self.coming[0]
            if type(thing) is str:
                self.coming[:1] = list(thing[1:])
                return thing[0]
            if self._doing is None:
                self._doing = asyncio.create_task(self._do(thing))
            while not self._doing.done():
                await asyncio.sleep_ms(1)
            self.coming.pop(0)
            self._doing = None
        self.is_idle = True
        await asyncio.Event().wait()
        return ""

    async def _do(self, thing):
        if not callable(thing):
            await asyncio.sleep(thing)
            return
        made = thing()
        if hasattr(made, "send"):
            await made


class Module:
    """The face module: who stands before it, one a look; None: nobody."""

    def __init__(self, house):
        self._house = house

    async def start(self):
        await asyncio.sleep_ms(5)

    async def face(self, into):
        seen = self._house.before.pop(0) if self._house.before else None
        while seen is None:
            await asyncio.sleep_ms(10)
        if callable(seen):
            seen = await seen()
        into[:] = seen
        self._house.vectors.append(into)

    def silence(self):
        return reasons.NO_FACE

    def wipe(self):
        self._house.wiped += 1


class Signals:
    """Says what was shown, and when."""

    def __init__(self):
        self.shown = []

    def __getattr__(self, name):
        return lambda *_: self.shown.append((name, time.ticks_ms(), own_ms()))

    def names(self):
        return [name for name, _, _ in self.shown if name != "key"]


class House:
    """A door with its keypad and camera; ``opened`` counts how often the strike was let go."""

    def __init__(self):
        try:
            os.unlink(sys.argv[1])
        except OSError:
            pass
        self.door = Door(sys.argv[1])
        self.gate = self.door.gate
        self.pad, self.signals = Pad(), Signals()
        self.before, self.vectors, self.wiped, self.supply = [], [], 0, []
        self.camera = Camera(self.switch, lambda: Module(self))
        self.menu = Menu(self.gate, self.camera, self.signals)
        self.real_again, self.menu._card_again = self.menu._card_again, self.again
        self.errors, self.claims, self.opened = [], [], 0
        stores = (self.door.credentials, Lockout(self.door.counters, 0x1000, 0), self.door.clock)
        told = (self.release, self.entered, self.signals, self.door.now)
        self.desk = Desk(*stores, *told, self.gate)
        self.desk.on_decided = self.menu.card
        self.face = FaceChannel(self.desk.submit, self.failed, self.gate, self.camera, self.signals)
        ways = (self.face, self.menu)
        self.pin = PinChannel(self.desk.submit, self.failed, self.pad, IndexKey, self.signals.key, *ways)

    async def again(self, tag):
        """Whoever chooses a door PIN here has their card at hand; but see card_once_more()."""
        return True

    def switch(self, is_on):
        self.supply.append(is_on)

    def rises(self):
        return sum(1 for is_on in self.supply if is_on)

    def release(self, seconds):
        self.opened += 1

    def failed(self, name, error):
        self.errors.append((name, error))

    def entered(self, reason, method, credential, resident, detail):
        self.claims.append((method, reason, credential, resident))

    def ceremonies(self):
        """Reasons of the steps that were refused."""
        return [reason for kind, reason, _, _, _ in self.door.events if kind == messages.KIND_CEREMONY]

    def shown(self, tag=CARD):
        """A card that proved its key is decided."""
        return self.desk.submit(claim.by_tag(messages.METHOD_CARD, messages.TYPE_CARD, tag))

    def acknowledge(self, resident=3):
        row = self.door.register.of(resident)
        if row:
            assert self.gate.acknowledged(row.consent, row.state, 123456)

    def press(self, *keys, card=CARD):
        asyncio.run(self._pressed(keys, card))

    async def _pressed(self, keys, card):
        """Show a card, then press keys; ends when the keys are through and nothing more happens."""
        if card:
            await self.shown(card)
        self.pad.coming, self.pad.is_idle = list(keys), False
        tasks = [asyncio.create_task(way.run()) for way in (self.pin, self.face)]
        while not self.pad.is_idle:
            await asyncio.sleep_ms(5)
        await asyncio.sleep_ms(30)
        for task in tasks:
            task.cancel()
        await asyncio.sleep_ms(5)
        self.is_over()

    async def quiet(self):
        """Wait until nothing has been shown or switched for longer than the warning lasts."""
        before, since_ms = None, 0
        while True:
            now = len(self.signals.shown), len(self.supply), self.camera._is_busy
            if now != before:
                before, since_ms = now, time.ticks_ms()
            elif not now[2] and time.ticks_diff(time.ticks_ms(), since_ms) > 2 * limits.FACE_NOTICE_MS:
                return
            await asyncio.sleep_ms(5)

    def is_over(self):
        """What must hold after anything at all."""
        assert not self.supply or not self.supply[-1], "the supply is still on"
        assert self.gate.on_acknowledged is None
        for vector in self.vectors:
            assert bytes(vector) == bytes(len(vector)), "a vector was not wiped"


class IndexKey:
    index_key = bytes(32)


def enrolled(house, resident=3):
    row = house.door.register.of(resident)
    return row is not None and house.door.templates.has(row.consent)


def yes():
    """Card, door PIN twice, code, the host's word, three pictures: nothing less, and in that order."""
    house = House()
    house.before = [VECTOR, NEAR, VECTOR]
    three = (F, house.quiet) * 3
    house.press(H, PIN, PIN, CODE, 0.02, house.acknowledge, 0.02, *three)
    assert enrolled(house) and house.ceremonies() == [] and house.errors == [] and house.rises() == 3
    house.acknowledge()
    assert house.door.lease() and house.gate.look_refusal(3) == reasons.NONE
    # Another day: the PIN is known, and asked for once.
    house.before = [VECTOR, NEAR, VECTOR]
    house.door.events.clear()
    house.press(H, PIN, *three)
    assert house.ceremonies() == [] and house.rises() == 6


def not_without():
    """Each thing that is missing has its reason, no supply rises, and nothing is enrolled."""
    def refused(*keys, reason, card=CARD, before=None, rises=0):
        house = House()
        if before:
            before(house)
        house.before = [VECTOR] * 3
        house.press(*keys, card=card)
        assert house.ceremonies() == [reason], (keys, house.ceremonies(), reason)
        assert house.rises() == rises and not enrolled(house) and house.errors == [], (keys, house.errors)
        return house

    ready = lambda house: (house.gate.set_pin(3, PIN[:-1]), house.door.give())  # noqa: E731
    known = lambda house: house.gate.set_pin(3, PIN[:-1])  # noqa: E731
    refused(H, PIN, F, F, F, reason=reasons.NOT_PRESENT, card=None, before=ready)
    refused(H, PIN, F, reason=reasons.NOT_PRESENT, card=b"?" * 16, before=ready)
    refused(H, "246814#", F, F, reason=reasons.DOOR_PIN_WRONG, before=ready)
    refused(H, "24681#", F, F, reason=reasons.DOOR_PIN_WRONG, before=ready)
    refused(H, "*", F, F, reason=reasons.CANCELLED, before=ready)
    refused(H, PIN, "246814#", F, reason=reasons.DOOR_PINS_DIFFER)
    # The PIN of whoever else stands there is not that of the card.
    refused(H, "135724#", F, F, reason=reasons.DOOR_PIN_WRONG,
                  before=lambda house: (ready(house), house.gate.set_pin(4, "135724")))
    # A card that is known, and does not open now.
    expired = [messages.OP_PUT, 7, messages.TYPE_CARD, CARD, 0, NOW - 1, 0, 3, 0, 0, 0, 0]
    refused(H, PIN, F, reason=reasons.NOT_PRESENT, before=lambda house: (ready(house), late(house, expired)))
    house = refused(H, PIN, "000000#", reason=reasons.NOTICE_CODE_WRONG, before=known)
    assert house.door.register.of(3) is None
    house = House()
    known(house)
    house.press(H, PIN, F, house.quiet, CODE, F, house.quiet)
    # Without consent, then without the host's word for it.
    assert house.ceremonies() == [reasons.NO_CONSENT, reasons.CONSENT_PENDING] and house.rises() == 0
    house = House()
    known(house)
    house.press(H, PIN, "000000#", "000001#", "000002#", CODE)
    assert house.ceremonies()[-1] == reasons.NOTICE_CODE_WRONG and house.door.register.of(3) is None
    assert len(house.ceremonies()) <= 4


def late(house, operation):
    house.door.apply(operation)
    house.door.events.clear()


def too_late():
    """The keypad is for whoever has just shown a card, and the face key for whoever shows one at once."""
    house = House()
    house.gate.set_pin(3, PIN[:-1])
    limits.MENU_S = 0
    house.press(0.02, H, PIN, F, "***")
    assert house.ceremonies() == [reasons.NOT_PRESENT] and house.rises() == 0
    house.door.say_yes()
    house.press(0.02, "***")
    assert house.gate.look_refusal(3) == reasons.NONE
    limits.FACE_CLAIM_S = 0
    house.before, house.opened = [VECTOR], 0
    house.press(F, 0.02, lambda: named_by_card(house), house.quiet, card=None)
    assert house.opened == 1 and house.claims[-1][0] == messages.METHOD_CARD and house.rises() == 0


def shots():
    """Three that agree, or none: not of two people, not with a gap in between, and never kept."""
    for before in ([VECTOR, STRANGER, VECTOR], [STRANGER, VECTOR, VECTOR], [bytes(196)] * 3):
        house = House()
        house.gate.set_pin(3, PIN[:-1])
        house.door.give()
        house.before = before
        house.press(H, PIN, F, house.quiet, F, house.quiet, F, house.quiet)
        assert house.ceremonies() == [reasons.SHOTS_DIFFER] and not enrolled(house)
        assert house.vectors and house.errors == []
    # Taken back, or said yes to something else, between two pictures.
    for change in (lambda house: house.gate.withdraw(3),
                   lambda house: house.door.applied([messages.OP_NOTICE, 2, b"m" * 32]),
                   lambda house: house.door.applied(delete(7, CARD))):
        house = House()
        house.gate.set_pin(3, PIN[:-1])
        house.door.give()
        house.before = [VECTOR] * 3
        two = (F, house.quiet) * 2
        house.press(H, PIN, *two, lambda: happens(house, [1], change), F, house.quiet)
        assert not enrolled(house) and house.rises() == 2 and house.errors == []
    # A new consent starts with new pictures.
    house = House()
    house.gate.set_pin(3, PIN[:-1])
    house.door.give()
    house.before = [VECTOR] * 3
    house.press(H, PIN, F, house.quiet, F, house.quiet, CODE, 0.02, house.acknowledge, F, house.quiet)
    assert not enrolled(house) and house.rises() == 3


def presence_ends():
    """After its time nothing is given and nobody is looked at, however slowly somebody types."""
    limits.PRESENCE_S = 1
    for keys in ((0.95, "1", 0.1, CODE[1:]), (0.99, F, 0.2)):
        house = House()
        house.gate.set_pin(3, PIN[:-1])
        if F in keys:
            house.door.give()
        keys = [CODE[0] if key == "1" else key for key in keys]
        house.press(H, PIN, *keys)
        assert reasons.PRESENCE_EXPIRED in house.ceremonies(), (keys, house.ceremonies())
        assert house.rises() == 0 and (F in keys or house.door.register.of(3) is None), keys


def others_at_the_keypad():
    """Somebody else's unit and PIN, in the middle of a presence; and the door PIN's tries are not theirs."""
    for begun in ((H, PIN), (H, PIN, CODE), ()):
        house = House()
        house.gate.set_pin(3, PIN[:-1])
        tag = tags.credential_tag(IndexKey.index_key, messages.TYPE_PIN, b"101#135724")
        house.door.apply([messages.OP_PUT, 20, messages.TYPE_PIN, tag, 0, 0, 101, 5, 0, 0, 0, 0])
        house.opened = 0
        house.press(*(begun + ("101#135724#",)))
        assert house.opened == 2 and house.claims[-1][:2] == (messages.METHOD_PIN, reasons.GRANTED), begun
        assert house.gate.pin_state(3) == (True, 0) and house.door.counters.get(0x80000003) == 0


def three_stars():
    """Taking it back needs the card only; and whoever did it hears so when it cannot be kept."""
    house = House()
    house.door.say_yes()
    house.press("***")
    assert house.gate.look_refusal(3) == reasons.NO_CONSENT and not enrolled(house)
    assert "withdrawn" in house.signals.names()
    house = House()
    house.door.say_yes()
    house.door.apply([messages.OP_PUT, 7, messages.TYPE_CARD, CARD, 0, NOW - 1, 0, 3, 0, 0, 0, 0])
    house.press("***")
    assert house.opened == 0 and house.door.register.of(3) is None and not enrolled(house)
    house = House()
    house.door.say_yes()
    house.press("**1*", "***", card=OTHER_CARD)
    assert house.gate.look_refusal(3) == reasons.NONE and house.ceremonies() == [reasons.NO_CONSENT]
    house = House()
    house.door.say_yes()
    house.press("***", card=None)
    assert house.gate.look_refusal(3) == reasons.NONE
    house = House()
    house.door.say_yes()
    house.door.vault_is_worn(2, 4)
    house.door.start()
    house.gate = house.menu._gate = house.door.gate
    house.door.lease()
    house.signals.shown.clear()
    house.press("***")
    assert house.gate.look_refusal(3) != reasons.NONE
    assert [name for name in house.signals.names() if name in ("withdrawn", "refused")]
    house = House()
    house.door.say_yes()
    house.door.register._keep = refuse
    house.signals.shown.clear()
    house.press("***")
    assert house.gate.look_refusal(3) != reasons.NONE
    assert house.signals.names()[-1] in ("withdrawn", "refused"), house.errors


def forgotten_meanwhile():
    """The host clears a door PIN while it is typed, or in the presence that it began: nothing comes of it."""
    house = House()
    house.gate.set_pin(3, PIN[:-1])
    house.press(H, "246", lambda: house.gate.forget(3), "813#", CODE)
    assert house.errors == [] and house.door.register.of(3) is None
    assert house.signals.names()[-1] == "quiet" and "refused" in house.signals.names()


def only_the_last_card():
    """The keypad is for whoever showed their card last, not for whoever comes after them."""
    failed = claim.failed(messages.METHOD_CARD, reasons.CARD_NOT_GENUINE)
    unknown = claim.by_tag(messages.METHOD_CARD, messages.TYPE_CARD, b"?" * 16)
    pin = claim.by_tag(messages.METHOD_PIN, messages.TYPE_PIN, b"?" * 16, 101)
    for after in (unknown, failed, pin):
        house = House()
        house.door.say_yes()
        house.press(lambda: house.desk.submit(after), "***")
        assert house.gate.look_refusal(3) == reasons.NONE, "somebody else took it back"
        house.press(lambda: house.desk.submit(after), H, PIN, PIN)
        assert house.ceremonies() == [reasons.NOT_PRESENT] and not house.gate.pin_state(3)[0]
    # Of two cards the second counts, and one card is good for one presence.
    house = House()
    house.press(lambda: house.shown(OTHER_CARD), H, PIN, PIN, "*", H, PIN, PIN)
    assert house.gate.pin_state(4)[0] and not house.gate.pin_state(3)[0]
    assert house.ceremonies() == [reasons.CANCELLED, reasons.NOT_PRESENT]


def claims():
    """Named, warned for two seconds, looked at, compared with one template."""
    house = House()
    house.door.say_yes()
    house.before = [NEAR]
    house.press("123456", F, house.quiet, card=None)
    assert house.opened == 1 and house.claims == [(messages.METHOD_FACE, reasons.GRANTED, 7, 3)]
    warned = [at for name, at, _ in house.signals.shown if name == "face_notice"]
    assert len(warned) == 1 and house.rises() == 1 and house.wiped == 1
    assert house.door.counters.get(0x40000003) == 0
    house.before = [STRANGER]
    house.press("123456", F, house.quiet, card=None)
    assert house.opened == 1 and house.claims[-1] == (messages.METHOD_FACE, reasons.FACE_MISMATCH, 7, 3)
    assert house.door.counters.get(0x40000003) == 1
    house.before = [bytes(196)]
    house.press("123456", F, house.quiet, card=None)
    assert house.opened == 1 and house.claims[-1][1] == reasons.FACE_MISMATCH
    house.before = []
    house.press("123456", F, house.quiet, card=None)
    assert house.claims[-1][1] == reasons.NO_FACE and house.rises() == 4
    # By their own card, shown after the face key.
    house.before = [VECTOR]
    house.press(F, lambda: named_by_card(house), house.quiet, card=None)
    assert house.opened == 2 and house.claims[-1][:2] == (messages.METHOD_FACE, reasons.GRANTED)


async def named_by_card(house, tag=CARD):
    shown = claim.by_tag(messages.METHOD_CARD, messages.TYPE_CARD, tag)
    if not house.face.takes_card(shown, house.door.credentials):
        await house.desk.submit(shown)


def alike():
    """Whoever is named, the supply does not rise before the two seconds are over, nor without consent."""
    times = []
    for number, rises in (("123456", 1), ("222222", 0), ("1", 0)):
        house = House()
        house.door.say_yes()
        house.door.give(4, 8, OTHER_CARD, 222222)
        house.before = [VECTOR]
        house.press(number, F, house.quiet, card=None)
        assert house.rises() == rises, number
        names = house.signals.names()
        assert names[0] == "face_notice" and names[-1] == ("granted" if rises else "refused")
        first = [at for name, at, _ in house.signals.shown if name == "face_notice"][0]
        last = house.signals.shown[-1][1]
        times.append(time.ticks_diff(last, first))
    assert min(times) >= limits.FACE_NOTICE_MS, times
    # A key during the two seconds, and nobody is looked at; nor does anybody wait for them to be over.
    limits.FACE_NOTICE_MS = 160
    for key in ("*", "5", F):
        house = House()
        house.door.say_yes()
        house.before = [VECTOR]
        house.press("123456", F, 0.02, key, house.quiet, card=None)
        assert house.rises() == 0 and house.opened == 0 and house.claims[0][1] == reasons.CANCELLED, key
        times = [at for name, _, at in house.signals.shown if name in ("face_notice", "refused")]
        assert time.ticks_diff(times[1], times[0]) < 130


def taken_back_while_looking():
    """A face that was found alike opens nothing once the consent, the card or the notice is gone."""
    for change in (lambda house: house.gate.withdraw(3), lambda house: house.gate.forget(3),
                   lambda house: house.door.applied([messages.OP_NOTICE, 2, b"m" * 32]),
                   lambda house: house.door.applied(delete(7, CARD)),
                   lambda house: house.door.applied([messages.OP_SETTING, messages.SETTING_FACE, 0]),
                   lambda house: setattr(house.door, "seconds", house.door.seconds + limits.LEASE_S)):
        house = House()
        house.door.say_yes()
        changes = []

        async def seen():
            changes.append("begun")
            while "done" not in changes:
                await asyncio.sleep_ms(1)
            return VECTOR

        house.before = [seen]
        keys = "123456", F, lambda: happens(house, changes, change), house.quiet
        house.press(*keys, card=None)
        assert changes and house.opened == 0 and house.errors == [], house.errors
        assert len(house.claims) == 1 and house.claims[0][1] != reasons.GRANTED


async def happens(house, begun, change):
    while not begun:
        await asyncio.sleep_ms(1)
    made = change(house)
    if hasattr(made, "send"):
        await made
    begun.append("done")


def nothing_is_swallowed():
    """Every card that is shown is answered, whatever the face channel is busy with."""
    house = House()
    house.door.say_yes()
    house.before = [None]
    # The first has pressed a number and is looked at; the second presses the face key and shows a card.
    keys = "123456", F, 0.08, F, lambda: named_by_card(house, OTHER_CARD), house.quiet
    house.press(*keys, card=None)
    assert house.opened == 1 or len(house.claims) == 2, house.claims


def refuse(*_):
    raise OSError(28)


def flash_refuses():
    """A try that cannot be stored opens nothing, and is answered and recorded like any other."""
    house = House()
    house.door.say_yes()
    house.before = [VECTOR]

    house.door.counters.put = refuse
    house.press("123456", F, house.quiet, card=None)
    assert house.opened == 0 and house.rises() == 1
    assert [reason for _, reason, _, _ in house.claims] == [reasons.STORAGE_FAILED], house.errors


def card_once_more():
    """A door PIN is chosen only by whoever still has the card: its holder may have gone in."""
    of = {tag: claim.by_tag(messages.METHOD_CARD, messages.TYPE_CARD, tag) for tag in (CARD, OTHER_CARD)}
    for tag, is_good in ((None, False), (OTHER_CARD, False), (CARD, True)):
        house = House()
        house.menu._card_again = house.real_again

        async def show(house=house, tag=tag):
            while house.menu._awaited is None:
                await asyncio.sleep_ms(1)
            if tag:
                assert house.menu.takes(of[tag]) == is_good
            house.menu.takes(claim.failed(messages.METHOD_CARD, reasons.CARD_NOT_GENUINE))

        async def meanwhile(house=house, show=show):
            asyncio.create_task(show())

        house.press(H, meanwhile, PIN, PIN, house.quiet)
        assert house.gate.pin_state(3)[0] == is_good, tag
        assert is_good or house.ceremonies()[0] == reasons.NOT_PRESENT
    # At any other moment the card is for the door.
    assert not house.menu.takes(of[CARD])


globals()[sys.argv[2]]()
print("ok")
