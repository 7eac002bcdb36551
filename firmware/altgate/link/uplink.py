"""Carries the session over MQTT: hello on each connection, answers, and events until the host has them.

An event leaves the journal only by the host's sealed acknowledgement; what the broker acknowledged counts for
nothing. Events and consents that stay unacknowledged are sent again, and the host drops what it has seen.
"""

import asyncio
import time

from altgate.link import mqtt
from protocol import reasons, topics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RESEND_MS = 10000
CONSENT_RESEND_MS = 3000  # somebody stands at the door and waits for the host's word
UNHEARD_MS = 60000  # on one connection, with another certificate at hand
_ANSWERS = 8


class Uplink:
    """``session``: link.session.Session; ``journal``: store.journal.Journal; ``gate``: consent.gate.Gate;
    attach() gives the client."""

    def __init__(self, session, journal, gate):
        self._gate = gate
        self._said = set()  # (consent, state) sent on this connection and not yet acknowledged
        self._said_ms = 0
        self._session = session
        self._journal = journal
        self._client: Any = None  # until attach()
        self._answers = []
        self.said_of_broker = None
        self._sent = 0
        self._sent_ms = self._up_ms = 0
        self._work = asyncio.Event()

    def attach(self, client):
        """The MQTT client that was made with this object's on_message, on_up and on_down."""
        self._client = client
        client.on_acked = self._room
        client.on_refused = self._refused

    def notify(self):
        """There is a new event."""
        self._work.set()

    async def on_message(self, topic, payload, retain):
        """Called for each message; True once what it brought is stored."""
        if retain:
            # A retained message is the broker's memory, not the host's word of now.
            self._session.dropped(reasons.UNKNOWN_TOPIC)
            return True
        try:
            answers = await self._session.take(topic, payload)
        except OSError:
            return False
        if self._session.is_renewed:
            self._session.is_renewed = False
            self._client.reconnect()
        if len(self._answers) + len(answers) > _ANSWERS:
            self._session.dropped(reasons.OVERRUN)
        else:
            self._answers += answers
        self._work.set()
        return True

    def on_up(self, session_present):
        """The broker took us: say hello, and begin again with the oldest event that is owed."""
        self.said_of_broker, self._up_ms = None, time.ticks_ms()
        self._answers = [self._session.hello(self._client.bad_input())]
        self._sent = self._journal.acknowledged
        self._said.clear()
        self._gate.reconnected()
        door_id = self._answers[0][0].split("/")[1]
        self._answers.append((topics.topic(door_id, topics.UP_STATUS), topics.STATUS_ONLINE))
        self._work.set()

    def on_down(self, reason):
        """The connection is gone: nothing is lost, what is owed stays in the journal."""
        self._session.keys.lost()
        self._say(reason)

    def _refused(self, reason):
        if reason not in (mqtt.UNREACHABLE, mqtt.NO_MEMORY):
            self._session.keys.refused()
        self._say(reason)

    def _say(self, reason):
        """Say on the console what is wrong with the broker, once until it is something else."""
        if reason != self.said_of_broker:
            self.said_of_broker = reason
            print("altgate: broker: %s" % reason)

    async def run(self):
        """For ever: put answers and events into the client's window as room appears."""
        while True:
            self._work.clear()
            await self._push()
            try:
                await asyncio.wait_for_ms(self._work.wait(), 1000)
            except asyncio.TimeoutError:
                pass
            # Not only where it is quiet: whoever keeps on talking must not keep the door from its host.
            self._give_up_waiting()

    def _room(self, token):
        self._work.set()

    async def _push(self):
        """Send while there is room; answers go first, and hello is the first of them."""
        while True:
            self._sent = max(self._sent, self._journal.acknowledged)
            if self._answers:
                topic, payload = self._answers[0]
                if not self._client.send(topic, payload, True, retain=topic.endswith(topics.UP_STATUS)):
                    return
                self._answers.pop(0)
            elif self._sent < self._journal.head:
                if not self._client.send(*self._session.event(self._sent + 1), True):
                    return
                self._sent += 1
                self._sent_ms = time.ticks_ms()
            elif not self._push_consent():
                return
            # Sealing one message is a step; a full window at once would be a long one.
            await asyncio.sleep_ms(0)

    def _push_consent(self):
        """Send one consent that is owed, or ask for a lease; False where there is nothing, or no room."""
        if not self._client.is_up:
            return False
        for row in self._gate.owed():
            name = (row.consent, row.state)
            if name not in self._said:
                if not self._client.send(*self._session.consent(row), True):
                    return False
                self._said.add(name)
                self._said_ms = time.ticks_ms()
                return True
        question = self._session.lease_question()
        return question is not None and self._client.send(*question, True)

    def _give_up_waiting(self):
        keys, is_heard = self._session.keys, self._session.is_welcomed
        is_long = time.ticks_diff(time.ticks_ms(), self._up_ms) > UNHEARD_MS
        if keys.is_undecided and self._client.is_up and not is_heard and is_long:
            # The host may go by the other generation: the newest is tried next.
            self._up_ms = time.ticks_ms()
            self._client.reconnect()
        if self._said and time.ticks_diff(time.ticks_ms(), self._said_ms) > CONSENT_RESEND_MS:
            self._said.clear()
        is_owed = self._sent > self._journal.acknowledged
        if is_owed and time.ticks_diff(time.ticks_ms(), self._sent_ms) > RESEND_MS:
            self._sent = self._journal.acknowledged
            if not self._answers:
                # The host may not know this start, where the broker lost the hello, or may be an older one.
                self._answers.append(self._session.hello(self._client.bad_input()))
