"""MQTT: a broker's bytes through link.packets, as the client takes packets off its stream.

The first byte of a frame says how: 0 the bytes as they are; 1 a packet: its first byte, and a body whose
length stands before it; 2 a PUBLISH: flags, topic bytes, then payload bytes up to the end, lengths right;
3 a packet that announces far more: its first byte, 256 times the next as its length, and that many bytes.
"""

import random

import fuzz

fuzz.begin()

from altgate.link import packets
from protocol import limits

PACKET, PUBLISH, LONG = 1, 2, 3
MALFORMED, OVER = "malformed", "over"
TOPIC, PAYLOAD = "t/down", b"genuine"


class Stream:
    """Supplies the bytes of a case; says how much was asked for at once."""

    def __init__(self, frames):
        self._parts = [wire(frame) for frame in frames]
        self._bytes = b""

    async def readexactly(self, count):
        if not 0 <= count <= limits.MESSAGE_BYTES:
            raise fuzz.Wrong("too much is asked for at once", count)
        while len(self._bytes) < count:
            if not self._parts:
                raise EOFError
            part = self._parts[0]
            more = part.take(count - len(self._bytes))
            if not more:
                del self._parts[0]
            self._bytes += more
        data, self._bytes = self._bytes[:count], self._bytes[count:]
        return data


class Part:
    """Bytes, and after them as many zeros as were announced, never all in memory at once."""

    def __init__(self, data, zeros=0):
        self.data, self.zeros = data, zeros

    def take(self, most):
        taken, self.data = self.data[:most], self.data[most:]
        more = min(most - len(taken), self.zeros)
        self.zeros -= more
        return taken + bytes(more)


def wire(frame):
    how, rest = frame[0], frame[1:]
    if how == PACKET and rest:
        return Part(rest[:1] + length(len(rest) - 1) + rest[1:])
    if how == PUBLISH and len(rest) > 1:
        size = min(rest[1], len(rest) - 2)
        topic, payload = rest[2 : 2 + size], rest[2 + size :]
        body = size.to_bytes(2, "big") + topic + (b"\0\5" if rest[0] & 6 else b"") + payload
        return Part(bytes((0x30 | rest[0] & 0xF,)) + length(len(body)) + body)
    if how == LONG and len(rest) > 1:
        body = rest[2:]
        size = max(256 * rest[1], len(body))
        return Part(rest[:1] + length(size) + body, size - len(body))
    return Part(rest)


def length(number):
    """MQTT 3.1.1, 2.2.3."""
    output = b""
    while True:
        number, digit = number >> 7, number & 0x7F
        output += bytes((digit | 0x80 * (number > 0),))
        if not number:
            return output


class Reference:
    """What a door must make of the same bytes, from the standard and the limits alone."""

    def __init__(self, frames):
        self._parts = [wire(frame) for frame in frames]

    def _take(self, count, keep=True):
        """So many bytes, or the first few where they are not kept; None where the stream ends before."""
        found = b""
        while count:
            if not self._parts:
                return None
            more = self._parts[0].take(min(count, 512))
            if not more:
                del self._parts[0]
            count -= len(more)
            found = found + more if keep else b""
        return found

    def packet(self):
        """The next packet's content, MALFORMED or OVER."""
        first = self._take(1)
        size, shift = 0, 0
        while first:
            digit = self._take(1)
            if not digit:
                return OVER
            size |= (digit[0] & 0x7F) << shift
            if digit[0] < 0x80:
                return MALFORMED if shift and not digit[0] else self._content(first[0], size)
            shift += 7
            if shift > 21:
                return MALFORMED
        return OVER

    def _content(self, first, size):
        if first >> 4 == 3:
            return self._publish(first, size)
        if size > packets.SMALL_BYTES:
            return MALFORMED
        body = self._take(size)
        return OVER if body is None else small(first, body)

    def _publish(self, first, size):
        qos = first >> 1 & 3
        if qos > 1 or size < 2 or (not qos and first & 8):
            return MALFORMED
        raw = self._take(2)
        if raw is None:
            return OVER
        topic_size = raw[0] << 8 | raw[1]
        payload_size = size - 2 - topic_size - 2 * qos
        if payload_size < 0 or not topic_size:
            return MALFORMED
        fits = topic_size <= packets.TOPIC_BYTES and payload_size <= limits.MESSAGE_BYTES
        topic = self._take(topic_size, fits)
        if topic is None:
            return OVER
        if fits and (not is_text(topic) or any(byte in b"+#\0" for byte in topic)):
            return MALFORMED
        number = self._take(2 * qos)
        if number is None:
            return OVER
        if qos and number == b"\0\0":
            return MALFORMED
        payload = self._take(payload_size, fits)
        if payload is None:
            return OVER
        number = number[0] << 8 | number[1] if qos else 0
        if not fits:
            return number, None, None, bool(first & 1)
        return number, str(topic, "utf-8"), payload, bool(first & 1)


