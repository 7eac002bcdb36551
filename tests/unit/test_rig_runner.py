"""The simulated board's thread, and who may end it when."""

import time
from pathlib import Path

from altgate.rig.board import Board


class SlowBell:
    """Stands before the bell: the thread has long woken by itself when it is rung."""

    def __init__(self, bell):
        self._bell = bell

    def send(self, data):
        time.sleep(0.3)
        return self._bell.send(data)

    def close(self):
        self._bell.close()


def test_a_board_that_ends_before_its_bell_is_rung_ends_as_any_other(tmp_path: Path) -> None:
    board = Board(tmp_path, is_on=False)
    board._runner._bell = SlowBell(board._runner._bell)  # type: ignore[assignment]
    board.stop()
    board.stop()
