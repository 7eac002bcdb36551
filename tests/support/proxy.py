"""A TCP proxy on loopback that can swallow everything, or cut connections that both ends believe in."""

import contextlib
import select
import socket
import threading
import time


class Proxy:
    """Passes bytes between clients and ``target`` (a loopback port). While ``is_black_hole`` it reads and
    delivers nothing, in either direction; while ``is_slamming`` it closes new connections at once; ``cut()``
    ends every connection that is open."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_black_hole = self.is_slamming = False
        self.accepted = 0
        self._peer: dict[socket.socket, socket.socket] = {}
        self._is_over = self._is_cut = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Close all open connections."""
        self._is_cut = True

    def _run(self) -> None:
        while not self._is_over:
            if self._is_cut:
                self._is_cut = False
                for end in list(self._peer):
                    self._close(end)
            ready, _, _ = select.select([self._listener, *self._peer], [], [], 0.02)
            if self.is_black_hole:
                time.sleep(0.02)
                continue
            for end in ready:
                if end is self._listener:
                    self._accept()
                elif end in self._peer:
                    self._pass(end)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        self.accepted += 1
        if self.is_slamming:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 2)
        except OSError:
            near.close()
            return
        self._peer[near], self._peer[far] = far, near

    def _pass(self, end: socket.socket) -> None:
        try:
            chunk = end.recv(65536)
            self._peer[end].sendall(chunk)
        except OSError:
            chunk = b""
        if not chunk:
            self._close(end)

    def _close(self, end: socket.socket) -> None:
        other = self._peer.pop(end, None)
        if other is not None:
            self._peer.pop(other, None)
            other.close()
        with contextlib.suppress(OSError):
            end.close()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close everything."""
        self._is_over = True
        self._thread.join()
        for end in list(self._peer):
            self._close(end)
        self._listener.close()