def is_text(raw):
    try:
        str(raw, "utf-8")
    except UnicodeError:
        return False
    return True


def small(first, body):
    """Content of the other packets that a door may be sent."""
    if first == 0x20 and len(body) == 2 and body[0] < 2:
        return bool(body[0]), body[1]
    if first == 0x40 and len(body) == 2 and body != b"\0\0":
        return body[0] << 8 | body[1]
    if first == 0x90 and len(body) > 2 and body[:2] != b"\0\0":
        return body[0] << 8 | body[1], body[2:]
    return True if first == 0xD0 and not body else MALFORMED


PARSERS = {2: packets.connack, 4: packets.acknowledged, 9: packets.suback, 13: packets.is_pingresp}


async def taken(reader):
    """One packet as the client takes it."""
    first, remaining = await reader.header()
    if first >> 4 == packets.PUBLISH:
        return await reader.message(first, remaining)
    body = await reader.small(remaining)
    parser = PARSERS.get(first >> 4)
    if parser is None:
        raise packets.Malformed
    return parser(first, body)


def connection(frames):
    """Take packets until the stream ends or one is malformed, as the reference does; the last content."""
    heard = []
    reader, reference, last = packets.Reader(Stream(frames), lambda: heard.append(1)), Reference(frames), None
    while True:
        expected = reference.packet()
        try:
            got = fuzz.drive(taken(reader))
        except packets.Malformed as error:
            if type(error) is not packets.Malformed:
                raise fuzz.Wrong("another error than Malformed")
            got = MALFORMED
        except EOFError:
            got = OVER
        if got != expected:
            raise fuzz.Wrong("a packet was read otherwise", got, expected)
        if got in (MALFORMED, OVER):
            fuzz.dropped(got)
            return last
        last = got


def check(frames):
    for frame in frames:
        fuzz.sent(frame[0] != fuzz.RAW)
    connection(frames)
    genuine = bytes((PUBLISH, 2, len(TOPIC))) + TOPIC.encode() + PAYLOAD
    if connection([b"\1\x20\1\0", genuine]) != (5, TOPIC, PAYLOAD, False):
        raise fuzz.Wrong("a clean connection is not understood afterwards")
    fuzz.counts["genuine"] += 1


def generate():
    """Mostly right packets, so that the connection lives until something strange comes."""
    frames = []
    for _ in range(1 + random.randrange(8)):
        good = GOOD[random.randrange(len(GOOD))]
        frames.append(good if random.getrandbits(1) else STRANGE[random.randrange(len(STRANGE))](good))
    return frames


GOOD = (
    b"\1\x20\1\0", b"\1\x90\0\1\1", b"\1\xd0", b"\1\x40\0\2", b"\2\2\6t/downone", b"\2\0\6t/down",
    b"\2\x0b\6t/down" + bytes(300), b"\2\3\4t/\xc3\xbcx",
)  # fmt: skip


def small_change(good):
    """The packet with its inside damaged and its length right."""
    return good[:1] + fuzz.mutated(good[1:], b"\6t/down\0+#\xc3\xff", 300)


STRANGE = (
    small_change,
    small_change,
    small_change,
    lambda good: b"\0" + fuzz.mutated(bytes(wire(good).data), b"\x32\xff\xff\xff\x7f\0\6t/down"),
    lambda good: b"\1" + noise_packet(),
    lambda good: (
        bytes((LONG, 0x30 | random.getrandbits(4), random.getrandbits(8)))
        + (b"\0\6t/down\0\5", b"\0\xff", b"\x10\0", b"")[random.randrange(4)]
    ),
)


def noise_packet():
    kinds = (0x30, 0x32, 0x20, 0x40, 0x90, 0xD0, random.getrandbits(8))
    return bytes((kinds[random.randrange(7)],)) + fuzz.noise(80)


fuzz.run(generate, check)
