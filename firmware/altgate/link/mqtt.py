"""The door's MQTT 3.1.1 client: QoS 1 both ways, a kept session, a bounded window, and it never gives up.

It has no authority and reads no message: what a payload means is for the sealed layer above. Whatever the
network sends, the worst is a dropped connection with a counted reason.
"""

import asyncio
import gc
import os
import time
from collections import namedtuple

from altgate.link import packets
from altgate.link.transport import Transport
from protocol import reasons

Config = namedtuple(
    "Config",
    (
        "host", "port", "server_name", "client_id", "ca", "pair",
        "will_topic", "will", "keepalive_s", "subscriptions",
    ),
)  # fmt: skip

WINDOW = 8  # messages sent and not yet acknowledged
PENDING_ACKS = 16

# Reasons for on_down and keys of Client.counts.
UNREACHABLE = "unreachable"
CLOSED = "closed"
REFUSED = "refused"
MALFORMED = "malformed"
SILENT = "silent"
STALLED = "stalled"
NOT_STORED = "not stored"
ASKED_FOR = "begun anew"
WRONG_AUTHORITY = "its certificate is not of this building"
WRONG_NAME = "its certificate is for another name"
EXPIRED = "its certificate has expired, or the door's time is wrong"
NOT_YET = "its certificate is not valid yet, or the door's time is wrong"
NO_MEMORY = "no memory"
TOO_LONG = "too long"

_CODES = ((MALFORMED, reasons.BAD_FRAME), (TOO_LONG, reasons.TOO_LONG), (SILENT, reasons.TIMED_OUT))
# What mbedTLS says of a certificate that it refuses (mbedtls_x509_crt_verify_info).
_CERTIFICATE = (
    ("not correctly signed", WRONG_AUTHORITY), ("does not match", WRONG_NAME), ("has expired", EXPIRED),
    ("in the future", NOT_YET),
)  # fmt: skip
_TICK_MS = 50
_BATCH_BYTES = 512  # written in a row before others get their turn


class _Drop(Exception):
    """Ends the connection; the argument is its reason."""


