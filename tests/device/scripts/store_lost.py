"""What is lost as a whole, or behind a cut, is told as damage, and lets nobody in. Argument: a flash file."""

import asyncio
import struct
import sys

import simctl
from altgate.store import journal
from altgate.store.counters import KEY_BOOT, KEY_LAYOUT, Counters, OtherLayout, check_layout
from altgate.store.credentials import Credentials
from altgate.store.pass_uses import PassUses
from altgate.vault.slots import Slots
from protocol import limits, messages
from vault_flash import SECTOR, blank

STATE, TABLE, PASSES, END = (0, 4), (4, 8), (12, 4), 2_000_000_000
PASS, CARD = b"\1" * 8, b"a" * 16
SECTORS = 16


def opened():
    flash.off()
    state = Credentials(flash.partition(*STATE), flash.partition(*TABLE))
    state.uses = PassUses(flash.partition(*PASSES))
    return state


def take(state, operations, is_snapshot=False, has_more=False):
    draft = state.draft(
        {
            messages.BASE_VERSION: state.version, messages.NEW_VERSION: state.version + 1 + len(operations),
            messages.OPERATIONS: operations, messages.IS_SNAPSHOT: is_snapshot, messages.HAS_MORE: has_more,
        }, 0,
    )  # fmt: skip
    state.prepare(draft)
    asyncio.run(state.keep(draft))


REVOKE = [messages.OP_REVOKE_PASS, PASS, END]
PUT = [messages.OP_PUT, 1, messages.TYPE_CARD, CARD, 0, 0, 0, 3, 0, 0, 0, 1]


def half(part):
    """Where the half in force of a log begins in the flash."""
    starts = [part[0] * SECTOR, (part[0] + part[1] // 2) * SECTOR]
    return [at for at in starts if flash.image()[at : at + 4] == b"AGL1"][0]


def clear(at, count=1):
    """Clear one bit of each of so many bytes, or all of them where there are many."""
    part = flash.partition(0, SECTORS)
    old = flash.image()[at : at + count]
    new = bytes([byte & byte - 1 for byte in old]) if count == 1 else bytes(count)
    part.writeblocks(at // SECTOR, new, at % SECTOR)


def whole():
    """Head and first entry of both logs, by a bit each or altogether: nothing used up is good again."""
    state = opened()
    take(state, [REVOKE, PUT], is_snapshot=True)
    take(state, [[messages.OP_SETTING, 2, 9]])
    state.uses.count(PASS, END, 1000)
    state.uses.count_credential(1, 0, 1000)
    image = flash.image()
    starts = half(STATE), half(PASSES)
    for spoil in (
        lambda at: (clear(at), clear(at + 24)),
        lambda at: clear(at, 64),
        lambda at: flash.partition(0, SECTORS).ioctl(6, at // SECTOR),
    ):
        flash.restore(image)
        spoil(starts[0])
        state = opened()
        assert state.version == 0 and state.damaged and state.is_pass_revoked(PASS, 1000)
        assert state.find(messages.TYPE_CARD, CARD).used == 1
        # The host brings everything again: until that is whole, no pass opens.
        take(state, [PUT], is_snapshot=True, has_more=True)
        assert state.is_pass_revoked(PASS, 1000) and opened().is_pass_revoked(PASS, 1000)
        state = opened()
        take(state, [[messages.OP_SETTING, 2, 8]], has_more=True)
        assert state.is_pass_revoked(b"\2" * 8, 1000)
        take(state, [REVOKE])
        for one in (state, opened()):
            assert one.is_pass_revoked(PASS, 1000) and not one.is_pass_revoked(b"\2" * 8, 1000)
    for spoil in (lambda at: (clear(at), clear(at + 24)), lambda at: clear(at, 64)):
        flash.restore(image)
        spoil(starts[1])
        state = opened()
        assert state.damaged and state.uses.used(PASS) and state.find(messages.TYPE_CARD, CARD).used >= 1
    # A door that is merely catching up refuses no pass.
    flash.restore(image)
    state = opened()
    take(state, [[messages.OP_SETTING, 2, 8]], has_more=True)
    assert not state.is_pass_revoked(b"\2" * 8, 1000)


def behind_a_cut():
    """The last entry is spoiled, and stands behind one that a cut left half-written."""
    state = opened()
    take(state, [[messages.OP_SETTING, 2, 9]], is_snapshot=True)
    for how in ("clean", "half", "garbage"):
        flash.chip.cut(1, how)
        try:
            take(state, [REVOKE])
        except SystemExit:
            simctl._end = None
        flash.chip.cut(0)
        state = opened()
        assert state.damaged == 0, how
    take(state, [REVOKE])
    assert opened().damaged == 0
    at = flash.image().rfind(PASS, half(STATE), half(STATE) + 2 * SECTOR)
    flash.partition(0, SECTORS).writeblocks(at // SECTOR, b"\0", at % SECTOR)
    state = opened()
    assert state.version == 0 and state.damaged and state.is_pass_revoked(PASS, 1000)


def layout():
    """One spoiled entry of the layout's number shuts nobody out; another number does."""

    def started(boot=None, number=None):
        numbers = Counters(flash.partition(0, 2))
        for key, value in ((KEY_LAYOUT, number), (KEY_BOOT, boot)):
            if value is not None:
                numbers.put(key, value)
        try:
            check_layout(numbers)
        except OtherLayout:
            return False
        return True

    for boot in (None, 1, 2, 3):
        assert started(boot)
    image = flash.image()[:SECTOR]
    entries = [at for at in range(0, SECTOR, 16) if struct.unpack_from("<I", image, at)[0] == KEY_LAYOUT]
    clear(entries[-1] + 4)
    assert Counters(flash.partition(0, 2)).bad_entries == 1 and started()
    # Also where the number of starts is what was lost.
    assert started(boot=0)
    assert not started(boot=9, number=limits.FLASH_LAYOUT + 1) and not started(boot=0)
    # A flash of before there was such a number has starts and no layout.
    assert not started(boot=9, number=0)


class Refusing:
    """A partition in which nothing can be changed, once it is told so."""

    is_on = False

    def __init__(self, inner):
        self._inner, self.readblocks, self.info = inner, inner.readblocks, inner.info

    def writeblocks(self, *given):
        self._change(self._inner.writeblocks, *given)

    def ioctl(self, op, arg=0):
        return self._inner.ioctl(op, arg) if op != 6 else self._change(self._inner.ioctl, op, arg)

    def _change(self, act, *given):
        if Refusing.is_on:
            raise OSError(5)
        return act(*given)


def unsealed():
    """Where the page of keys refuses at a start, records say that they carry no code."""
    journal.Keys(Slots(flash.partition(4, 2), journal.KEY_SLOT)).set(b"k" * 32)

    def start():
        flash.off()
        keys = journal.Keys(Slots(Refusing(flash.partition(4, 2)), journal.KEY_SLOT))
        return journal.Journal(flash.partition(0, 4), keys, Counters(flash.partition(6, 2)))

    log = start()
    log.append(1, 2, 0, messages.KIND_BOOT)
    Refusing.is_on = True
    log = start()
    Refusing.is_on = False
    number = log.append(2, 2, 0, messages.KIND_BOOT)
    assert log.damaged and number == 2
    record = flash.image()[128:256]
    assert struct.unpack_from("<I", record, 32)[0] == 0 and record[72:104] == b"\xff" * 32


flash = blank(sys.argv[1], SECTORS)
{"whole": whole, "behind_a_cut": behind_a_cut, "layout": layout, "unsealed": unsealed}[sys.argv[2]]()
print("ok")
