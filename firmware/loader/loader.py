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
    found = []
    for label in LABELS:
        try:
            slot = Slot(label)
        except OSError as error:
            print("altgate: %s: %s" % (label, error))
            continue
        if slot.number and not slot.says(update.BAD_AT):
            found.append(slot)
    found.sort(key=lambda slot: -slot.number)
    slot, image = _choose(found)
    if slot:
        _mount(slot.label, image)
    else:
        _stay_locked()


def _choose(found):
    """The slot to start and its image, or (None, None)."""
    good, tried = [], []
    for slot in found:
        if slot.says(update.GOOD_AT):
            good.append(slot)
        elif slot.says(update.TRIED_AT):
            tried.append(slot)
        else:
            image = _image(slot)
            # What cannot be marked as tried would be tried for ever.
            if image and slot.say(update.TRIED_AT):
                return slot, image
            slot.say(update.BAD_AT)
    for slot in good:
        image = _image(slot)
        if image:
            for other in tried:
                print("altgate: %s was not confirmed: back to %s" % (other.label, slot.label))
                other.say(update.BAD_AT)
            return slot, image
    for slot in tried:
        # Not confirmed, and there is no other.
        image = _image(slot)
        if image:
            return slot, image
    return None, None


def _image(slot):
    try:
        image = slot.image()
    except OSError:
        image = None
    if not image:
        print("altgate: %s is damaged" % slot.label)
    return image


def _mount(label, image):
    vfs.mount(vfs.VfsRom(image), ROOT)
    sys.path.insert(0, ROOT)
    sys.argv[:] = [label]
    for name in ("slots", "loader"):
        sys.modules.pop(name, None)
    machine.WDT(timeout=WATCHDOG_MS)


def _stay_locked():
    while True:
        print("altgate: no firmware in either slot: locked; flash this board anew")
        time.sleep(TELL_EVERY_S)
