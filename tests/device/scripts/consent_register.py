"""The register of consents on real littlefs: after a cut at any flash operation it is the old one or the new
one; full, damaged, and one consent a resident. Argument: path of a flash file to make.
"""

import os
import sys

from altgate.consent.register import Full, Register, Row
from altgate.store import files
from protocol import limits, messages, reasons
from vault_flash import FILES, Flash, every_cut

PATH = FILES + "/consents.bin"
SECTORS = 20
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


def remove_then_rename(path, data):
    """Replaces a file in the wrong order."""
    real_write(path + ".2", data)
    try:
        os.remove(path)
    except OSError:
        pass
    os.rename(path + ".2", path)


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
    def __init__(self, write):
        try:
            os.unlink(sys.argv[1])
        except OSError:
            pass
        files.write = write
        self.flash = Flash(sys.argv[1], SECTORS)
        self.flash.mount(0, SECTORS, True)
        register = Register(PATH)
        for resident in (1, 2, 3):
            register.add(row(resident, acked=messages.CONSENT_GIVEN))
        register.add(row(4, 1, messages.CONSENT_REVOKED))
        register.set_pin(2, b"p" * 16)
        self.flash.off()
        self.change = None
        self.before = self.new = None

    def load(self):
        self.flash.off()
        self.flash.mount(0, SECTORS)
        register = Register(PATH)
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
    done = Work(real_write).run(CHANGES)
    try:
        Work(remove_then_rename).run(CHANGES)
    except Lost:
        files.write = real_write
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


def full(path):
    register = Register(path)
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
        assert content(register) == before == content(Register(path))
    # A new door PIN instead of an old one needs no room, and an ending that is known makes some.
    register.set_pin(5, b"q" * 16)
    assert register.change(row(1).consent, state=messages.CONSENT_WITHDRAWN)
    assert register.change(row(1).consent, acked=messages.CONSENT_WITHDRAWN)
    register.add(row(99))
    assert len(Register(path).alive()) == limits.CONSENTS


def damaged(path):
    """Any flipped bit, and any other length: no consent and no door PIN, and nothing raises."""
    register = Register(path)
    register.add(row(1, acked=messages.CONSENT_GIVEN))
    register.add(row(2))
    register.set_pin(1, b"p" * 16)
    with open(path, "rb") as file:
        good = file.read()
    bad = [good[:at] + bytes((good[at] ^ 1 << at % 8,)) + good[at + 1 :] for at in range(len(good))]
    bad += [good[:at] for at in range(1, len(good), 7)] + [good + b"\0", good + good, b"\0" * 20000]
    for data in bad:
        with open(path, "wb") as file:
            file.write(data)
        register = Register(path)
        assert register.is_damaged and content(register) == ([], [], [], []), len(data)
        assert register.of(1) is None and register.alive() == []
    # What checks and is of another version, or of a length that fits nothing.
    for data in (b"\2" + good[1:-4], good[:-5], b"\1\3" + good[2:-4], b"\1"):
        files.write(path, data)
        assert Register(path).is_damaged, len(data)
    register.add(row(3))
    assert not Register(path).is_damaged and Register(path).of(3) == row(3)


real_write = files.write
folder = sys.argv[1] + ".d"
os.mkdir(folder)
one_a_resident(Register(folder + "/one"))
full(folder + "/full")
damaged(folder + "/damaged")
print("cuts", cut_everywhere())
