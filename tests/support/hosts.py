"""``altgate serve`` in processes that can be killed at any moment and are there again at once.

They are forked from a process that has loaded everything and does nothing else, with short waits.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

from altgate import cli
from altgate.link import orders, server

READY_S = 10


class Hosts:
    """Make it before the first thread. ``start()`` and ``kill()`` may be called again and again."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self._nursery = os.fork()
        if not self._nursery:
            self._ours.close()
            _nurse(theirs)
            os._exit(0)
        theirs.close()
        self._answers = self._ours.makefile("r")
        self._ours.settimeout(READY_S)
        self.running = 0  # process id, 0 for none

    def start(self, data: Path, port: int, log: Path) -> None:
        """Start one for a building's data directory and a broker's port; nothing where one runs."""
        if not self.running:
            self.running = int(self._ask("start", str(data), port, str(log)))

    def kill(self) -> None:
        """Kill it with -9 and wait until it is gone."""
        if self.running:
            os.kill(self.running, signal.SIGKILL)
            self._ask("reap", self.running)
            self.running = 0

    @property
    def is_running(self) -> bool:
        """Whether it has not ended by itself, as it does where it finds no broker at its start."""
        if self.running and self._ask("look", self.running) != "0":
            self.running = 0
        return bool(self.running)

    def close(self) -> None:
        """End everything."""
        self.kill()
        self._ours.close()
        self._answers.close()
        os.waitpid(self._nursery, 0)

    def _ask(self, *words: object) -> str:
        self._ours.sendall(json.dumps(words).encode() + b"\n")
        return self._answers.readline().strip()


def _nurse(line: socket.socket) -> None:
    server.RECONNECT_S, server.RESEND_S, server.KEEPALIVE_S = 0.05, 0.5, 2
    orders.ASK_AGAIN_S, orders.SETTLE_S, orders.LOOK_S = 0.4, 0.1, 0.05
    running: set[int] = set()
    with line.makefile("r") as asked:
        for text in asked:
            word, *rest = json.loads(text)
            answer = {"start": _start, "reap": _reap, "look": _look}[word](running, *rest)
            line.sendall(f"{answer}\n".encode())
    for process in running:
        os.kill(process, signal.SIGKILL)


def _start(running: set[int], data: str, port: int, log: str) -> int:
    process = os.fork()
    if process:
        running.add(process)
        return process
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    try:
        cli.app(["--data", data, "serve", "--broker", f"127.0.0.1:{port}"])
    except SystemExit as end:
        os._exit(int(end.code or 0))
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def _reap(running: set[int], process: int) -> int:
    running.discard(process)
    os.waitpid(process, 0)
    return 0


def _look(running: set[int], process: int) -> int:
    """The process if it has ended, 0 while it runs."""
    ended = os.waitpid(process, os.WNOHANG)[0]
    running.discard(ended)
    return ended
