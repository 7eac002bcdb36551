"""What the board told on its control channel: levels, tones, lamp; waiting for it; being told of it."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

Message = dict[str, Any]
Callback = Callable[[Message], None]
T = TypeVar("T")
_CHANGES = 4096


class Events:
    """Safe to use from any thread. Callbacks run on the rig's thread and must not wait."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._callbacks: list[Callback] = []
        self._changes: deque[tuple[int, int, int]] = deque(maxlen=_CHANGES)  # pin, level, ticks_us
        self._failure: BaseException | None = None
        self.levels: dict[int, tuple[int, int]] = {}  # by pin: level, ticks_us
        self.lamp: tuple[tuple[int, int, int], ...] = ()
        self.tone = (0, 0)  # Hz, duty of 65535
        self.beeps = 0  # how often a tone began
        self.flash: dict[str, int] = {}
        self.flash_answers = 0

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have ``callback`` told of every message; returns what ends that."""
        with self._condition:
            self._callbacks.append(callback)

        def end() -> None:
            with self._condition:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return end

    def publish(self, message: Message) -> None:
        """Take one message from the board or the rig."""
        with self._condition:
            self._note(message)
            callbacks = tuple(self._callbacks)
            self._condition.notify_all()
        for callback in callbacks:
            callback(message)

    def restarted(self) -> None:
        """The board lost its outputs: they float until the firmware drives them again."""
        with self._condition:
            self.levels.clear()
            self.tone, self.lamp = (0, 0), ()
            self._condition.notify_all()

    def fail(self, error: BaseException) -> None:
        """The rig's thread ended: whoever waits is told."""
        with self._condition:
            self._failure = error
            self._condition.notify_all()

    def wait(self, look: Callable[[], T | None], timeout_s: float, what: str) -> T:
        """Wait until ``look()`` gives something; it is called under the lock after every message.

        Raises TimeoutError that names ``what``, RuntimeError where the rig itself broke.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._condition:
            while (found := look()) is None:
                if self._failure is not None:
                    raise RuntimeError("the rig's thread broke") from self._failure
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError(f"waited {timeout_s} s for {what}")
                self._condition.wait(left_s)
            return found

    def wait_level(self, pin: int, level: int, timeout_s: float, after_us: int | None, what: str) -> int:
        """ticks_us of the change that brought ``pin`` to ``level``.

        Without ``after_us`` a pin that stands there already counts; with it, the first change since then,
        even if the pin has moved on.
        """

        def look() -> int | None:
            if after_us is None:
                now, stamp = self.levels.get(pin, (None, 0))
                return stamp if now == level else None
            for at, to, stamp in self._changes:
                if at == pin and to == level and stamp >= after_us:
                    return stamp
            return None

        return self.wait(look, timeout_s, what)

    def _note(self, message: Message) -> None:
        if "pin" in message:
            self.levels[message["pin"]] = (message["v"], message["t"])
            self._changes.append((message["pin"], message["v"], message["t"]))
        elif "pwm" in message:
            # A key's tone may cut short another one: then only its pitch is new.
            if message["duty"] and (not self.tone[1] or message["freq"] != self.tone[0]):
                self.beeps += 1
            self.tone = (message["freq"], message["duty"])
        elif "lamp" in message:
            self.lamp = tuple((red, green, blue) for red, green, blue in message["lamp"])
        elif "flash" in message:
            self.flash = message["flash"]
            self.flash_answers += 1
