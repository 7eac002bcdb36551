"""What makes a board bare: a factory reset, and what comes before anybody gets a prompt. Imported only then.

It is asked for by a number in the counters (KEY_ERASE), and done at the start after that, before anything
else of the flash is read: so no key is in memory any more, and a cut is made good at the next start. The keys
go first: the wrapping key, under which everything else of a door is sealed, then those of the templates, each
zeroed in place and read back. While the number stands the board does nothing else.
"""

import machine
import micropython

from altgate import board
from altgate.store.counters import (
    KEY_BOOT, KEY_ERASE, KEY_LAYOUT, KEY_LOST, KEY_SECURITY, KEY_TIME_FLOOR, KEY_UPDATE,
)  # fmt: skip
from protocol import messages, update

# Why, in the lowest byte of KEY_ERASE; above it stands how many events nobody will get any more.
FACTORY = 1
WINDOW = 2
WINDOW_ENDED = 3  # it was opened: whatever was done in it, nothing of that stays in what follows
WINDOW_S = 300

ZEROED = ("keys", "face_keys", "templates", "consents", "journal_keys")
# The page of the wrapping key stays zeros: by that the loader knows that a program may end here.
ERASED = (
    "face_keys", "templates", "consents", "journal_keys", "state", "credentials", "passes", "data", "journal",
)  # fmt: skip
_KEPT = (KEY_BOOT, KEY_ERASE, KEY_LAYOUT, KEY_LOST, KEY_SECURITY, KEY_TIME_FLOOR, KEY_UPDATE)
_SECTOR = 4096
_STEP = 256
_MOST_LOST = 0xFFFFFF


class NotErased(Exception):
    """Something did not become what it should: the board stays locked, and tries again at each start."""


def ask(counters, why, owed):
    """Have the next start erase everything; on return that outlives a power cut. Raises OSError.

    owed: how many events the host has not acknowledged: what becomes of them is told as a gap.
    """
    lost = min(max(owed + counters.get(KEY_LOST), counters.get(KEY_ERASE) >> 8), _MOST_LOST)
    counters.put(KEY_ERASE, lost << 8 | why)


def finish(counters, watchdog):
    """Do what was asked for; whether a maintenance window is open now, and the program is to end.

    Otherwise the board is bare, and told() is to be called once it has recorded that. Raises NotErased.
    """
    why, lost = counters.get(KEY_ERASE) & 0xFF, counters.get(KEY_ERASE) >> 8
    print("altgate: erasing everything; do not switch off")
    failed = []
    for labels, act in ((ZEROED, zero), (ERASED, erase)):
        for label in labels:
            found = board.any_partition(label)
            if found is None:
                continue
            try:
                for _ in act(found):
                    watchdog.feed()
            except OSError:
                # What refuses does not keep the rest.
                failed.append(label)
    counters.keep_only(_KEPT)
    if failed:
        print("altgate: not erased: %s" % ", ".join(failed))
        raise NotErased
    if counters.get(KEY_LOST) != lost:
        counters.put(KEY_LOST, lost)
    # After a power cut nobody waits for it any more.
    if why != WINDOW or machine.reset_cause() == machine.PWRON_RESET:
        return False
    counters.put(KEY_ERASE, lost << 8 | WINDOW_ENDED)
    _open_window()
    return True


def told(door):
    """Record on the board, bare now, what was done: it starts as any other from then on. Raises OSError.

    door: app.Door.
    """
    why = door.counters.get(KEY_ERASE) & 0xFF
    if why == FACTORY:
        door.record(messages.KIND_RESET, detail=update.RESET_DONE)
    else:
        door.record(messages.KIND_WINDOW, detail=update.WINDOW_ENDED)
    door.counters.put(KEY_ERASE, 0)


def zero(part):
    """Program zeros over whatever was written in a partition, and read them back, in steps; raises OSError
    where they do not stand there. Under flash encryption a sector has to be erased before."""
    zeros, back, is_encrypted = bytes(_STEP), bytearray(_STEP), part.info()[5]
    blank = b"\xff" * _STEP
    failed = None
    for sector in range(part.ioctl(4, 0)):
        try:
            if is_encrypted:
                part.ioctl(6, sector)
            for at in range(0, _SECTOR, _STEP):
                part.readblocks(sector, back, at)
                if back == zeros or back == blank:
                    continue
                part.writeblocks(sector, zeros, at)
                part.readblocks(sector, back, at)
                if back != zeros:
                    raise OSError(5)
        except OSError as error:
            failed = error
        yield
    if failed:
        raise failed


def erase(part):
    """Erase all of a partition, and read that back, in steps; raises OSError where something stays."""
    back, is_encrypted = bytearray(_SECTOR), part.info()[5]
    blank, failed = b"\xff" * _SECTOR, None
    for sector in range(part.ioctl(4, 0)):
        try:
            part.readblocks(sector, back, 0)
            if back != blank or is_encrypted:
                part.ioctl(6, sector)
                part.readblocks(sector, back, 0)
                # Erased flash reads as noise through an encryption.
                if back != blank and not is_encrypted:
                    raise OSError(5)
        except OSError as error:
            failed = error
        yield
    if failed:
        raise failed


def _open_window():
    """Until the watchdog bites whoever has the cable gets a prompt; a start ends it for good."""
    _clear_memory()
    print("altgate: maintenance window: %d s" % WINDOW_S)
    # Nobody feeds it from here on.
    machine.WDT(timeout=WINDOW_S * 1000)
    micropython.kbd_intr(3)


def _clear_memory():
    """Write over what the start before has left in memory that is free now."""
    held, size = [], 65536
    while size >= 64:
        try:
            held.append(bytearray(size))
        except MemoryError:
            size //= 2
