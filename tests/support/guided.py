"""Somebody at a terminal: ``altgate`` in a process of its own, whose questions are answered as they come."""

import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

THINKS_S = 0.3
Act = Callable[[], str | None]  # what to do when a text was said; what to type then, None for nothing


class Guided:
    """``acts``: text that is waited for, and what to do then, each time it is said.

    questions: how many were asked. text: all that was said.
    """

    def __init__(
        self, words: Sequence[str | Path], acts: dict[str, Act], cwd: Path | None = None
    ) -> None:
        self._acts, self.text, self.questions = acts, "", 0
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "altgate", *map(str, words)],
            stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd,
            env={**os.environ, "COLUMNS": "200", "TERM": "dumb"},
        )  # fmt: skip
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        pending = ""
        while chunk := os.read(self._process.stdout.fileno(), 4096):
            said = chunk.decode(errors="replace")
            self.text += said
            pending += said
            for text, act in self._acts.items():
                if text in pending:
                    # What stands before it was said before it.
                    pending = pending.split(text, 1)[1]
                    typed = act()
                    if typed is not None:
                        self.questions += 1
                        # Faster than any hand: what is typed before a password is asked for is thrown away.
                        time.sleep(THINKS_S)
                        os.write(self._ours, typed.encode() + b"\n")
                        # As a terminal shows it.
                        self.text += ("" if "Password" in text else typed) + "\n"

    def wait_for(self, pattern: str, timeout_s: float) -> str:
        """The group of a pattern, once it was said; raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.text)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {timeout_s} s for {pattern}:\n{self.text}")
            time.sleep(0.1)
        return found[1]

    def wait(self, timeout_s: float) -> int:
        """Its exit code; raises TimeoutError with what it said."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise TimeoutError(f"it did not end in {timeout_s} s:\n{self.text}") from None
        self._reader.join(10)
        os.close(self._ours)
        assert self._process.stdout
        self._process.stdout.close()
        return code
