"""Mutated server streams into the client: nothing uncaught, memory bounded, and a clean stream works after.

Settings as JSON on stdin: seed, streams. Prints how often each reason ended a connection, as JSON.
"""

import asyncio
import gc
import json
import random
import sys

from altgate.link import mqtt

settings = json.loads(sys.stdin.readline())
random.seed(settings["seed"])


def publish(payload, packet_id=5, first=0x32):
    body = b"\x00\x06t/down" + packet_id.to_bytes(2, "big") + payload
    length = bytes((len(body),)) if len(body) < 128 else bytes((len(body) & 127 | 128, len(body) >> 7))
    return bytes((first,)) + length + body


class Stream:
    """Plays a server's bytes to the client, then ends."""

    def __init__(self, incoming):
        self.s = self
        self._incoming = incoming
        self._at = 0
        self.sent = bytearray()

    async def readexactly(self, count):
        assert count <= 4096 + 128, count
        chunk = self._incoming[self._at : self._at + count]
        self._at += count
        if len(chunk) < count:
            raise EOFError
        return chunk

    def write(self, packet):
        self.sent.extend(packet)

    async def drain(self):
        return None

    def close(self):
        return None


class Transport:
    stream = None

    async def open(self):
        return self.stream


async def on_message(topic, payload, retain):
    got.append((topic, payload))
    return True


def on_up(session_present):
    ups.append(session_present)
    client.send("t/up", b"event", 1)


got, ups = [], []
config = mqtt.Config("", 0, "", "door", b"", None, "t/status", b"offline", 30, ("t/down",))
transport = Transport()
client = mqtt.Client(config, on_message, on_up, lambda reason: None, transport)


def clean(subscribe_id):
    return [
        b"\x20\x02\x01\x00", bytes((0x90, 3)) + subscribe_id.to_bytes(2, "big") + b"\x01",
        publish(b"one"), b"\xd0\x00", publish(b"x" * 300, 6), b"\x40\x02\x00\x02", publish(b"last", 7, 0x3B),
    ]  # fmt: skip


def mutated(parts):
    """Half of the cases keep the framing and damage one packet; the others damage the stream."""
    how = random.randrange(6)
    at = random.randrange(len(parts))
    if how == 0:
        parts[at] = b""
    elif how == 1:
        parts.insert(at, parts[random.randrange(len(parts))])
    elif how == 2:
        body = bytearray(parts[at])
        body[0] = random.randrange(256)
        parts[at] = bytes(body)
    elif how == 3 and len(parts[at]) > 2:
        body = bytearray(parts[at])
        for _ in range(random.randrange(1, 4)):
            body[random.randrange(2, len(body))] = random.randrange(256)
        parts[at] = bytes(body)
    stream = bytearray(b"".join(parts))
    if how == 4:
        for _ in range(random.randrange(1, 6)):
            stream[random.randrange(len(stream))] = random.randrange(256)
    elif how == 5:
        cut = random.randrange(len(stream))
        stream = stream[:cut] + bytes(random.randrange(256) for _ in range(random.randrange(40)))
    return bytes(stream)


# Well framed, and none of them what a server may say to a door.
BAD_CONNACK = (
    b"\x20\x00", b"\x20\x01\x00", b"\x20\x03\x00\x00\x00", b"\x20\x02\x02\x00", b"\x21\x02\x00\x00",
    b"\x20\x82\x00\x00\x00", b"\xd0\x00", b"\x20\x7f", b"\x30\xff\xff\xff\xff\x01",
)  # fmt: skip
BAD_LATER = (
    b"\x00\x00", b"\x10\x00", b"\x20\x02\x00\x00", b"\x30\x00", b"\x30\x01\x00", b"\x30\x02\x00\x00",
    b"\x30\x03\x00\x05a", b"\x32\x03\x00\x01a", b"\x32\x05\x00\x01a\x00\x00", b"\x34\x05\x00\x01a\x00\x01",
    b"\x36\x05\x00\x01a\x00\x01", b"\x38\x03\x00\x01a", b"\x30\x03\x00\x01\xff", b"\x30\x04\x00\x02\xc3\x28",
    b"\x30\x03\x00\x01+", b"\x30\x03\x00\x01#", b"\x30\x03\x00\x01\x00", b"\x40\x00", b"\x40\x01\x01",
    b"\x40\x02\x00\x00", b"\x40\x03\x00\x01\x00", b"\x41\x02\x00\x01", b"\x90\x00", b"\x90\x02\x00\x01",
    b"\x90\x03\x00\x00\x01", b"\x90\x03\xff\xff\x01", b"\xd0\x01\x00", b"\xd1\x00", b"\x50\x02\x00\x01",
    b"\x62\x02\x00\x01", b"\xf0\x00", b"\xd0\x80\x00",
)  # fmt: skip


async def refuse_bad_shapes():
    for packet in BAD_CONNACK:
        assert await play(packet) == mqtt.MALFORMED, packet
    for packet in BAD_LATER:
        assert await play(b"".join(clean(next_id())[:2]) + packet) == mqtt.MALFORMED, packet
        client._window.clear()


async def play(incoming):
    transport.stream = Stream(incoming)
    reason = await client._connection()
    client._count(reason)
    client.is_up = False
    return reason


def next_id():
    return client._packet_id % 0xFFFF + 1


async def main():
    await refuse_bad_shapes()
    for number in range(settings["streams"]):
        await play(mutated(clean(next_id())))
        client._window.clear()
        if number % 50 == 0:
            gc.collect()
            got.clear(), ups.clear()
            assert await play(b"".join(clean(next_id()))) == mqtt.CLOSED
            assert len(got) == 3 and got[2] == ("t/down", b"last") and len(ups) == 1, (number, got, ups)
            client._window.clear()
    print(json.dumps(client.counts))


mqtt._TICK_MS = 0
asyncio.run(main())
