"""Watching the face module's supply from outside: for how long it was on, and whether anybody had asked.

``ALTGATE_SUPPLY_LOG`` names a file to which each board adds one line of JSON when it ends, so that a whole
test run can be held to "never outside a claim".
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG = "ALTGATE_SUPPLY_LOG"


class Supply:
    """Told of each change of the pin; stamps are the board's ticks_us."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected = 0
        self._since_us: int | None = None
        self._was_expected = False
        self.rises = 0
        self.inside_us = self.outside_us = 0

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Within this, somebody with a live consent claims entry by face, or is being enrolled."""
        with self._lock:
            self._expected += 1
        try:
            yield
        finally:
            with self._lock:
                self._expected -= 1

    def changed(self, is_on: bool, now_us: int) -> None:
        """The pin went high or low."""
        with self._lock:
            if is_on and self._since_us is None:
                self.rises += 1
                self._since_us, self._was_expected = now_us, self._expected > 0
            elif not is_on and self._since_us is not None:
                # Still up when whoever claimed has gone counts as outside too.
                is_inside = self._was_expected and self._expected > 0
                taken, self._since_us = now_us - self._since_us, None
                if is_inside:
                    self.inside_us += taken
                else:
                    self.outside_us += taken

    def log(self) -> None:
        """Add what was seen to the log that the environment names."""
        path = os.environ.get(LOG)
        if path and self.rises:
            row = {"rises": self.rises, "inside_us": self.inside_us, "outside_us": self.outside_us}
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
