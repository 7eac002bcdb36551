"""The lease: face works only for so long after the host's last word. Pure; time comes from the caller.

The door asks with a fresh nonce and the hash of its consents. The answer must carry both; the lease counts
from the moment at which the nonce was drawn, so that holding an answer back wins nothing, and it lies in RAM
only, so that a reboot ends it.
"""

from protocol import limits


class Lease:
    """``seconds()``: how long a lease runs, the door's setting."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._asked = None  # nonce, consents, when it was drawn
        self._since_s = None
        self._asked_s = None

    def ask(self, nonce, consents, now_s):
        """A question is about to be sent; an earlier one is not good any more. now_s: monotonic."""
        self._asked = (nonce, consents, now_s)
        self._asked_s = now_s

    def answer(self, nonce, consents, in_force, now_s):
        """Take an answer; False where it is not one to our question, too late, or for other consents."""
        asked = self._asked
        if asked is None or nonce != asked[0] or now_s - asked[2] > limits.LEASE_NONCE_S:
            return False
        if consents != asked[1] or consents != in_force:
            return False
        self._asked, self._since_s = None, asked[2]
        return True

    def left_s(self, now_s):
        """Seconds for which face may still be used."""
        if self._since_s is None:
            return 0
        return max(0, self._since_s + self._seconds() - now_s)

    def is_due(self, now_s):
        """Whether to ask now: without a lease at short intervals, with one when half of it is over."""
        half_s = self._seconds() // 2
        if self._asked_s is not None and now_s - self._asked_s < min(30, max(2, half_s // 2)):
            return False
        return self.left_s(now_s) <= half_s

    def ask_soon(self):
        """The consents have changed, or the connection is new: the next is_due() says yes."""
        self._asked_s = None
        self._asked = None
