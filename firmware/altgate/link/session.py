"""What the door says to its host and what it takes from it, as sealed messages; knows nothing of MQTT.

Every message is COSE_Mac0 under a key of its direction, with the topic as external data. Nothing here can be
made to raise by what arrives: a message that is not taken is counted by reason and reported in the hello.
"""

import asyncio
import gc
import os
import time

import altgate
from altgate.crypto import consteq, cose
from altgate.link.keys import FAILURES
from altgate.store.draft import Refused
from protocol import limits, messages, reasons, topics


_LEAST_NUMBER = 10 ** (limits.PERSONAL_NUMBER_DIGITS - 1)
_TIME_END = 0xF0000000  # in the year 2097


class Session:
    """One boot's conversation.

    keys: link.keys.LinkKeys. clock, credentials, journal: the stores. boot: this boot's number. unlock():
    releases the strike and records it. self_test(): returns a reason code. gate: consent.gate.Gate.
    """

    def __init__(self, keys, boot, clock, credentials, journal, unlock, self_test, gate):
        self._gate = gate
        self.keys = keys
        self.is_renewed = False  # whether the next connection is to be made with other keys
        self._checkpoint = None
        self._boot = boot
        self._clock = clock
        self._credentials = credentials
        self._journal = journal
        self._unlock = unlock
        self._self_test = self_test
        self.epoch = os.urandom(limits.EPOCH_BYTES)
        self._nonce = None
        self._challenge = None
        self.bad_input = {}

    @property
    def is_welcomed(self):
        """Whether the host has answered the last hello."""
        return self._nonce is None

    def dropped(self, reason):
        """Count something that was thrown away."""
        self.bad_input[reason] = self.bad_input.get(reason, 0) + 1

    def hello(self, link_counts):
        """What the door says first on each connection: ``(topic, payload)``; draws a fresh nonce.

        link_counts: what the link below threw away since boot, by reason code.
        """
        dropped = dict(self.bad_input)
        damaged = self._credentials.damaged + self._journal.damaged + self._gate.damaged
        if damaged:
            dropped[reasons.DAMAGED] = damaged
        for reason, count in link_counts.items():
            dropped[reason] = dropped.get(reason, 0) + count
        self._nonce = os.urandom(limits.NONCE_BYTES)
        fields = {
            messages.GENERATION: self.keys.generation,
            messages.BOOT: self._boot,
            messages.EPOCH: self.epoch,
            messages.STATE_VERSION: self._credentials.version,
            messages.JOURNAL_HEAD: self._journal.head,
            messages.JOURNAL_ACKED: self._journal.acknowledged,
            messages.FIRMWARE: altgate.VERSION,
            messages.BUILD: altgate.BUILD,
            messages.NONCE: self._nonce,
            messages.TIME: self._clock.now() if self._clock.is_trusted else 0,
            messages.TIME_QUALITY: self._clock.quality,
            messages.BAD_INPUT: dropped,
        }
        if self._checkpoint:
            fields[messages.CHECKPOINT] = self._checkpoint
        return self._sealed(topics.UP_HELLO, fields)

    def event(self, sequence):
        """The event of this number as ``(topic, payload)``; one that cannot be read is a gap of 1."""
        event = self._journal.read(sequence)
        if event is None:
            fields = {messages.KIND: messages.KIND_GAP, messages.DETAIL: 1, messages.BOOT: self._boot}
            fields[messages.TIME], fields[messages.TIME_QUALITY] = 0, messages.QUALITY_UNKNOWN
            fields[messages.REASON], fields[messages.METHOD] = reasons.NONE, messages.METHOD_NONE
            fields[messages.CREDENTIAL] = fields[messages.RESIDENT] = 0
        else:
            fields = {
                messages.KIND: event.kind,
                messages.DETAIL: event.detail,
                messages.BOOT: event.boot,
                messages.TIME: event.time,
                messages.TIME_QUALITY: event.quality,
                messages.REASON: event.reason,
                messages.METHOD: event.method,
                messages.CREDENTIAL: event.credential,
                messages.RESIDENT: event.resident,
            }
        fields[messages.SEQUENCE] = sequence
        if self._checkpoint:
            fields[messages.CHECKPOINT] = self._checkpoint
        return self._sealed(topics.UP_EVENT, fields)

    def consent(self, row):
        """A consent (consent.register.Row) as ``(topic, payload)``: what was said, and its present state."""
        fields = {
            messages.CONSENT: row.consent,
            messages.RESIDENT: row.resident,
            messages.CREDENTIAL: row.credential,
            messages.NOTICE: row.notice,
            messages.CONSENT_STATE: row.state,
            messages.BOOT: row.boot,
            messages.TIME: row.time,
            messages.TIME_QUALITY: row.quality,
            messages.NONCE: row.nonce,
            messages.REASON: row.reason,
        }
        return self._sealed(topics.UP_CONSENT, fields)

    def lease_question(self):
        """``(topic, payload)`` where it is time to ask for a lease, else None."""
        question = self._gate.lease_question()
        if question is None:
            return None
        return self._sealed(topics.UP_LEASE, {messages.NONCE: question[0], messages.CONSENTS: question[1]})

    async def take(self, topic, payload):
        """Act on one message; returns the answers as a list of ``(topic, payload)``.

        What had to be stored is stored on return; raises OSError where the flash refuses, and the message
        must then come again. Checking, applying and storing are steps of their own, so that a door that is
        brought up to date goes on opening; one message at a time is taken.
        """
        try:
            door_id, name = topics.split(topic)
            handler = _HANDLERS.get(name) if door_id == self.keys.door_id else None
        except ValueError:
            handler = None
        if handler is None:
            self.dropped(reasons.UNKNOWN_TOPIC)
            return []
        try:
            fields = cose.open_(self.keys.down_key, topic.encode(), payload)
        except cose.CoseError as error:
            self.dropped(error.reason)
            return []
        await asyncio.sleep_ms(0)
        try:
            # What was said to an earlier start, or to another board of this door, means nothing now.
            is_stale = not consteq.consteq(_field(fields, messages.EPOCH, bytes), self.epoch)
            if is_stale and name != topics.DOWN_COMMAND:
                self.dropped(reasons.STALE_EPOCH)
                return []
            return await handler(self, fields)
        except _Shape:
            self.dropped(reasons.BAD_SHAPE)
            return []

    async def _welcome(self, fields):
        nonce = _field(fields, messages.NONCE, bytes)
        unix = _field(fields, messages.TIME, int)
        if self._nonce is None or not consteq.consteq(nonce, self._nonce):
            self.dropped(reasons.STALE_CHALLENGE)
            return []
        self._nonce = None
        # Far from where a stored number of 32 bits ends: the door counts on from here.
        if 0 <= unix < _TIME_END:
            self._clock.set(unix)
        try:
            await self.keys.confirmed()
        except FAILURES:
            # Both stay, and the next welcome tries again.
            self.dropped(reasons.STORAGE_FAILED)
        return []

    async def _acknowledged(self, fields):
        checkpoint = fields.get(messages.CHECKPOINT)
        if checkpoint is not None and (
            type(checkpoint) is not bytes or len(checkpoint) != limits.CHECKPOINT_BYTES
        ):
            raise _Shape
        self._journal.acknowledge(_field(fields, messages.SEQUENCE, int))
        self._checkpoint = checkpoint or self._checkpoint
        return []

    async def _state(self, fields):
        result = reasons.DONE
        try:
            now = self._clock.now() if self._clock.is_trusted else 0
            draft = self._credentials.draft(fields, now)
            await asyncio.sleep_ms(0)
            self._credentials.prepare(draft)
            await asyncio.sleep_ms(0)
            for consent, state in draft.ended:
                self._gate.end(consent, state)
                await asyncio.sleep_ms(0)
            for resident in draft.forgotten:
                self._gate.forget(resident)
                await asyncio.sleep_ms(0)
            await self._credentials.keep(draft)
            self._gate.note_suspensions()
            # What was replaced is garbage now: collected here, it is not in the middle of a claim.
            del draft
            await asyncio.sleep_ms(0)
            gc.collect()
            await asyncio.sleep_ms(0)
        except Refused as error:
            result = error.reason
        return [self._reply(0, result, {messages.STATE_VERSION: self._credentials.version})]

    async def _consent(self, fields):
        acked, number = _field(fields, messages.CONSENT_STATE, int), fields.get(messages.PERSONAL_NUMBER, 0)
        # A number as long as a unit's could be a unit's: naming a unit must never raise the camera's supply.
        if type(number) is not int or number and not _LEAST_NUMBER <= number < 10 * _LEAST_NUMBER:
            raise _Shape
        if not self._gate.acknowledged(_field(fields, messages.CONSENT, bytes), acked, number):
            self.dropped(reasons.UNKNOWN_CONSENT)
        return []

    async def _renewal(self, fields):
        try:
            self.is_renewed = await self.keys.take(_field(fields, messages.SEALED, bytes)) or self.is_renewed
        except Refused as error:
            self.dropped(error.reason)
        except FAILURES:
            # It is offered again, and a door must not lose its host over it.
            self.dropped(reasons.STORAGE_FAILED)
        return []

    async def _lease(self, fields):
        nonce, consents = _field(fields, messages.NONCE, bytes), _field(fields, messages.CONSENTS, bytes)
        if not self._gate.lease_answer(nonce, consents):
            self.dropped(reasons.STALE_CHALLENGE)
        return []

    async def _command(self, fields):
        request = _field(fields, messages.REQUEST, int)
        verb = _field(fields, messages.VERB, int)
        if not 0 <= request <= 0xFFFFFFFF:
            raise _Shape
        if not consteq.consteq(fields[messages.EPOCH], self.epoch):
            # Somebody waits for the answer.
            return [self._reply(request, reasons.STALE_EPOCH, {messages.EPOCH: self.epoch})]
        if verb == messages.VERB_CHALLENGE:
            self._challenge = (os.urandom(limits.NONCE_BYTES), time.ticks_ms())
            return [self._reply(request, reasons.DONE, {messages.CHALLENGE: self._challenge[0]})]
        if verb == messages.VERB_UNLOCK:
            return [self._reply(request, self._unlocked(fields), {})]
        if verb == messages.VERB_SELF_TEST:
            return [self._reply(request, self._self_test(), {})]
        return [self._reply(request, reasons.UNKNOWN_VERB, {})]

    def _unlocked(self, fields):
        given = _field(fields, messages.CHALLENGE, bytes)
        # Spent before it is compared: a challenge is good for one try.
        challenge, self._challenge = self._challenge, None
        if challenge is None or time.ticks_diff(time.ticks_ms(), challenge[1]) > limits.CHALLENGE_S * 1000:
            return reasons.STALE_CHALLENGE
        if not consteq.consteq(given, challenge[0]):
            return reasons.STALE_CHALLENGE
        self._unlock()
        return reasons.DONE

    def _reply(self, request, result, more):
        fields = {messages.REQUEST: request, messages.RESULT: result}
        fields.update(more)
        return self._sealed(topics.UP_REPLY, fields)

    def _sealed(self, name, fields):
        topic = topics.topic(self.keys.door_id, name)
        return topic, cose.seal(self.keys.up_key, topic.encode(), fields)


class _Shape(Exception):
    """A field is missing or of another type."""


def _field(fields, key, kind):
    value = fields.get(key)
    if type(value) is not kind:
        raise _Shape
    return value


_HANDLERS = {
    topics.DOWN_WELCOME: Session._welcome,
    topics.DOWN_ACK: Session._acknowledged,
    topics.DOWN_STATE: Session._state,
    topics.DOWN_COMMAND: Session._command,
    topics.DOWN_CONSENT: Session._consent,
    topics.DOWN_LEASE: Session._lease,
    topics.DOWN_RENEWAL: Session._renewal,
}
