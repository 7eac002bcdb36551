"""Doing something at the demo's front door, and seeing what follows at the pins, on MQTT, in the register."""

from collections.abc import Callable

from altgate.demo.building import Building
from altgate.demo.watch import Seen
from altgate.errors import CheckFailed
from altgate.protocol import limits, messages, names, topics

Told = Callable[[str], None]
RELEASED, SECURE = 1, 0
SECURED_S = limits.RELEASE_S_MIN + 5


class Observed:
    """One building looked at; ``told`` gets a line for each thing seen. Raises CheckFailed, TimeoutError."""

    def __init__(self, building: Building, told: Told) -> None:
        self.building, self.board, self.told = building, building.board, told
        self.seen: list[Seen] = []
        self._released_us: int | None = None

    def opens(self, act: Callable[[], object], method: int) -> int:
        """Do something: the strike is released, and MQTT and register say so; returns the record's number."""
        before, heard = self.building.last_number(), len(self.seen)
        self.released(act)
        number = self.recorded(before, method, 0)
        self.heard(heard, messages.KIND_ENTRY, 0)
        return number

    def refuses(self, act: Callable[[], object], method: int, reason: int) -> None:
        """Do something: the strike stays as it is, and MQTT and register say why."""
        before, heard, since = self.building.last_number(), len(self.seen), self.board.now_us()
        act()
        self.recorded(before, method, reason)
        self.stays_secure(since)
        self.heard(heard, messages.KIND_ENTRY, reason)

    def released(self, act: Callable[[], object]) -> None:
        """Do something once the strike is secure; it is released."""
        self.settle()
        since = self.board.now_us()
        act()
        self._released_us = self.board.wait_pin("strike", RELEASED, after_us=since)
        self.told("      pins    strike released")

    def settle(self) -> None:
        """See the strike go back to its safe side, after the time that the door is set to."""
        released, self._released_us = self._released_us, None
        if released is None:
            return
        secured = self.board.wait_pin("strike", SECURE, SECURED_S, after_us=released)
        taken_s = (secured - released) / 1e6
        if not limits.RELEASE_S_MIN - 0.1 < taken_s < limits.RELEASE_S_MIN + 1:
            raise CheckFailed(f"The strike was released for {taken_s:.2f} s, not {limits.RELEASE_S_MIN} s.")
        self.told(f"      pins    strike secured, {taken_s:.2f} s after it was released")

    def stays_secure(self, since_us: int) -> None:
        """Nothing has released the strike since then."""
        try:
            self.board.wait_pin("strike", RELEASED, 0, after_us=since_us)
        except TimeoutError:
            self.told("      pins    strike not released")
        else:
            raise CheckFailed("The strike was released for what had to be refused.")

    def supply_stays_low(self, act: Callable[[], object]) -> None:
        """Do something; the face module gets no supply."""
        rises = self.board.supply.rises
        act()
        if self.board.supply.rises != rises:
            raise CheckFailed("The face module's supply rose where it had to stay low.")
        self.told("      pins    face supply never rose")

    def recorded(self, before: int, method: int, reason: int, kind: int = messages.KIND_ENTRY) -> int:
        """The next record of a kind is this one; returns its number."""
        event = self.building.wait_event(kind, before)
        if (event.method, event.reason) != (method, reason):
            raise CheckFailed(f"The register says {_words(event.method, event.reason)}.")
        self.told(f"      record  {event.number}: {names.KINDS[kind]} {_words(event.method, event.reason)}")
        return event.number

    def heard(self, heard: int, kind: int, reason: int | None) -> None:
        """The event and the host's acknowledgement passed over MQTT since message number ``heard``."""
        event = self.message(
            heard,
            topics.UP_EVENT,
            lambda fields: fields[messages.KIND] == kind and reason in (None, fields[messages.REASON]),
        )
        sequence = event.fields[messages.SEQUENCE]
        answer = self.message(
            heard, topics.DOWN_ACK, lambda fields: bool(fields[messages.SEQUENCE] >= sequence)
        )
        self.told(f"      mqtt    {event.text} / {answer.text}")

    def message(self, heard: int, name: str, is_it: Callable[[dict[int, object]], bool]) -> Seen:
        """A message of that topic since message number ``heard``."""

        def look() -> Seen | None:
            fitting = (one for one in self.seen[heard:] if one.name == name and is_it(one.fields))
            return next(fitting, None)

        return self.building.wait(look, f"a message {name} on MQTT")


def _words(method: int | None, reason: int | None) -> str:
    return f"{names.METHODS[method or 0]} {names.REASONS[reason or 0]}"
