"""esptool, which prints nothing here: some of its modules take hold of its log while they are imported."""

from collections.abc import Callable
from typing import Any

from esp_pylib.logger import EspLog, EspLogBase


class _Quiet(EspLogBase):
    """esptool's log, of which only the progress is passed on: to ``on_progress``, as done and total."""

    def __init__(self) -> None:
        self.on_progress: Callable[[int, int], None] | None = None

    def progress_bar(self, cur_iter: int, total_iters: int, *_: Any, **__: Any) -> None:
        if self.on_progress:
            self.on_progress(cur_iter, total_iters)

    def print(self, *_: Any, **__: Any) -> None:
        pass

    note = warn = err = hint = debug = print

    def set_verbosity(self, mode: int | str) -> None:
        pass


LOG = _Quiet()
EspLog.set_logger(LOG)

from esptool import cmds  # noqa: E402
from esptool.bin_image import LoadFirmwareImage  # noqa: E402
from esptool.util import FatalError, flash_size_bytes  # noqa: E402

__all__ = ["LOG", "FatalError", "LoadFirmwareImage", "cmds", "flash_size_bytes"]
