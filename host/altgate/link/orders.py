"""Commands on their way to the doors, in two steps: the door gives a challenge, then acts on it once.

Asking may be repeated, because a challenge opens nothing. The step that acts is marked in the database before
it leaves and is never sent again: whether a lost answer meant yes cannot be known. Knows nothing of MQTT.
"""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.link import sealed
from altgate.link.doubts import Doubts
from altgate.protocol import limits, messages, reasons, topics
from altgate.registry import commands
from altgate.registry.models import Command, Door
from altgate.registry.site import Site

# Name of a topic below the door, and the fields that are sealed for it; bytes are sealed already.
Answer = tuple[str, dict[int, Any] | bytes]
ASK_AGAIN_S = 3.0
SETTLE_S = 1.0
LOOK_S = 0.5


@dataclass
class _Talk:
    """What was asked of a door for one command. A door knows only the newest challenge that it gave."""

    door: int
    asked: int = 0
    asked_at: float = 0.0
    answers: int = 0
    answered_at: float = 0.0
    challenge: bytes | None = None

    def must_ask(self, now: float) -> bool:
        is_late = now - self.asked_at >= ASK_AGAIN_S
        return self.challenge is None and (not self.asked or is_late)

    def is_ready(self, now: float) -> bool:
        """Questions that waited at the broker are answered in a row, and only the last answer is good."""
        is_last = self.answers >= self.asked or now - self.answered_at >= SETTLE_S
        return self.challenge is not None and is_last


class Orders:
    """The open commands of one building."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.doubts = Doubts()
        self._talks: dict[int, _Talk] = {}
        self._look_at = 0.0

    def is_due(self) -> bool:
        """Whether ``due`` may have something, though the database did not change."""
        return bool(self._talks) and time.monotonic() >= self._look_at

    def ask_again(self, door: Door | None = None) -> None:
        """A connection is new, of the host or of one door: what was asked before may be lost."""
        for talk in self._talks.values():
            if door is None or talk.door == door.id:
                talk.asked_at = float("-inf")
        self._look_at = 0.0

    def restarted(self, door: Door) -> None:
        """A door has a new epoch: it knows no challenge of the old one."""
        self._talks = {number: talk for number, talk in self._talks.items() if talk.door != door.id}
        self._look_at = 0.0

    def take(self, session: Session, door: Door, content: dict[int, Any]) -> None:
        """A door's reply; raises BadMessage."""
        request = sealed.number(content, messages.REQUEST)
        result = sealed.number(content, messages.RESULT)
        command = session.get(Command, request // 2)
        if command is None or command.door != door.id or command.result is not None:
            return
        if request % 2:
            commands.finish(command, result)
        elif result == reasons.DONE and not command.is_sent:
            challenge = sealed.octets(content, messages.CHALLENGE, limits.NONCE_BYTES)
            talk = self._talks.setdefault(command.id, _Talk(door.id))
            talk.challenge, talk.answered_at = challenge, time.monotonic()
            talk.answers += 1
            self._look_at = 0.0

    def due(self) -> list[tuple[Door, Answer]]:
        """The next steps of all open commands; late ones end instead. What is returned must be sent."""
        now = time.monotonic()
        steps: list[tuple[Door, Answer]] = []
        with self._site.write() as session:
            waiting = commands.open_commands(session)
            busy: set[int] = set()
            for command in waiting:
                door = session.get_one(Door, command.door)
                if command.expires_at < now_s() or door.removed_at:
                    commands.finish(command, reasons.TIMED_OUT)
                    continue
                # A challenge for another command would make this one's worthless.
                is_free = door.id not in busy
                if not command.is_sent:
                    busy.add(door.id)
                if step := self._step(command, door, now, is_free):
                    steps.append((door, (topics.DOWN_COMMAND, {messages.EPOCH: door.epoch, **step})))
            is_open = {command.id for command in waiting if command.result is None}
        self._talks = {number: talk for number, talk in self._talks.items() if number in is_open}
        self._look_at = now + LOOK_S
        return steps

    def _step(self, command: Command, door: Door, now: float, is_free: bool) -> dict[int, Any] | None:
        """Fields of a command's next step, None where there is nothing to send."""
        talk = self._talks.setdefault(command.id, _Talk(door.id))
        if command.is_sent or not door.epoch or not is_free:
            return None
        if talk.is_ready(now):
            command.is_sent = True
            return {
                messages.REQUEST: 2 * command.id + 1,
                messages.VERB: command.verb,
                messages.CHALLENGE: talk.challenge,
            }
        if talk.must_ask(now):
            talk.asked, talk.asked_at = talk.asked + 1, now
            return {messages.REQUEST: 2 * command.id, messages.VERB: messages.VERB_CHALLENGE}
        return None
