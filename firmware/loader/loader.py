"""Loads the firmware from one of the two code slots; nothing here comes from a slot.

An image that is on trial is started once. Where it was not confirmed (altgate/trial.py) before the next
start, the one before it runs again. Where neither slot has an image to start the board stays locked.
"""

import sys
import time

import machine
import vfs
from protocol import update
from slots import LABELS, Slot

ROOT = "/rom"
WATCHDOG_MS = 30_000  # until the firmware starts its own: an image that hangs is ended
TELL_EVERY_S = 10


def load():
    """Have the modules of the slot that is to be started found first; returns only where there is one."""
    new, good, tried = [], [], []
    for label in LABELS:
        try:
            slot = Slot(label)
            if slot.number and not slot.says(update.BAD_AT):
                kind = good if slot.says(update.GOOD_AT) else tried if slot.says(update.TRIED_AT) else new
                kind.append(slot)
        except OSError as error:
            print("altgate: %s: %s" % (label, error))
    for kind in (new, good):
        kind.sort(key=lambda slot: -slot.number)
    slot, image = _choose(new, good, tried)
    if slot:
        _mount(slot.label, image)
    else:
        _stay_locked()


def _choose(new, good, tried):
    """The slot to start and its image, or (None, None)."""
    for slot in new:
        image = _image(slot)
        # What cannot be marked as tried would be tried for ever.
        if image and _say(slot, update.TRIED_AT):
            return slot, image
        _say(slot, update.BAD_AT)
    for slot in good:
        image = _image(slot)
        if image:
            for other in tried:
                print("altgate: %s was not confirmed: back to %s" % (other.label, slot.label))
                _say(other, update.BAD_AT)
            return slot, image
    for slot in tried:
        # Not confirmed, and there is no other.
        image = _image(slot)
        if image:
            return slot, image
    return None, None


def _say(slot, word):
    try:
        return slot.say(word)
    except OSError:
        return False


def _image(slot):
    try:
        image = slot.image()
    except OSError:
        image = None
    if not image:
        print("altgate: %s is damaged" % slot.label)
    return image


def _mount(label, image):
    # The loader's own files have done their part, and no module of the door comes from there.
    vfs.umount("/")
    vfs.mount(vfs.VfsRom(image), ROOT)
    sys.path[:] = [ROOT] + [path for path in sys.path if path not in ("", "/lib")]
    sys.argv[:] = [label]
    for name in ("slots", "loader"):
        sys.modules.pop(name, None)
    machine.WDT(timeout=WATCHDOG_MS)


def _stay_locked():
    while True:
        print("altgate: no firmware in either slot: locked; flash this board anew")
        time.sleep(TELL_EVERY_S)
