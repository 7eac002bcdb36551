"""The board's process: starts it, carries its bytes, starts it again after a reset, keeps its watchdog.

One thread does all of it. Exit codes: 75 is a reset and 76 a power cut; after anything else, or a power
cut, the board stays off until it is switched on.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from .console import Console
from .events import Events, Message
from .line import Line

RESET, POWER_CUT = 75, 76
POWER_ON_CAUSE, HARD_CAUSE, WATCHDOG_CAUSE, SOFT_CAUSE = 1, 2, 3, 5
_TICK_S = 0.05
_FEED_TOLD_S = 0.2  # the board tells of its feeds at most so often


class Chip(Protocol):
    """What sits at the far end of a UART."""

    def receive(self, data: bytes) -> None:
        """Bytes from the board."""

    def power_cycle(self) -> None:
        """The supply went and came."""


class Runner:
    """``settings`` is written to ``folder/board.json`` at each start, with the descriptors added."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, settings: dict[str, Any],
        uarts: Mapping[str, tuple[Line, Chip]], console: Console, events: Events,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.is_on = False
        self.exit_code: int | None = None
        self.starts = 0
        self._command, self._environment, self._folder = command, environment, folder
        self._uarts, self._console, self._events = uarts, console, events
        self._selector = selectors.DefaultSelector()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._control_lock = threading.Lock()
        self._calls: list[tuple[Callable[[], None], Future[None]]] = []
        self._bell, self._bell_end = socket.socketpair()
        self._is_running = True
        console.interrupt = self._interrupt
        self._forget_process()
        self._watch(self._bell_end, lambda: self._bell_end.recv(64))
        for master in console.masters():
            self._selector.register(master, selectors.EVENT_READ, lambda fd=master: console.pump(fd))
        self._thread = threading.Thread(target=self._run, name="rig", daemon=True)
        self._thread.start()

    def power_on(self) -> None:
        """Start the board as at power-on; nothing where it is on."""
        self._call(lambda: None if self.is_on else self._start(POWER_ON_CAUSE))

    def power_off(self) -> None:
        """Pull the plug, in whatever the firmware is doing."""
        self._call(lambda: self._kill("off"))

    def close(self) -> bool:
        """End the process and the thread; False where that was done before."""
        is_first = self._thread.is_alive()
        if is_first:
            self.power_off()
            self._call(self._halt)
            self._thread.join()
        # Not by the thread: it may have ended by the very call that is still ringing.
        self._bell.close()
        self._bell_end.close()
        return is_first

    def tell(self, message: Message) -> None:
        """Send the board a message; nothing where it is off."""
        data = json.dumps(message).encode() + b"\n"
        with self._control_lock:
            if self._control is None:
                return
            try:
                sent = self._control.send(data)
            except (BrokenPipeError, ConnectionResetError):
                return  # it is ending: the thread will see that
            if sent < len(data):
                raise RuntimeError("the board does not read its control channel")

    def _interrupt(self) -> bool:
        """Interrupt the firmware as the chip's serial driver does, where the firmware lets it."""
        process = self._process
        if process is None:
            return False
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            caught = next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1]
            # micropython.kbd_intr(-1) shows as SIGINT not being caught any more.
            if int(caught, 16) >> (signal.SIGINT - 1) & 1:
                os.kill(process.pid, signal.SIGINT)
                return True
        except (OSError, StopIteration):
            return False
        return False

    def _call(self, action: Callable[[], None]) -> None:
        done: Future[None] = Future()
        self._calls.append((action, done))
        self._bell.send(b"!")
        done.result(timeout=15)

    def _halt(self) -> None:
        self._is_running = False

    def _run(self) -> None:
        try:
            while self._is_running:
                for key, _ in self._selector.select(_TICK_S):
                    # An earlier one of this round may have ended the process and its descriptors, and a new
                    # process may have got the same numbers.
                    if self._selector.get_map().get(key.fd) is key:
                        key.data()
                self._console.flush()
                while self._calls:
                    action, done = self._calls.pop(0)
                    self._answer(action, done)
                if time.monotonic() > self._bite_s:
                    self._kill("watchdog")
        except BaseException as error:
            self._events.fail(error)
            raise
        finally:
            self._end_of_process("off")
            self._selector.close()

    def _answer(self, action: Callable[[], None], done: "Future[None]") -> None:
        try:
            action()
        except OSError as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    def _watch(self, end: socket.socket, ready: Callable[[], object]) -> None:
        self._selector.register(end, selectors.EVENT_READ, ready)

    def _forget_process(self) -> None:
        self._received = b""
        self._reset_kind = "hard"
        self._bite_s = float("inf")
        self._watchdog_s = 0.0

    def _start(self, cause: int) -> None:
        self._forget_process()
        ends: list[socket.socket] = []
        mine: list[socket.socket] = []
        for _ in range(1 + len(self._uarts)):
            here, there = socket.socketpair()
            here.setblocking(False)
            there.setblocking(False)
            mine.append(here)
            ends.append(there)
        control, *lines = mine
        descriptors = {name: end.fileno() for name, end in zip(self._uarts, ends[1:], strict=True)}
        settings = {**self.settings, "control": ends[0].fileno(), "uarts": descriptors, "reset_cause": cause}
        path = self._folder / "board.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        self._process = subprocess.Popen(
            self._command, env={**self._environment, "ALTGATE_SIM": str(path)}, cwd=self._folder,
            stdin=self._console.board_end, stdout=self._console.board_end, stderr=self._console.board_end,
            pass_fds=[end.fileno() for end in ends], start_new_session=True,
        )  # fmt: skip
        for end in ends:
            end.close()
        self.is_on, self.exit_code = True, None
        self.starts += 1
        with self._control_lock:
            self._control = control
        self._watch(control, self._hear)
        for (line, chip), end in zip(self._uarts.values(), lines, strict=True):
            line.plug(end)
            self._watch(end, partial(self._carry, end, chip))
        self._events.publish({"rig": "started", "cause": cause, "pid": self._process.pid})

    def _carry(self, end: socket.socket, chip: Chip) -> None:
        try:
            data = end.recv(65536)
        except ConnectionResetError:
            data = b""
        if data:
            chip.receive(data)
        else:
            self._selector.unregister(end)

    def _hear(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self._end_of_process("exit")
            return
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                message = {"rig": "unreadable", "line": line.decode("utf-8", "replace")}
            self._heed(message)
            self._events.publish(message)

    def _heed(self, message: Message) -> None:
        """What a message means for the process itself."""
        if "wdt" in message:
            if message["wdt"] != "feed":
                self._watchdog_s = message["wdt"] / 1000 + _FEED_TOLD_S
            self._bite_s = time.monotonic() + self._watchdog_s
        elif "reset" in message:
            self._reset_kind = message["reset"]
        elif "boot" in message:
            self.settings["running"] = message["boot"]
        elif "rtc" in message:
            # The clock's battery: what the firmware set survives the process.
            self.settings["rtc_offset_s"] = message["rtc"]["offset_s"]
            self.settings["rtc_stopped"] = message["rtc"]["stopped"]

    def _kill(self, why: str) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._end_of_process(why)

    def _end_of_process(self, why: str) -> None:
        """Clear up after the process; ``why`` is "exit", "watchdog" or "off" and decides what comes next."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            code = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()  # it closed its control channel, and stayed
            code = process.wait()
        self._unplug()
        self.is_on, self.exit_code = False, code
        cause = self._next_cause(why, code)
        if cause is None:
            for _, chip in self._uarts.values():
                chip.power_cycle()
        self._events.restarted()
        self._events.publish({"rig": "ended", "code": code, "why": why})
        if cause is not None:
            self._start(cause)

    def _next_cause(self, why: str, code: int) -> int | None:
        if why == "watchdog":
            return WATCHDOG_CAUSE
        if why == "exit" and code == RESET:
            return SOFT_CAUSE if self._reset_kind == "soft" else HARD_CAUSE
        return None

    def _unplug(self) -> None:
        with self._control_lock:
            control, self._control = self._control, None
        watched = [key.fileobj for key in self._selector.get_map().values()]
        for end in watched:
            if isinstance(end, socket.socket) and end is not self._bell_end:
                self._selector.unregister(end)
        for line, _ in self._uarts.values():
            line.plug(None)
        if control is not None:
            control.close()
