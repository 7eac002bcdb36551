"""Tries the parts of a door at its cable, one after the other, and says which of them failed.

Texts of parts and remedies are in texts/check.toml. What somebody must see is asked of a Watcher; what the
door sees itself is not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from altgate.clock import now_s, to_text
from altgate.errors import ProvisionFailed
from altgate.protocol import messages, names, reasons, service
from altgate.provision.access import Access
from altgate.provision.service import Service
from altgate.provision.session import OTHER_FORM

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
WAIT_S = 20  # for somebody to show or press something
SLACK_S = 15  # beyond what a check may take on the door
CLOCK_S = 60  # by which a door's time and a laptop's may differ
PARTS = (
    "reader", "card", "keys", "scanner", "lamp", "tones", "contacts", "way_out", "strike", "face", "flash",
    "clock", "wifi", "broker", "host",
)  # fmt: skip


class Watcher(Protocol):
    """Who stands at the door."""

    def told(self, text: str) -> None:
        """What is to be done now, or what just happens."""

    def confirms(self, question: str) -> bool | None:
        """Their yes or no; None where nobody watches."""


@dataclass(frozen=True)
class Result:
    """How one part fared: ``state`` is PASSED, FAILED or SKIPPED; ``note`` has figures, in plain words."""

    part: str
    state: str
    note: str = ""


@dataclass(frozen=True)
class About:
    """What a door says of itself."""

    hardware_id: str
    firmware: str
    build: str
    board: str


class Check:
    """The check of one door. ``skip``: parts that are not tried."""

    def __init__(self, line: Service, access: Access, watcher: Watcher, skip: frozenset[str]) -> None:
        self._line, self._access, self._watcher, self._skip = line, access, watcher, skip

    def about(self) -> About:
        """Who answers."""
        said = self._line.ask(service.VERB_ABOUT)
        if [type(value) for value in said[:4]] != [str] * 4:
            raise ProvisionFailed(OTHER_FORM)
        return About(*said[:4])

    def run(self) -> Iterator[Result]:
        """Each part in turn; raises ProvisionFailed where the line is lost."""
        for parts, tried in self._groups():
            try:
                found = {} if self._skip.issuperset(parts) else tried()
            except _NoMemoryError:
                note = names.REASONS[reasons.NO_MEMORY].replace("_", " ")
                found = {part: Result(part, FAILED, note) for part in parts}
            for part in parts:
                yield Result(part, SKIPPED) if part in self._skip else found[part]

    def _groups(self) -> list[tuple[tuple[str, ...], Callable[[], dict[str, Result]]]]:
        shown = "Show any card to the reader."
        pressed = "Press any key of the keypad."
        scanned = "Show any code to the scanner."
        return [
            (("reader",), self._reader),
            (("card",), lambda: self._seen("card", service.CHECK_CARD, shown)),
            (("keys",), lambda: self._seen("keys", service.CHECK_KEYS, pressed)),
            (("scanner",), lambda: self._seen("scanner", service.CHECK_SCANNER, scanned)),
            (("lamp", "tones"), self._signals),
            (("contacts",), self._contacts),
            (("way_out",), self._way_out),
            (("strike",), self._strike),
            (("face",), self._face),
            (("flash",), self._flash),
            (("clock",), self._clock),
            (("wifi",), self._wifi),
            (("broker", "host"), self._host),
        ]

    def _ask(self, number: int, seconds: int = 0) -> list[Any]:
        answer = self._line.ask(service.VERB_CHECK, number, seconds, answer_s=seconds + SLACK_S)
        if not answer or type(answer[0]) is not int:
            raise ProvisionFailed(OTHER_FORM)
        if answer[0] == reasons.NO_MEMORY:
            raise _NoMemoryError
        return answer

    def _reader(self) -> dict[str, Result]:
        reason, *version = self._ask(service.CHECK_READER)
        if reason != reasons.DONE or len(version) != 4:
            return _one("reader", False, _why(reason))
        return _one("reader", True, f"PN5{version[0]:02x} firmware {version[1]}.{version[2]}")

    def _seen(self, part: str, number: int, text: str) -> dict[str, Result]:
        self._watcher.told(f"{text} You have {WAIT_S} s.")
        reason, *found = self._ask(number, WAIT_S)
        return _one(part, reason == reasons.DONE, _why(reason) or _claim(found))

    def _signals(self) -> dict[str, Result]:
        self._watcher.told("Watch the lamp and listen: red with low tones, blue, green with high ones.")
        played = self._ask(service.CHECK_SIGNALS)[0] == reasons.DONE
        return self._watched("lamp", played, "Did the lamp show red, then blue, then green?") | self._watched(
            "tones", played, "Did you hear low tones, and high ones at the end?"
        )

    def _contacts(self) -> dict[str, Result]:
        levels = self._ask(service.CHECK_CONTACTS)[1:4]
        texts = ("door open", "exit pressed", "case open")
        said = [text for text, level in zip(texts, levels, strict=True) if level]
        return _one("contacts", not said, ", ".join(said))

    def _way_out(self) -> dict[str, Result]:
        self._watcher.told(f"Press the exit button, open the door, and shut it. You have {WAIT_S} s.")
        reason, *was = self._ask(service.CHECK_WAY_OUT, WAIT_S)
        texts = ("no press", "not opened", "not shut")
        missing = [text for text, seen in zip(texts, was, strict=True) if not seen]
        return _one("way_out", reason == reasons.DONE, ", ".join(missing))

    def _strike(self) -> dict[str, Result]:
        if not self._access.scope & service.SCOPE_STRIKE:
            return {"strike": Result("strike", SKIPPED, "the service ticket has not the scope strike")}
        if self._watcher.confirms("The lock opens now for some seconds. Do you stand at the door?") is False:
            return {"strike": Result("strike", SKIPPED)}
        answer_s = 2 * service.CHECK_S + SLACK_S
        reason, *took = self._line.ask(service.VERB_CHECK_STRIKE, answer_s=answer_s)
        if reason != reasons.DONE or len(took) != 1:
            return _one("strike", False, _why(reason))
        return self._watched("strike", True, "Did the lock open, and shut again?", f"{took[0]} s")

    def _face(self) -> dict[str, Result]:
        reason, _, is_chosen = self._ask(service.CHECK_FACE)
        return _one("face", reason == reasons.DONE, "face is on at this door" if is_chosen else "face is off")

    def _flash(self) -> dict[str, Result]:
        reason, places, owed, damaged = self._ask(service.CHECK_FLASH)
        note = f"{owed} of {places} events wait for the host"
        if damaged:
            note += f", {damaged} entries did not check"
        return _one("flash", reason == reasons.DONE and not damaged, _why(reason) or note)

    def _clock(self) -> dict[str, Result]:
        reason, chip, door, quality = self._ask(service.CHECK_CLOCK)
        now = now_s()
        if reason != reasons.DONE:
            stopped = "it had stopped: battery" if reason == reasons.TIME_UNKNOWN else ""
            return _one("clock", False, stopped or _why(reason))
        # The host's word counts where the door had it; else this computer's is the only other clock here.
        note = f"{chip - now:+d} s to this computer"
        if quality == messages.QUALITY_HOST:
            return _one("clock", abs(chip - door) <= CLOCK_S, f"{chip - door:+d} s to the host, {note}")
        return _one("clock", abs(chip - now) <= CLOCK_S, note)

    def _wifi(self) -> dict[str, Result]:
        reason, is_used, dbm = self._ask(service.CHECK_WIFI, WAIT_S)
        note = f"{dbm} dBm" if is_used else "none: the board's network is a cable"
        return _one("wifi", reason == reasons.DONE, _why(reason) or note)

    def _host(self) -> dict[str, Result]:
        reason, _, left, milliseconds, said = self._ask(service.CHECK_HOST, WAIT_S)
        is_heard = reason == reasons.DONE
        note = f"{milliseconds} ms" if is_heard else f"{left} events are not acknowledged"
        # What the broker last said is forgotten once it takes the door.
        broker = _one("broker", is_heard or not said, "" if is_heard else said)
        return broker | _one("host", is_heard, note)

    def _watched(self, part: str, is_done: bool, question: str, note: str = "") -> dict[str, Result]:
        """A part of which the door did its own; what came of it somebody has to say."""
        said = self._watcher.confirms(question) if is_done else False
        if said is None:
            note = f"{note}, nobody watched".removeprefix(", ")
        return _one(part, is_done and said is not False, note)


class _NoMemoryError(Exception):
    """The door could not load what tries a part: a small board whose memory others need."""


def _one(part: str, is_right: bool, note: str) -> dict[str, Result]:
    return {part: Result(part, PASSED if is_right else FAILED, note)}


def _why(reason: int) -> str:
    return "" if reason == reasons.DONE else names.REASONS.get(reason, str(reason)).replace("_", " ")


def _claim(found: list[int]) -> str:
    """How what was shown was tried, where the door says so: by its method, and what was wrong with it."""
    if len(found) != 2:
        return ""
    wrong = "" if found[1] == reasons.NONE else f", {_why(found[1])}"
    return f"as {names.METHODS.get(found[0], str(found[0])).replace('_', ' ')}{wrong}"


def time_text() -> str:
    """The time of this computer, for a report."""
    return to_text(now_s()) or ""
