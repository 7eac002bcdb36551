"""Whether a door is in the start that a hello tells of, or the hello is an old one: the door is asked."""

import secrets
from typing import Any

from altgate.protocol import messages, topics
from altgate.registry.models import Door

_QUESTIONS = 1 << 31  # numbers of requests from here on are of no command


class Doubts:
    """Hellos that tell of a start before the last one, until their doors have answered for them.

    Such a hello is of a flash that was put back, or an old message that the broker has kept back until now:
    only a door that is in that start answers a question under its epoch. In memory only, for a door that is
    not heard says hello again.
    """

    def __init__(self) -> None:
        self._asked: dict[int, tuple[int, dict[int, Any]]] = {}

    def ask(self, door: Door, epoch: bytes, content: dict[int, Any]) -> tuple[str, dict[int, Any]]:
        """The question about a hello, under a number that no command has and nobody can know before."""
        request = _QUESTIONS | secrets.randbits(31)
        self._asked[door.id] = request, content
        return topics.DOWN_COMMAND, {
            messages.EPOCH: epoch,
            messages.REQUEST: request,
            messages.VERB: messages.VERB_CHALLENGE,
        }

    def answered(self, door: Door, request: int) -> dict[int, Any] | None:
        """The content of the hello that a reply is about, once; None for another reply."""
        if self._asked.get(door.id, (None,))[0] != request:
            return None
        return self._asked.pop(door.id)[1]
