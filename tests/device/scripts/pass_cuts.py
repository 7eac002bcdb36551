"""Uses of passes: none is lost by a cut at any flash operation; full, ended, damaged. Argument: flash."""

import sys

from altgate.store import pass_uses
from altgate.store.pass_uses import PassUses
from protocol import limits
from vault_flash import blank, every_cut

SECTORS = 2
PASS, OTHER, END, NOW = b"\1" * 8, b"\2" * 8, 2000, 1000


class Lost(Exception):
    """A use is not there any more, or one that never was is."""


class Forgetful(PassUses):
    """Begins the other half of its log with nothing."""

    def count(self, pass_id, not_after, now):
        begin = self._log.begin
        self._log.begin = lambda kind, content: begin(kind, b"")
        super().count(pass_id, not_after, now)
        self._log.begin = begin


def load(flash, kind=PassUses):
    flash.off()
    return kind(flash.partition(0, SECTORS))


def cut_everywhere(kind):
    """From a log that is full, so that a use begins the other half as well."""
    flash = blank(sys.argv[1], SECTORS)
    uses = load(flash)
    uses.count(OTHER, END, NOW)
    while uses._log.room() >= pass_uses.ROW + 64:
        uses.count(PASS, END, NOW)
        if uses.used(PASS) == 200:
            uses._rows = bytearray(uses._rows[: pass_uses.ROW])
    kept = uses.used(PASS)
    done = []

    def act():
        used = load(flash, kind)
        done.clear()
        for _ in range(4):
            used.count(PASS, END, NOW)
            done.append(used.used(PASS))

    def check(at, how):
        now = load(flash)
        allowed = (len(done) + kept, len(done) + kept + 1)
        if now.used(PASS) not in allowed or now.used(OTHER) != 1 or now.damaged:
            raise Lost((at, how, now.used(PASS), allowed, now.damaged))
        now.count(PASS, END, NOW)
        if load(flash).used(PASS) != now.used(PASS):
            raise Lost("cannot go on")

    return every_cut(flash, act, check)


cuts = cut_everywhere(PassUses)
try:
    cut_everywhere(Forgetful)
except Lost:
    pass
else:
    raise AssertionError("the planted bug was not caught")

flash = blank(sys.argv[1], SECTORS)
uses = load(flash)
for number in range(limits.PASSES_IN_USE):
    uses.count(number.to_bytes(8, "big"), END, NOW)
uses = load(flash)
for number in (0, 7, limits.PASSES_IN_USE - 1):
    assert uses.used(number.to_bytes(8, "big")) == 1
try:
    uses.count(PASS, END, NOW)
    raise AssertionError("more than there is room for")
except OSError:
    pass
uses = load(flash)
assert uses.used(PASS) == 0
uses.count((7).to_bytes(8, "big"), END, NOW)
uses = load(flash)
assert uses.used((7).to_bytes(8, "big")) == 2
# What has ended makes room, and is forgotten.
uses.count(PASS, END + 1000, END)
assert uses.used(PASS) == 1 and uses.used((7).to_bytes(8, "big")) == 0
assert load(flash).used(PASS) == 1

# With a use lost in the middle, a pass that is not known counts as used up.
flash = blank(sys.argv[1], SECTORS)
uses = load(flash)
for pass_id in (OTHER, PASS, OTHER):
    uses.count(pass_id, END, NOW)
for half in (0, 1):
    # The second row of three, behind the half's head, its summary and the first row.
    flash.partition(0, SECTORS).writeblocks(half, b"\0", 16 + 16 + 32 + 20)
uses = load(flash)
assert uses.damaged == 1 and uses.used(OTHER) == 2 and uses.used(PASS) == 255
print("cuts", cuts)
