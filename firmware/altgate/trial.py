"""An image that was started for the first time, and has to prove itself.

It is confirmed once the door's own test passes, and either the host has acknowledged the event of this start
or the door has run for UNHEARD_S. Without that the loader goes back to the image before it, at the next one.
"""

from altgate import rooms
from altgate.slots import LABELS, Slot
from altgate.store.counters import KEY_SECURITY, KEY_UPDATE
from altgate.ticks import monotonic_s
from protocol import messages, reasons, update

UNHEARD_S = 300


def of(label, door):
    """The trial of the image in this slot, which runs ``door`` (app.Door), or None where it was confirmed
    before. What is loaded for that goes again."""
    made = None
    try:
        slot = Slot(label)
        _note_return(slot, door)
        if not slot.says(update.GOOD_AT):
            from altgate.update import security_of

            made = Trial(slot, security_of(slot), door)
    except OSError:
        # The door runs; where the flash stays like that, the loader will see to it at the next start.
        print("altgate: %s cannot be read" % label)
    rooms.forget(
        "altgate.trial", "altgate.slots", "altgate.update", "altgate.release_key", "altgate.crypto.lms"
    )
    return made


def _note_return(slot, door):
    """Record it where another image was on trial, and the loader went back to the one in this slot."""
    if door.counters.get(KEY_UPDATE) in (0, slot.number):
        return
    other = Slot(LABELS[1 - LABELS.index(slot.label)])
    detail = update.event_detail(other.digest, update.EVENT_ROLLED_BACK)
    door.record(messages.KIND_UPDATE, detail=detail)
    door.counters.put(KEY_UPDATE, 0)


class Trial:
    """Of the image in ``slot``, with this security number, just before its tasks begin."""

    def __init__(self, slot, security, door):
        self._slot = slot
        self._security = security
        self._start = door.journal.head

    def is_over(self, door):
        """Confirm the image where it has proved itself; called every second."""
        is_heard = door.journal.acknowledged >= self._start
        if not (is_heard or monotonic_s() >= UNHEARD_S) or door.self_test() != reasons.DONE:
            return False
        try:
            detail = update.event_detail(self._slot.digest, update.EVENT_KEPT)
            door.record(messages.KIND_UPDATE, detail=detail)
            if self._security > door.counters.get(KEY_SECURITY):
                door.counters.put(KEY_SECURITY, self._security)
            is_kept = self._slot.say(update.GOOD_AT)
            if is_kept:
                door.counters.put(KEY_UPDATE, 0)
        except OSError:
            is_kept = False
        print("altgate: %s is %s" % (self._slot.label, "confirmed" if is_kept else "not confirmed"))
        return True
