"""What a resident does at the demo's front door to choose face, to use it and to leave it again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from altgate.consent import notices, records
from altgate.demo.building import RESIDENT, Building
from altgate.protocol import limits, messages
from altgate.registry import residents
from altgate.registry.models import Consent

DOOR_PIN = "135790"
SHOT_S = limits.FACE_NOTICE_MS / 1000 + limits.FACE_SHOT_S + 1
RELEASED, SECURE = 1, 0
LOW, HIGH = 0, 1
GREEN, RED = [0, 60, 0], [60, 0, 0]


class Person:
    """The demo's resident. Methods that wait raise TimeoutError with what they waited for."""

    def __init__(self, building: Building) -> None:
        self._building, self._board = building, building.board
        self.card = building.card()
        self._has_door_pin = False
        self.greens = self.reds = self._greens_before = 0  # how often the lamp has turned that colour
        self._lamp: list[int] = []
        self._board.subscribe(self._on_board)

    @property
    def number(self) -> int:
        """Their personal number."""
        with self._building.site.read() as session:
            return residents.find(session, RESIDENT).personal_number

    @property
    def code(self) -> str:
        """The six digits of the notice in force."""
        with self._building.site.read() as session:
            notice = notices.current(session)
            assert notice is not None
            return notices.code(notice)

    def consent(self) -> Consent | None:
        """Their newest consent in the register."""
        with self._building.site.read() as session:
            found = records.listed(session, residents.find(session, RESIDENT))
            return found[-1] if found else None

    def wait_consent(self, is_so: Callable[[Consent], bool], what: str) -> Consent:
        """Wait until the newest consent in the register is as asked."""

        def look() -> Consent | None:
            found = self.consent()
            return found if found and is_so(found) else None

        return self._building.wait(look, what)

    def show_card(self) -> int:
        """Hold the card to the reader and take it away; returns the stamp of the release."""
        self._board.wait_pin("strike", SECURE, limits.RELEASE_S_MAX)
        since = self._board.now_us()
        self._board.tap(self.card)
        released = self._board.wait_pin("strike", RELEASED, after_us=since)
        self._board.untap()
        return released

    def begin(self) -> None:
        """Be present: card, face key held, door PIN. The first time it is chosen: typed twice, and the card
        shown once more."""
        self.show_card()
        if not self._board.hold_face_key():
            raise TimeoutError("waited for the tone of the face key that is held")
        for _ in range(1 if self._has_door_pin else 2):
            self.type(DOOR_PIN + "#")
        if not self._has_door_pin:
            events = self._board.events
            before = events.beeps
            self._board.tap(self.card)
            events.wait(lambda: events.beeps > before or None, 10, "the tone for the card shown once more")
            self._board.untap()
        self._has_door_pin = True

    def say_yes(self) -> None:
        """Type the code of the notice."""
        self._greens_before = self.greens
        self.type(self.code + "#")

    def type(self, keys: str) -> None:
        """Press keys; raises TimeoutError where the door did not answer each with a tone."""
        heard = self._board.press(keys)
        if heard < len(keys):
            raise TimeoutError(f"waited for {len(keys)} tones and heard {heard}")

    def shots(self, vectors: Sequence[bytes]) -> None:
        """Look into the camera once for each vector, with the face key before each."""
        for vector in vectors:
            self._board.camera.show(vector)
            with self.looking():
                self._board.press_face_key()
        self._board.camera.show()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """The supply may rise within this, and has risen and fallen once when it ends."""
        since = self._board.now_us()
        with self._board.supply.expected():
            yield
            risen = self._board.wait_pin("face_supply", HIGH, SHOT_S, after_us=since)
            self._board.wait_pin("face_supply", LOW, SHOT_S, after_us=risen)

    def claim(self, *faces: bytes) -> None:
        """Type the personal number, press the face key, and hold up these faces."""
        self._board.camera.show(*faces)
        self.type(str(self.number))
        self._board.press_face_key()

    def enrol(self, vectors: Sequence[bytes]) -> None:
        """From the card to a template: say yes, wait for the host, look three times."""
        self.begin()
        self.say_yes()
        self.wait_consent(lambda one: one.state == messages.CONSENT_GIVEN, "the consent in the register")
        self.wait_acknowledged()
        self.shots(vectors)
        self.wait_consent(lambda one: one.enrolled_at is not None, "the enrolment in the register")

    def wait_acknowledged(self) -> None:
        """Wait for the lamp's green after the code: the door has the host's word."""
        self._board.events.wait(lambda: self.greens > self._greens_before or None, 10, "a green lamp")

    def _on_board(self, message: dict[str, Any]) -> None:
        if "lamp" not in message:
            return
        before, self._lamp = self._lamp, message["lamp"][0]
        if self._lamp != before:
            self.greens += self._lamp == GREEN
            self.reds += self._lamp == RED

    def withdraw(self) -> None:
        """Take it back at the door: the card, then three stars."""
        self.show_card()
        self.type("***")
