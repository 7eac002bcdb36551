"""A UART's wire between the rig and the board: it outlives the board's process, as a cable does."""

import contextlib
import socket
import threading
import time


class Line:
    """Bytes to the board; what is sent while the board is off is lost, as on a real wire."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: socket.socket | None = None

    def plug(self, end: socket.socket | None) -> None:
        """Use this end of a socketpair from now on; None while the board is off. The old one is closed."""
        with self._lock:
            old, self._end = self._end, end
        if old is not None:
            old.close()

    def send(self, data: bytes, bits_per_s: int = 0) -> int:
        """Send ``data``; return monotonic ns just before its last byte went out.

        bits_per_s: keep to this speed at 10 bits a byte (8N1); 0 sends at once. A board that has stopped
        reading loses what no longer fits.
        """
        with self._lock:
            end = self._end
        start_s = time.monotonic()
        step = len(data) if not bits_per_s else max(1, bits_per_s // 10 // 200)
        stamp = time.monotonic_ns()
        for at in range(0, len(data), max(1, step)):
            part = data[at : at + step]
            if bits_per_s:
                due_s = start_s + (at + len(part)) * 10 / bits_per_s
                time.sleep(max(0.0, due_s - time.monotonic()))
            stamp = time.monotonic_ns()
            # An OSError is a board that went away or whose buffer is full: the wire does not care.
            with contextlib.suppress(OSError):
                if end is not None:
                    end.send(part)
        return stamp
