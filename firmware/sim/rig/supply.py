"""A simulated board: the real MicroPython running the firmware, with its pins, flash and serial line.

The flash is a file, so what the door stored outlives the process. The firmware's console is a
pseudo-terminal; ``Board.console`` is a Port for altgate.provision.
"""

import json
import os
import pty
import select
import socket
import subprocess
import threading
import time
import tomllib
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .gm65 import Gm65
from .line import Line
from .pn532 import Pn532

RESET = 75  # exit code of machine.reset: the board starts again
FIRMWARE = Path(__file__).resolve().parents[2]
KEY_S = 0.06  # a quick finger: a key is down, and up, for six scans
CAUSE_POWER_ON, CAUSE_HARD = 1, 2


def board_file() -> dict[str, Any]:
    """hardware/board.toml, where pins and partitions come from."""
    return tomllib.loads((FIRMWARE.parent / "hardware" / "board.toml").read_text(encoding="utf-8"))


class Console:
    """The serial line as seen from the laptop."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._buffer = b""

    def write(self, data: bytes) -> None:
        """Send all of it."""
        os.write(self._master, data)

    def read_line(self, timeout_s: float) -> bytes:
        """The next line with its newline; empty when time is up."""
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                return b""
            self._buffer += os.read(self._master, 4096)
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line + b"\n"

    def close(self) -> None:
        """Nothing to release: the board owns the line."""


class Board:
    """One board in ``folder``. ``micropython``: path of the interpreter. ``heap``: as for -X heapsize."""

    def __init__(self, folder: Path, micropython: str, heap: str = "512k") -> None:
        self._folder = folder
        self._command = [micropython, "-X", f"heapsize={heap}", str(FIRMWARE / "main.py")]
        self._layout = board_file()
        self.pins: dict[str, int] = self._layout["pins"]
        self._master, self._slave = pty.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        self.console = Console(self._master)
        self._lines = {"1": Line(), "2": Line()}
        self.reader = Pn532(self._lines["1"].send)
        self.scanner = Gm65(self._lines["2"].send)
        self.levels: dict[int, int] = {}
        self.starts = 0
        self._changed = threading.Condition()
        self._is_on = False
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    def power_on(self) -> None:
        """Start the board; it starts again by itself after machine.reset."""
        self._is_on = True
        self._start(CAUSE_POWER_ON)
        self._thread = threading.Thread(target=self._watch, name="board", daemon=True)
        self._thread.start()

    def power_off(self) -> None:
        """Cut the supply now."""
        self._is_on = False
        if self._process:
            self._process.kill()
        if self._thread:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Power off and release the serial line."""
        self.power_off()
        for line in self._lines.values():
            line.plug(None)
        os.close(self._master)
        os.close(self._slave)

    def drive(self, pin: str, level: int) -> None:
        """Put a level on an input, by its name in the board file."""
        assert self._control
        self._control.sendall(json.dumps({"pin": self.pins[pin], "v": level}).encode() + b"\n")

    def press(self, keys: str) -> None:
        """Press and release keys of the keypad one after the other, each for a few scans."""
        pads = self._layout["pins"]
        for key in keys:
            row = next(at for at, names in enumerate(self._layout["keypad"]["keys"]) if key in names)
            column = self._layout["keypad"]["keys"][row].index(key)
            for pressed in ([[pads["keypad_rows"][row], pads["keypad_columns"][column]]], []):
                assert self._control
                self._control.sendall(json.dumps({"keys": pressed}).encode() + b"\n")
                time.sleep(KEY_S)

    def wait_pin(self, pin: str, level: int, timeout_s: float = 10) -> bool:
        """Wait until an output has this level; False when time is up."""
        number = self.pins[pin]
        return self.wait(lambda: self.levels.get(number) == level, timeout_s)

    def wait(self, is_true: Callable[[], bool], timeout_s: float = 10) -> bool:
        """Wait until a condition over this board's state holds; looked at after each change."""
        with self._changed:
            return self._changed.wait_for(is_true, timeout_s)

    def _start(self, cause: int) -> None:
        self._control, end = socket.socketpair()
        end.setblocking(False)
        far_ends = {name: self._plug(name) for name in self._lines}
        settings = self._folder / "board.json"
        pads = self._layout["pins"]
        config = {
            "control": end.fileno(),
            "uarts": {name: far.fileno() for name, far in far_ends.items()},
            "flash": str(self._folder / "flash.bin"),
            "flash_size": self._layout["board"]["flash_bytes"],
            "partitions": [[name, *rest] for name, rest in self._layout["partitions"].items()],
            "matrix": {"rows": pads["keypad_rows"], "cols": pads["keypad_columns"]},
            "air": [],
            "reset_cause": cause,
            "unique_id": "a17ea17e0001",
            "rtc_offset_s": 0,
            "i2c": {hex(self._layout["i2c"]["clock_address"]): "ds3231"},
        }
        settings.write_text(json.dumps(config), encoding="utf-8")
        path = f"{FIRMWARE / 'sim'}:{FIRMWARE}:.frozen"
        self._process = subprocess.Popen(
            self._command,
            env={**os.environ, "ALTGATE_SIM": str(settings), "MICROPYPATH": path},
            pass_fds=[end.fileno(), *(far.fileno() for far in far_ends.values())],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
        )
        for used in (end, *far_ends.values()):
            used.close()
        with self._changed:
            self.starts += 1
            self._changed.notify_all()

    def _plug(self, name: str) -> socket.socket:
        """A fresh wire to a chip; returns the board's end of it."""
        near, far = socket.socketpair()
        far.setblocking(False)
        self._lines[name].plug(near)
        chip: Pn532 | Gm65 = self.reader if name == "1" else self.scanner
        chip.power_cycle()
        threading.Thread(target=_feed, args=(near, chip.receive), daemon=True).start()
        return far

    def _watch(self) -> None:
        """Read the control channel until the process ends; start it again after a reset."""
        while True:
            assert self._control and self._process
            with self._control.makefile("rb") as lines:
                for line in lines:
                    self._take(json.loads(line))
            self._control.close()
            code = self._process.wait()
            if code != RESET or not self._is_on:
                return
            self._start(CAUSE_HARD)

    def _take(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "pin" in message:
                self.levels[message["pin"]] = message["v"]
            self._changed.notify_all()


def _feed(near: socket.socket, receive: Callable[[bytes], None]) -> None:
    """Give a chip what the board sends it, until the board is gone."""
    while True:
        try:
            data = near.recv(4096)
        except OSError:
            return
        if not data:
            return
        receive(data)
