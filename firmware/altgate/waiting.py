"""A board that has taken a ticket and waits until a manager admits it: it asks for that over MQTT.

Imported only then. It opens for nobody: it knows no credential yet. The way out is hardware, as always.
"""

import asyncio

from altgate import board
from altgate.link import wiring
from altgate.store import enrolment, identity
from protocol import reasons, topics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ASK_S = 20  # until the request is sent again


class Waiting:
    """``door``: app.Door, with its enrolment. It is to start anew once it ``is_admitted``."""

    def __init__(self, door):
        self._door = door
        self._said = ""
        self._client: Any = None
        self.is_admitted = False

    def tasks(self):
        """What keeps the board in touch with the broker."""
        who = self._door.enrolment
        pair = (who.certificate, who.private_key)
        heard = (self._on_message, self._on_up, self._on_down)
        self._client, tasks = wiring.client(who, lambda: pair, *heard, lambda: True)
        self._client.on_refused = self._on_down
        return tasks + [self._ask()]

    async def _ask(self):
        while True:
            self._send()
            await asyncio.sleep(ASK_S)

    def _send(self):
        who = self._door.enrolment
        if self._client.is_up:
            self._client.send(topics.topic(who.door_id, topics.UP_ENROL), who.record)

    def _on_up(self, session_present):
        self._say("broker: connected, asking to be admitted")
        self._send()

    def _on_down(self, reason):
        self._say("broker: %s" % reason)

    async def _on_message(self, topic, payload, retain):
        if topic != topics.topic(self._door.enrolment.door_id, topics.DOWN_ADMISSION):
            # What is said to the door before it, or what lay at the broker: acknowledged, and not looked at.
            return True
        try:
            enrolment.admit(board.wrapping_page(), self._door, payload)
        except identity.Unfit as error:
            if error.reason != reasons.BAD_MAC:
                self._say("admission refused, reason %d" % error.reason)
            return True
        self.is_admitted = True
        return True

    def _say(self, text):
        if text != self._said:
            self._said = text
            print("altgate: %s" % text)
