"""A relay on loopback before a broker that cuts, delays and swallows; with its key, it is the broker.

Without TLS settings it passes bytes as they come, so that TLS goes from end to end. With them it ends TLS
itself, reads MQTT 3.1.1, and a Tampering may do to each PUBLISH what a hostile broker could.
"""

import asyncio
import contextlib
import random
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

PUBLISH, PUBACK = 3, 4
QOS_1, RETAIN = 0x02, 0x01
TICK_S = 0.01
KEPT = 400
Pki = tuple[Path, Path, Path]


@dataclass(frozen=True)
class Publish:
    """A PUBLISH: its first byte, topic, packet id (0 at QoS 0) and payload."""

    first: int
    topic: bytes
    number: int
    payload: bytes

    @classmethod
    def read(cls, first: int, body: bytes) -> "Publish":
        """From what follows the fixed header (MQTT 3.1.1, 3.3)."""
        end = 2 + int.from_bytes(body[:2], "big")
        is_numbered = bool(first & QOS_1)
        number = int.from_bytes(body[end : end + 2], "big") if is_numbered else 0
        return cls(first, body[2:end], number, body[end + 2 * is_numbered :])

    def packet(self) -> bytes:
        """The bytes of it."""
        number = self.number.to_bytes(2, "big") if self.first & QOS_1 else b""
        return packet(self.first, len(self.topic).to_bytes(2, "big") + self.topic + number + self.payload)

    def once(self, topic: bytes = b"", payload: bytes = b"", retain: int = 0) -> bytes:
        """The same at QoS 0, which nobody acknowledges."""
        return Publish(PUBLISH << 4 | retain, topic or self.topic, 0, payload or self.payload).packet()


def packet(first: int, body: bytes) -> bytes:
    """A control packet (MQTT 3.1.1, 2.2)."""
    length, size = b"", len(body)
    while not length or size:
        size, digit = size >> 7, size & 0x7F
        length += bytes((digit | (0x80 if size else 0),))
    return bytes((first,)) + length + body


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """First byte and body of the next packet; raises IncompleteReadError at the end."""
    first = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return first, await reader.readexactly(length)


@dataclass
class Tampering:
    """What is done to one PUBLISH in ``one_in``; each of ``ways`` alike. Remembers what went by, for ever.

    names: topics below a door that something can be moved to; doors: ids of doors, likewise.
    """

    chance: random.Random
    names: tuple[str, ...]
    doors: tuple[str, ...]
    ways: tuple[str, ...] = ()
    one_in: int = 3
    counts: dict[str, int] = field(default_factory=dict)
    _kept: list[Publish] = field(default_factory=list)

    def draw(self, message: Publish) -> str:
        """What is done to this one, "" for nothing."""
        self._kept.append(message)
        if len(self._kept) > KEPT:
            del self._kept[self.chance.randrange(KEPT)]
        if not self.ways or self.chance.randrange(self.one_in):
            return ""
        way = self.chance.choice(self.ways)
        self.counts[way] = self.counts.get(way, 0) + 1
        return way

    def made(self, way: str, message: Publish) -> list[tuple[float, bytes]]:
        """What the other side gets in its place or beside it: seconds to wait, and a packet."""
        if way == "duplicate":
            return [(self.chance.random() * 0.2, message.once()) for _ in range(1 + self.chance.randrange(3))]
        if way == "hold":
            return [(0.05 + self.chance.random() * 1.5, message.once())]
        if way == "rewrite":
            payload = bytearray(message.payload)
            payload[self.chance.randrange(len(payload))] ^= 1 << self.chance.randrange(8)
            return [(0.0, message.once(payload=bytes(payload)))]
        if way == "move":
            root, door, side, name = message.topic.decode().split("/")
            if self.chance.randrange(2):
                door = self.chance.choice(self.doors)
            else:
                side, name = self.chance.choice([one for one in self.names if one[:2] == side[:2]]).split("/")
            return [(0.0, message.once(topic=f"{root}/{door}/{side}/{name}".encode()))]
        if way == "retain":
            return [(0.0, self.chance.choice(self._kept).once(retain=RETAIN))]
        if way == "replay":
            old = [self.chance.choice(self._kept) for _ in range(1 + self.chance.randrange(8))]
            return [(self.chance.random() * 0.1, one.once()) for one in old]
        return []


# What comes in the place of a message; the others come beside it.
INSTEAD = ("drop", "hold", "rewrite", "move")


class Network:
    """The thread that all relays run in."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda *_: None)  # a handshake that is cut is what this is for
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and everything in it."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _cancel(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Relay:
    """From ``port`` to ``target``. ``is_hole``: nothing passes; ``delay_s``: how long each piece takes."""

    def __init__(
        self,
        network: Network,
        port: int,
        target: int,
        pki: Pki | None = None,
        tampering: Tampering | None = None,
    ) -> None:
        self.port, self.is_hole, self.delay_s = port, False, 0.0
        self._network, self._target, self._tampering = network, target, tampering
        self._open: set[asyncio.StreamWriter] = set()
        self._later: set[asyncio.Task[None]] = set()
        self._context = _context(pki) if pki else None
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), network.loop).result()

    def cut(self) -> None:
        """End all connections, without a word."""
        self._network.loop.call_soon_threadsafe(self._abort)

    def heal(self) -> None:
        """Let everything pass from now on."""
        self.is_hole, self.delay_s = False, 0.0

    def close(self) -> None:
        """Listen no more."""
        self._network.loop.call_soon_threadsafe(self._server.close)
        self.cut()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._context)

    def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._end(writer)
            return
        self._open.add(far_writer)
        pump = self._pump if self._tampering is None else self._carry
        tasks = [
            asyncio.create_task(pump(reader, writer, far_writer)),
            asyncio.create_task(pump(far_reader, far_writer, writer)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._end(writer)
            self._end(far_writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.transport.abort()

    async def _wait(self) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        while self.is_hole:
            await asyncio.sleep(TICK_S)

    async def _pump(
        self, reader: asyncio.StreamReader, _back: asyncio.StreamWriter, on: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._wait()
                on.write(data)
                await on.drain()

    async def _carry(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, on: asyncio.StreamWriter
    ) -> None:
        assert self._tampering
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                first, body = await read_packet(reader)
                await self._wait()
                if first >> 4 != PUBLISH:
                    on.write(packet(first, body))
                    continue
                message = Publish.read(first, body)
                way = self._tampering.draw(message)
                if way not in INSTEAD:
                    on.write(packet(first, body))
                elif message.number:
                    # As a broker that says it has what it throws away.
                    back.write(packet(PUBACK << 4, message.number.to_bytes(2, "big")))
                for wait_s, made in self._tampering.made(way, message):
                    task = asyncio.create_task(self._write_later(on, wait_s, made))
                    self._later.add(task)
                    task.add_done_callback(self._later.discard)
                await on.drain()

    async def _write_later(self, on: asyncio.StreamWriter, wait_s: float, made: bytes) -> None:
        await asyncio.sleep(wait_s)
        if not on.transport.is_closing():
            on.write(made)


def _context(pki: Pki) -> ssl.SSLContext:
    authority, certificate, key = pki
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
