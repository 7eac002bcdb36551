"""An image that was started for the first time, and has to prove itself.

It is confirmed once the door's own test passes and either the host has answered or the door has run for
UNHEARD_S. Without that the loader goes back to the image before it, at the next start.
"""

from altgate import rooms
from altgate.slots import LABELS, Slot
from altgate.store.counters import KEY_SECURITY, KEY_UPDATE
from altgate.ticks import monotonic_s
from protocol import messages, reasons, update

UNHEARD_S = 300


def of(label, door):
    """The trial of the image in this slot, or None where that was confirmed before; raises OSError.

    door: app.Door, which records it where the loader went back to this one.
    """
    slot = Slot(label)
    tried = door.counters.get(KEY_UPDATE)
    if tried and tried != slot.number:
        other = Slot(LABELS[1 - LABELS.index(label)])
        detail = update.event_detail(other.digest, update.EVENT_ROLLED_BACK)
        door.record(messages.KIND_UPDATE, detail=detail)
        door.counters.put(KEY_UPDATE, 0)
    if slot.says(update.GOOD_AT):
        return None
    from altgate.update import security_of

    security = security_of(slot)
    rooms.forget("altgate.update", "altgate.release_key", "altgate.crypto.lms")
    return Trial(slot, security)


class Trial:
    """Of the image in ``slot``, with this security number."""

    def __init__(self, slot, security):
        self._slot = slot
        self._security = security

    def is_over(self, door):
        """Confirm the image of ``door`` (app.Door) where it has proved itself; called every second."""
        is_heard = door.uplink and door.uplink.is_heard
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