class Client:
    """One door's connection to its broker.

    on_message(topic, payload, retain) is awaited and returns True once the message is stored, and only then
    is it acknowledged. on_up(session_present) and on_down(reason) are called, not awaited. may_open() is
    asked before each connection, which is put off until it says True. Set on_acked to be told of the token
    of each message that the broker has acknowledged, and on_refused of why a connection did not come about.
    """

    connect_ms = 15_000  # from name lookup to the answer to SUBSCRIBE
    response_ms = 10_000  # the longest silence after something that must be answered, and the longest write
    backoff_min_ms = 500
    backoff_max_ms = 30_000
    settled_ms = 10_000  # a connection that held this long puts the backoff back to its least

    def __init__(self, config, on_message, on_up, on_down, transport=None, may_open=None):
        self._config = config
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._transport = transport or Transport(config)
        self._may_open = may_open or _always
        self.on_acked = self.on_refused = _nothing
        self.counts = {}
        self.is_up = False
        self._packet_id = 0
        self._window = []  # [packet id, packet, token, ticks_ms of sending or None], oldest first
        self._acks = []
        self._work = asyncio.Event()
        self._failure = None
        self._reset()

    def _reset(self):
        now = time.ticks_ms()
        self._opened_ms = self._heard_ms = self._spoke_ms = now
        self._asked_ms = self._writing_ms = None
        self._is_over = False
        self._acks.clear()
        self._failure = None

    def send(self, topic, payload, token=None, retain=False):
        """Put a message into the window; False while down, full or about to end, and the caller keeps it."""
        if not self.is_up or self._is_over or len(self._window) >= WINDOW:
            return False
        packet_id = self._next_id()
        self._window.append([packet_id, packets.publish(packet_id, topic, payload, retain), token, None])
        self._work.set()
        return True

    def reconnect(self):
        """End this connection, once everything that came or went is acknowledged, and begin another one."""
        self._is_over = True

    def bad_input(self):
        """How much was refused, by ``protocol.reasons`` code, for the hello."""
        return {code: self.counts[reason] for reason, code in _CODES if reason in self.counts}

    async def run(self):
        """Connect, serve, and connect again, for ever."""
        backoff = self.backoff_min_ms
        while True:
            while not self._may_open():
                await asyncio.sleep_ms(_TICK_MS)
            # A handshake wants large pieces of memory, and this is a moment in which nobody waits.
            gc.collect()
            await asyncio.sleep_ms(0)
            started = time.ticks_ms()
            reason = await self._connection()
            self._count(reason)
            if self.is_up:
                self.is_up = False
                self._on_down(reason)
                if time.ticks_diff(time.ticks_ms(), started) > self.settled_ms:
                    backoff = self.backoff_min_ms
            else:
                self.on_refused(reason)
            await asyncio.sleep_ms(backoff // 2 + _random(backoff // 2))
            backoff = min(backoff * 2, self.backoff_max_ms)

    async def _connection(self):
        """One connection from lookup to loss; returns the reason of its end."""
        stream = None
        self._reset()
        try:
            stream, reader = await asyncio.wait_for_ms(self._open(), self.connect_ms)
            await self._serve(stream, reader)
        except asyncio.TimeoutError:
            return UNREACHABLE
        except Exception as error:
            return _reason(error)
        finally:
            if stream is not None:
                _close(stream)

    async def _open(self):
        try:
            stream = await self._transport.open()
        except OSError:
            raise _Drop(UNREACHABLE) from None
        try:
            reader = packets.Reader(stream, self._heard)
            config = self._config
            await self._write(
                stream,
                packets.connect(config.client_id, config.keepalive_s, config.will_topic, config.will),
            )
            first, remaining = await reader.header()
            present, code = packets.connack(first, await reader.small(remaining))
            if code:
                raise _Drop(REFUSED)
            self._session_present = present
            return stream, reader
        except BaseException:
            _close(stream)
            raise

    async def _serve(self, stream, reader):
        for entry in self._window:
            if entry[3] is not None:
                entry[1][0] |= packets.DUP
                entry[3] = None
        self._subscribe_id = self._next_id()
        await self._write(stream, packets.subscribe(self._subscribe_id, self._config.subscriptions))
        self._asked()
        tasks = [
            asyncio.create_task(self._guarded(self._read_loop(reader))),
            asyncio.create_task(self._guarded(self._write_loop(stream))),
        ]
        try:
            while self._failure is None:
                self._check_deadlines()
                await asyncio.sleep_ms(_TICK_MS)
            raise self._failure
        finally:
            for task in tasks:
                task.cancel()

    async def _guarded(self, loop):
        try:
            await loop
        except Exception as error:
            self._failure = error

    async def _read_loop(self, reader):
        while True:
            first, remaining = await reader.header()
            if first >> 4 == packets.PUBLISH:
                await self._take(*await reader.message(first, remaining))
            else:
                self._answered(first, await reader.small(remaining))

    async def _take(self, packet_id, topic, payload, retain):
        if topic is None:
            self._count(TOO_LONG)
        elif not await self._on_message(topic, payload, retain):
            raise _Drop(NOT_STORED)
        if packet_id:
            # A broker that sends and never reads must not grow this list.
            while len(self._acks) >= PENDING_ACKS:
                await asyncio.sleep_ms(_TICK_MS)
            self._acks.append(packet_id)
            self._work.set()

    def _answered(self, first, body):
        kind = first >> 4
        if kind == packets.PUBACK:
            self._acknowledged(packets.acknowledged(first, body))
        elif kind == packets.PINGRESP:
            packets.is_pingresp(first, body)
        elif kind == packets.SUBACK:
            packet_id, codes = packets.suback(first, body)
            if packet_id != self._subscribe_id or self.is_up:
                raise packets.Malformed
            if len(codes) != len(self._config.subscriptions) or max(codes) > 1:
                raise _Drop(REFUSED)
            self.is_up = True
            self._on_up(self._session_present)
        else:
            raise packets.Malformed
        self._asked_ms = None

    def _acknowledged(self, packet_id):
        for index, entry in enumerate(self._window):
            if entry[0] == packet_id and entry[3] is not None:
                del self._window[index]
                if entry[2] is not None:
                    self.on_acked(entry[2])
                return

    async def _write_loop(self, stream):
        while True:
            self._work.clear()
            # Joined once: a buffer that grows leaves holes in a small heap.
            batch, size = [], 0
            while size < _BATCH_BYTES:
                packet = self._next_packet()
                if packet is None:
                    break
                batch.append(packet)
                size += len(packet)
            if batch:
                await self._write(stream, b"".join(batch))
            if size < _BATCH_BYTES:
                await self._work.wait()
            else:
                await asyncio.sleep_ms(0)

    def _next_packet(self):
        """What is to be written next, None for nothing."""
        if self._acks:
            return packets.puback(self._acks.pop(0))
        for entry in self._window:
            if entry[3] is None:
                entry[3] = time.ticks_ms()
                self._asked()
                return entry[1]
        if self._ping_due():
            self._asked()
            return packets.PINGREQ
        return None

    async def _write(self, stream, packet):
        self._spoke_ms = self._writing_ms = time.ticks_ms()
        stream.write(packet)
        await stream.drain()
        self._writing_ms = None

    def _ping_due(self):
        return time.ticks_diff(time.ticks_ms(), self._spoke_ms) > self._config.keepalive_s * 750

    def _check_deadlines(self):
        now = time.ticks_ms()
        if not self.is_up and time.ticks_diff(now, self._opened_ms) > self.connect_ms:
            raise _Drop(SILENT)
        if self._writing_ms is not None and time.ticks_diff(now, self._writing_ms) > self.response_ms:
            raise _Drop(STALLED)
        if self._asked_ms is not None:
            since = self._asked_ms
            if time.ticks_diff(self._heard_ms, since) > 0:
                since = self._heard_ms
            if time.ticks_diff(now, since) > self.response_ms:
                raise _Drop(SILENT)
        if self._window:
            sent = self._window[0][3]
            if sent is not None and time.ticks_diff(now, sent) > 3 * self.response_ms:
                raise _Drop(SILENT)
        if self._ping_due():
            self._work.set()
        if self._is_over and not self._acks and not self._window:
            raise _Drop(ASKED_FOR)

    def _heard(self):
        self._heard_ms = time.ticks_ms()

    def _asked(self):
        if self._asked_ms is None:
            self._asked_ms = time.ticks_ms()

    def _next_id(self):
        while True:
            made = self._packet_id = self._packet_id % 0xFFFF + 1
            # They go up, so where the oldest is below there is none of this number.
            if not self._window or self._window[0][0] < made:
                return made
            if all(entry[0] != made for entry in self._window):
                return made

    def _count(self, reason):
        self.counts[reason] = self.counts.get(reason, 0) + 1


def _reason(error):
    """Reason for an exception that ends a connection; raises it again if it is none of the network's."""
    if isinstance(error, _Drop):
        return error.args[0]
    if isinstance(error, packets.Malformed):
        return MALFORMED
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if isinstance(error, ValueError):
        for text, reason in _CERTIFICATE:
            if text in str(error):
                return reason
        return REFUSED
    if isinstance(error, (OSError, EOFError)):
        return CLOSED
    raise error


def _close(stream):
    try:
        stream.s.close()
    except OSError:
        # A TLS socket may try to say goodbye to a peer that is gone.
        return


def _random(below):
    return int.from_bytes(os.urandom(3), "big") % (below + 1)


def _always():
    """Default of may_open."""
    return True


def _nothing(told):
    """Default of on_acked and on_refused."""
