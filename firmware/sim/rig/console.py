"""The board's serial console: one PTY that the firmware holds, bridged to another that a user opens.

Two pairs, because a PTY ends with its last holder: the user's end stays while the firmware restarts, and
the firmware's stays while nobody listens. Both are raw, so every byte passes as it is.
"""

import contextlib
import os
import pty
import select
import termios
import time
import tty
from collections import deque
from collections.abc import Callable

_LOG_BYTES = 262144
_BACKLOG_BYTES = 65536
_STALLED_S = 0.2
CTRL_C = b"\x03"


class Console:
    """``path`` is what a serial program opens; ``board_end`` is the descriptor for the firmware."""

    def __init__(self) -> None:
        self.board_master, self.board_end = _raw_pair()
        # The rig keeps the user's end open too: its settings last, and its master never hangs up.
        self.user_master, self._user_end = _raw_pair()
        self.path = os.ttyname(self._user_end)
        self._log: deque[bytes] = deque()
        self._logged = 0
        self._backlog = b""
        self._stalled_s = 0.0
        self._is_open = True
        self.interrupt: Callable[[], bool] = lambda: False  # what a Ctrl-C does; True where it was taken

    def masters(self) -> tuple[int, int]:
        """Descriptors to watch for reading."""
        return self.board_master, self.user_master

    def pump(self, master: int) -> None:
        """Carry what waits at this master over to the other side."""
        try:
            data = os.read(master, 4096)
        except BlockingIOError:
            return
        if master == self.user_master:
            self.type(data)
            return
        self._remember(data)
        self._backlog = (self._backlog + data)[-_BACKLOG_BYTES:]
        self.flush()

    def flush(self) -> None:
        """Pass on what the user's end had no room for; what nobody reads for 200 ms is dropped.

        Somebody who opens the port later gets what is new rather than a stale screen that blocks it.
        """
        if not self._backlog:
            return
        now_s = time.monotonic()
        try:
            self._backlog = self._backlog[os.write(self.user_master, self._backlog) :]
        except BlockingIOError:
            self._stalled_s = self._stalled_s or now_s
            if now_s - self._stalled_s > _STALLED_S:
                termios.tcflush(self._user_end, termios.TCIFLUSH)
                self._backlog = self._backlog[-4096:]
                self._stalled_s = 0.0
            return
        self._stalled_s = 0.0

    def type(self, data: bytes) -> None:
        """Send bytes to the firmware; raises TimeoutError where it takes none for 2 s.

        As on the board, a Ctrl-C is no byte but an interrupt, unless the firmware has turned that off.
        """
        if CTRL_C in data and self.interrupt():
            data = data.replace(CTRL_C, b"")
        while data and self._is_open:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self.board_master, data) :]
            if data and not select.select([], [self.board_master], [], 2)[1]:
                raise TimeoutError("the firmware does not read its console")

    def text(self) -> str:
        """The last 256 KiB of what the firmware printed."""
        return b"".join(tuple(self._log)).decode("utf-8", "replace")

    def close(self) -> None:
        """Let go of both pairs."""
        if self._is_open:
            self._is_open = False
            for fd in (self.board_master, self.board_end, self.user_master, self._user_end):
                os.close(fd)

    def _remember(self, data: bytes) -> None:
        self._log.append(data)
        self._logged += len(data)
        while self._logged - len(self._log[0]) > _LOG_BYTES:
            self._logged -= len(self._log.popleft())


def _raw_pair() -> tuple[int, int]:
    master, end = pty.openpty()
    tty.setraw(end, termios.TCSANOW)
    os.set_blocking(master, False)
    return master, end
