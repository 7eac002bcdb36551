"""When a connection may be opened: not while somebody is at the door."""

import time


class Quiet:
    """A TLS handshake takes long steps, so it starts with nobody at the door, or after 30 s all the same:
    who stands there typing must not keep the door from its host."""

    MOST_MS = 30000

    def __init__(self, ways_in):
        self._ways_in = ways_in
        self._busy_since = None

    def is_now(self):
        """Whether a handshake may start."""
        now = time.ticks_ms()
        if not any(way.is_claiming for way in self._ways_in):
            self._busy_since = None
            return True
        if self._busy_since is None:
            self._busy_since = now
        return time.ticks_diff(now, self._busy_since) >= self.MOST_MS
