"""The register of consents on its two copies: after a cut at any flash operation it is the old one or the new
one; full, damaged, and one consent a resident. Argument: path of a flash file to make.
"""

import sys

from altgate.consent.register import Full, Register, Row
from altgate.store.copies import Copies
from protocol import limits, messages, reasons
from vault_flash import SECTOR, blank, every_cut

SECTORS = 6
HEAD = 16
NOW = 1_800_000_000


class Lost(Exception):
    """The register is neither the old nor the new one."""


def row(resident, number=1, state=messages.CONSENT_GIVEN, acked=0, personal=0):
    consent = resident.to_bytes(4, "big") + number.to_bytes(4, "big") + b"c" * 24
    said = (resident, consent, b"n" * 32, 7, b"t" * 16, 5, NOW, 2, b"x" * 16)
    return Row(*said, state, acked, reasons.NONE, personal)


def content(register):
    """Everything that a register holds, by its public face."""
    rows = [register.find(row(r, n).consent) for r in range(100) for n in (1, 2)]
    pins = [(r, register.pin(r)) for r in range(100) if register.pin(r) is not None]
    return [found for found in rows if found], pins, register.owed(), register.in_force()


class InPlace(Copies):
    """Writes the new copy over the only one."""

    def write(self, content):
        self._half = 1 - self._half
        super().write(content)


def add_again(register):
    register.add(row(1, 2))


CHANGES = (
    lambda register: register.add(row(9)),
    add_again,
    lambda register: register.change(row(1).consent, acked=messages.CONSENT_GIVEN, number=123456),
    lambda register: register.change(row(2).consent, state=messages.CONSENT_ENROLLED),
    lambda register: register.change(row(3).consent, state=messages.CONSENT_WITHDRAWN),
    lambda register: register.change(row(4).consent, acked=messages.CONSENT_REVOKED),
    lambda register: register.set_pin(1, b"p" * 16),
    lambda register: register.set_pin(2, b"q" * 16),
    lambda register: register.set_pin(2, None),
    lambda register: register.wipe(),
)


class Work:
    def __init__(self, kind):
        self.kind, self.flash = kind, blank(sys.argv[1], SECTORS)
        register = self.load()
        for resident in (1, 2, 3):
            register.add(row(resident, acked=messages.CONSENT_GIVEN))
        register.add(row(4, 1, messages.CONSENT_REVOKED))
        register.set_pin(2, b"p" * 16)
        self.change = None
        self.before = self.new = None

    def load(self):
        self.flash.off()
        register = Register(self.kind(self.flash.partition(0, SECTORS)))
        if register.is_damaged:
            raise Lost("damaged")
        return register

    def act(self):
        register = self.load()
        self.before = content(register)
        self.change(register)
        self.new = content(register)

    def check(self, at, how):
        register = self.load()
        found = content(register)
        if found not in (self.before, self.wanted):
            raise Lost((at, how))
        register.set_pin(50, b"z" * 16)
        if self.load().pin(50) != b"z" * 16:
            raise Lost("cannot go on")

    def run(self, changes):
        cuts = 0
        for self.change in changes:
            image = self.flash.image()
            self.act()
            self.wanted = self.new
            assert self.wanted != self.before
            self.flash.restore(image)
            cuts += every_cut(self.flash, self.act, self.check)
            assert content(self.load()) == self.wanted
        self.flash.off()
        return cuts


def cut_everywhere():
    done = Work(Copies).run(CHANGES)
    try:
        Work(InPlace).run(CHANGES)
    except Lost:
        return done
    raise AssertionError("the planted bug was not caught")


def one_a_resident(register):
    register.add(row(1))
    register.add(row(2))
    assert register.of(1) == row(1) and register.of(3) is None
    register.add(row(1, 2))
    old = register.find(row(1).consent)
    assert old.state == messages.CONSENT_INVALIDATED and register.of(1) == row(1, 2)
    assert [one.consent for one in register.alive()] == [row(2).consent, row(1, 2).consent]
    # Nothing is in force before the host has acknowledged it, nor after it has ended.
    assert register.in_force() == []
    assert register.change(row(2).consent, acked=messages.CONSENT_GIVEN, number=77)
    assert register.in_force() == [row(2).consent] and register.by_number(77).resident == 2
    assert register.by_number(0) is None and register.by_number(78) is None
    assert [one.consent for one in register.owed()] == [row(1).consent, row(1, 2).consent]
    for ending in messages.CONSENT_ENDED:
        register.change(row(2).consent, state=ending)
        assert register.in_force() == [] and register.by_number(77) is None and register.of(2) is None
        assert row(2).consent in [one.consent for one in register.owed()]
    # An ending stays until the host knows of it, and no longer.
    assert register.change(row(2).consent, acked=messages.CONSENT_GIVEN)
    assert register.find(row(2).consent) is not None
    assert register.change(row(2).consent, acked=messages.CONSENT_ENDED[-1])
    assert register.find(row(2).consent) is None
    assert not register.change(row(2).consent, acked=1) and not register.change(b"?" * 32, acked=1)


def full(copies):
    register = Register(copies)
    for resident in range(limits.CONSENTS):
        register.add(row(resident))
        register.set_pin(resident, b"p" * 16)
    before = content(register)
    for refused in (lambda: register.add(row(99)), lambda: register.set_pin(99, b"p" * 16),
                    lambda: register.add(row(1, 2))):
        try:
            refused()
            raise AssertionError("more than there is room for")
        except Full:
            pass
        assert content(register) == before == content(Register(copies))
    # A new door PIN instead of an old one needs no room, and an ending that is known makes some.
    register.set_pin(5, b"q" * 16)
    assert register.change(row(1).consent, state=messages.CONSENT_WITHDRAWN)
    assert register.change(row(1).consent, acked=messages.CONSENT_WITHDRAWN)
    register.add(row(99))
    assert len(Register(copies).alive()) == limits.CONSENTS


def damaged(flash):
    """A flipped bit anywhere in the copy in force: nothing, and no older copy instead."""

    def copies():
        return Copies(flash.partition(0, SECTORS))

    assert copies().read() is None
    register = Register(copies())
    register.add(row(1, acked=messages.CONSENT_GIVEN))
    register.set_pin(1, b"p" * 16)
    newer, image, half = content(register), flash.image(), SECTORS // 2 * SECTOR
    none = ([], [], [], [])
    for at in range(HEAD + 2 + 120):
        for spoiled, left in (((0,), newer), ((half,), none), ((0, half), none)):
            bad = bytearray(image)
            for start in spoiled:
                bad[start + at] ^= 1 << at % 8
            flash.restore(bad)
            register = Register(copies())
            assert content(register) == left and register.is_damaged == (left is none), (at, spoiled)
    # What checks and is of another version, or of a length that fits nothing.
    flash.restore(image)
    kept = copies()
    good = kept.read()
    for data in (b"\2" + good[1:], good[:-1], b"\1\3" + good[2:], b"\1"):
        kept.write(data)
        assert Register(copies()).is_damaged, len(data)
    Register(kept).add(row(3))
    assert not Register(copies()).is_damaged and Register(copies()).of(3) == row(3)


one_a_resident(Register(Copies(blank(sys.argv[1], SECTORS).partition(0, SECTORS))))
full(Copies(blank(sys.argv[1], SECTORS).partition(0, SECTORS)))
damaged(blank(sys.argv[1], SECTORS))
print("cuts", cut_everywhere())
