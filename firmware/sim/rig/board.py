"""A door's board on this PC: the firmware on the real MicroPython, with chips, cards and a person before it.

    with Board(folder) as board:
        board.tap(Ntag424(uid, key))
        stamp_us = board.wait_pin("strike", 1, 5)

Every method may be called from any thread. In asyncio, those that wait (press, the wait_ methods,
flash_counts) go through ``asyncio.to_thread``; a callback hands over by ``loop.call_soon_threadsafe``.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import wiring
from .cards import Card
from .console import Console
from .events import Callback, Events
from .gm65 import Gm65
from .line import Line
from .mf1 import Mf1
from .pn532 import Pn532
from .runner import Runner
from .supply import Supply

# Beside each other both in the package and in a checkout, where these are links.
FIRMWARE = Path(__file__).parent.parent / "firmware"
BOARD_FILE = Path(__file__).parent / "board.toml"
_ACKNOWLEDGED_S = 1.0
_HELD_S = 0.04  # without an answer to the key: more than the firmware's two scans
_APART_S = 0.06
_HOLD_S = 3.0


def interpreter() -> str:
    """MicroPython: ``ALTGATE_MICROPYTHON``, the one beside this Python, or the one on the path."""
    beside = Path(sys.executable).parent / "micropython"
    found = os.environ.get("ALTGATE_MICROPYTHON") or (str(beside) if beside.exists() else None)
    found = found or shutil.which("micropython")
    if found is None:
        raise FileNotFoundError("no micropython: run `make env`, or set ALTGATE_MICROPYTHON to its path")
    return found


class Board:
    """One simulated board. Its flash, ``flash.bin``, lives in ``folder`` and outlasts this object.

    script: what runs, the firmware's main.py by default. heap: MicroPython's heap size. settings: further
    keys of the settings file (``air``, ``unique_id``, ``rtc_offset_s`` ...), over those of the board file.
    is_paced: the scanner's codes come at 9600 bits a second. is_on: switched on at once.
    """

    def __init__(
        self, folder: Path, script: Path | None = None, *, heap: str = "8m", micropypath: str | None = None,
        firmware: Path = FIRMWARE, board_file: Path = BOARD_FILE,
        settings: dict[str, Any] | None = None, is_paced: bool = False, is_on: bool = True,
    ) -> None:  # fmt: skip
        self.wiring = wiring.load(board_file)
        self.events = Events()
        self.console = Console()
        reader_line, scanner_line, face_line = Line(), Line(), Line()
        self.reader = Pn532(reader_line.send)
        self.scanner = Gm65(scanner_line.send, is_paced)
        self.camera = Mf1(face_line.send)
        self.supply = Supply()
        self._supply_pin = self.wiring.pin("face_supply")
        self._driven = {self.wiring.pin(name): level for name, level in self.wiring.rest.items()}
        paths = micropypath or f"{firmware / 'sim'}:{firmware}:.frozen"
        self._runner = Runner(
            [interpreter(), "-X", f"heapsize={heap}", str(script or firmware / "main.py")],
            {**os.environ, "MICROPYPATH": paths}, folder, {**self._settings(folder), **(settings or {})},
            {
                self.wiring.reader: (reader_line, self.reader),
                self.wiring.scanner: (scanner_line, self.scanner),
                self.wiring.face: (face_line, self.camera),
            },
            self.console, self.events,
        )  # fmt: skip
        self.events.subscribe(self._on_event)
        if is_on:
            self.power_on()

    def _settings(self, folder: Path) -> dict[str, Any]:
        board = self.wiring
        return {
            "flash": str(folder / "flash.bin"), "flash_size": board.flash_bytes,
            "partitions": [list(partition) for partition in board.partitions],
            "matrix": {"rows": list(board.keypad.rows), "cols": list(board.keypad.columns)},
            "i2c": {f"{board.clock_address:#x}": "ds3231"}, "air": [], "unique_id": "a17e9a7e0001",
            "rtc_offset_s": 0, "driven": {str(pin): level for pin, level in self._driven.items()},
        }  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Supply and process

    def power_on(self) -> None:
        """Switch the board on; nothing where it is on."""
        self._runner.power_on()

    def power_off(self) -> None:
        """Pull the plug, whatever the firmware is doing."""
        self._runner.power_off()

    def kill_flash(self, *labels: str) -> None:
        """From the next start on every operation in these partitions fails; with none, all work again."""
        self._runner.settings["dead"] = list(labels)

    def encrypt_flash(self, *labels: str) -> None:
        """From the next start on these partitions are encrypted; what they held is noise then."""
        self._runner.settings["encrypted"] = list(labels)

    def stop(self) -> None:
        """End the board for good; its flash file stays. May be called twice."""
        if self._runner.close():
            self.supply.log()
        self.console.close()

    @property
    def is_on(self) -> bool:
        """Whether the firmware runs."""
        return self._runner.is_on

    @property
    def starts(self) -> int:
        """How often the firmware was started."""
        return self._runner.starts

    @property
    def exit_code(self) -> int | None:
        """How the firmware ended last, None while it runs: 76 after a power cut, negative when killed."""
        return self._runner.exit_code

    def wait_off(self, timeout_s: float = 10) -> int:
        """Wait until the firmware has ended and stays so; returns its exit code."""
        return self.events.wait(
            lambda: None if self.is_on else self.exit_code, timeout_s, "the end of the firmware"
        )

    def wait_start(self, number: int, timeout_s: float = 10) -> None:
        """Wait until the firmware was started ``number`` times."""
        self.events.wait(lambda: self.starts >= number or None, timeout_s, f"start number {number}")

    # What a person does

    def tap(self, card: Card) -> None:
        """Hold a card before the reader until untap()."""
        self.reader.put(card)

    def untap(self, card: Card | None = None, timeout_s: float = 2) -> None:
        """Take a card away, or all of them, and wait until the firmware has looked and found nobody."""
        looks = self.reader.empty_looks
        for held in (card,) if card else self.reader.cards():
            self.reader.take(held)
        deadline_s = time.monotonic() + timeout_s
        while self.is_on and not self.reader.cards() and self.reader.empty_looks == looks:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the firmware did not look for a card in {timeout_s} s")
            time.sleep(0.005)

    def press(self, keys: str) -> int:
        """Press keys one after the other; returns how many the firmware acknowledged with a tone.

        A key is held until its tone begins, at most a second; then nothing is pressed for 60 ms, so that
        the firmware sees the key go up.
        """
        acknowledged = 0
        for key in keys:
            pins = self.wiring.keypad.pins(key)
            # The tone before must be over, or this key's would not be heard to begin.
            self._heard(lambda: self.events.tone[1] == 0 or None)
            before = self.events.beeps
            self._runner.tell({"keys": [list(pins)]})
            pressed_s = time.monotonic()
            acknowledged += self._heard(partial(self._has_beeped, before))
            time.sleep(max(0.0, pressed_s + _HELD_S - time.monotonic()))
            self._runner.tell({"keys": []})
            time.sleep(_APART_S)
        return acknowledged

    def press_face_key(self) -> bool:
        """Press the face key and let it go; whether the firmware acknowledged it with a tone."""
        level = self.wiring.rest["face_key"]
        self._heard(lambda: self.events.tone[1] == 0 or None)
        before = self.events.beeps
        self.drive("face_key", 1 - level)
        time.sleep(_HELD_S)
        self.drive("face_key", level)
        return self._heard(partial(self._has_beeped, before))

    def hold_face_key(self) -> bool:
        """Hold the face key until the firmware acknowledges that; whether it did within 3 s."""
        level = self.wiring.rest["face_key"]
        self._heard(lambda: self.events.tone[1] == 0 or None)
        before = self.events.beeps
        self.drive("face_key", 1 - level)
        is_heard = self._heard(partial(self._has_beeped, before), _HOLD_S)
        self.drive("face_key", level)
        time.sleep(_APART_S)
        return is_heard

    def _has_beeped(self, before: int) -> bool | None:
        return self.events.beeps > before or None

    def _heard(self, look: Callable[[], bool | None], timeout_s: float = _ACKNOWLEDGED_S) -> bool:
        try:
            return self.events.wait(look, timeout_s, "a tone")
        except TimeoutError:
            return False

    def show_qr(self, text: str | bytes) -> int:
        """Hold a code before the scanner; returns monotonic ns just before the last byte."""
        return self.scanner.show(text)

    def type(self, data: bytes) -> None:
        """Send bytes to the firmware's console; others open `console_path`."""
        self.console.type(data)

    @property
    def console_path(self) -> str:
        """The PTY that a serial program (pyserial) opens as the board's port."""
        return self.console.path

    # Pins, and what else the board tells

    def drive(self, name: str, level: int) -> None:
        """Set the level of a contact; it keeps it over restarts."""
        pin = self.wiring.pin(name)
        self._driven[pin] = level
        self._runner.settings["driven"] = {str(number): value for number, value in self._driven.items()}
        self._runner.tell({"pin": pin, "v": level})

    def air(self, networks: list[tuple[str, str, int]]) -> None:
        """Set the Wi-Fi networks in the air: name, password, signal in dBm."""
        self._runner.settings["air"] = [list(network) for network in networks]
        self._runner.tell({"air": self._runner.settings["air"]})

    @property
    def pins(self) -> dict[str, int]:
        """Levels of the outputs that the firmware drives, by name."""
        return {self.wiring.name(pin): level for pin, (level, _) in tuple(self.events.levels.items())}

    def wait_pin(self, name: str, level: int, timeout_s: float = 5, after_us: int | None = None) -> int:
        """Wait for an output's level; returns the board's ticks_us of the change, as now_us() counts.

        A level that stands already counts, unless ``after_us`` asks for the first change from then on.
        """
        what = f"{name} to be {level}"
        return self.events.wait_level(self.wiring.pin(name), level, timeout_s, after_us, what)

    def wait_console(self, text: str, timeout_s: float = 5) -> str:
        """Wait until the firmware has printed ``text``; returns all that it printed."""
        deadline_s = time.monotonic() + timeout_s
        while text not in (printed := self.console.text()):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"waited {timeout_s} s for {text!r} on the console:\n{printed}")
            time.sleep(0.005)
        return printed

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have ``callback(message)`` told of every control message, on the rig's thread; returns its end.

        The rig adds ``{"rig": "started", "cause", "pid"}`` and ``{"rig": "ended", "code", "why"}``.
        """
        return self.events.subscribe(callback)

    @staticmethod
    def now_us() -> int:
        """The clock that the board's stamps are of, in microseconds."""
        return time.monotonic_ns() // 1000

    # Flash

    def flash_counts(self, timeout_s: float = 5) -> dict[str, int]:
        """Operations on the flash since the firmware started: reads, programs, erases ..."""
        before = self.events.flash_answers
        self._runner.tell({"ask": "flash"})
        return self.events.wait(
            lambda: self.events.flash if self.events.flash_answers > before else None, timeout_s,
            "the flash's counters",
        )  # fmt: skip

    def cut_after(self, operations: int, how: str = "half") -> None:
        """Lose power at that program or erase of the flash from now on (1 is the next; 0: never).

        how: "clean" (not done), "half", or "garbage" (half, then random bits). See norflash.
        """
        self._runner.tell({"cut_after": operations, "how": how})

    def cut_start_after(self, operations: int, how: str = "half") -> None:
        """As cut_after(), from each start on: for what a board does before it listens."""
        self._runner.settings["cut_after"] = operations
        self._runner.settings["how"] = how

    def _on_event(self, message: dict[str, Any]) -> None:
        if message.get("pin") == self._supply_pin:
            self._supply(bool(message["v"]) == bool(self.wiring.face_supply_on), message["t"])
        elif message.get("rig") == "ended":
            # An output floats while the board is off, and the module's switch has a resistor to the off side.
            self._supply(False, self.now_us())
        if message.get("rig") == "started":
            # A firmware that reads its settings file has them already; saying it twice changes nothing.
            for pin, level in tuple(self._driven.items()):
                self._runner.tell({"pin": pin, "v": level})

    def _supply(self, is_on: bool, now_us: int) -> None:
        self.supply.changed(is_on, now_us)
        self.camera.supply(is_on)
