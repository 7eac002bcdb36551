"""MQTT 3.1.1 control packets (OASIS standard, sections 2 and 3) as bytes; no sockets here.

Only what a door needs: QoS 0 and 1. Builders return a bytearray; parsers raise Malformed and nothing else.
"""

from protocol import limits

CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBACK = 9
PINGRESP = 13

TOPIC_BYTES = 128  # the longest topic that is looked at
SMALL_BYTES = 64  # the longest packet but PUBLISH that a door expects
DUP = 0x08
REFUSED = 0x80

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


class Malformed(Exception):
    """What arrived is not MQTT as a door expects it."""


def connect(client_id, keepalive_s, will_topic, will):
    """CONNECT with a kept session and, when ``will_topic`` is not empty, a retained last will at QoS 1."""
    flags = 0x24 if will_topic else 0x00
    body = _text("MQTT") + bytes((4, flags, keepalive_s >> 8, keepalive_s & 0xFF)) + _text(client_id)
    if will_topic:
        body += _text(will_topic) + len(will).to_bytes(2, "big") + will
    return _packet(0x10, body)


def subscribe(packet_id, topics):
    """SUBSCRIBE at QoS 1 to each topic filter."""
    body = packet_id.to_bytes(2, "big")
    for topic in topics:
        body += _text(topic) + b"\x01"
    return _packet(0x82, body)


def publish(packet_id, topic, payload, retain):
    """PUBLISH at QoS 1; set DUP in its first byte to send it again."""
    return _packet(0x33 if retain else 0x32, b"".join((_text(topic), packet_id.to_bytes(2, "big"), payload)))


def puback(packet_id):
    """PUBACK of a message that is stored."""
    return bytes((0x40, 2, packet_id >> 8, packet_id & 0xFF))


def connack(first, body):
    """``(session_present, return_code)`` of a CONNACK."""
    if first != 0x20 or len(body) != 2 or body[0] > 1:
        raise Malformed
    return bool(body[0]), body[1]


def acknowledged(first, body):
    """Packet id of a PUBACK."""
    if first != 0x40 or len(body) != 2:
        raise Malformed
    return _packet_id(body)


def suback(first, body):
    """``(packet_id, return_codes)`` of a SUBACK."""
    if first != 0x90 or len(body) < 3:
        raise Malformed
    return _packet_id(body), body[2:]


def is_pingresp(first, body):
    """True; raises Malformed where a PINGRESP has flags or a body."""
    if first != 0xD0 or body:
        raise Malformed
    return True


def topic_text(raw):
    """Topic name of a PUBLISH from its UTF-8 bytes: not empty, no wildcard, no NUL."""
    try:
        text = str(raw, "utf-8")
    except UnicodeError:
        raise Malformed from None
    if not text or "+" in text or "#" in text or "\0" in text:
        raise Malformed
    return text


class Reader:
    """Takes packets off a stream that has ``readexactly(n)``; memory stays bounded whatever is announced."""

    def __init__(self, stream, heard):
        self._stream = stream
        self._heard = heard

    async def _read(self, count):
        chunk = await self._stream.readexactly(count)
        self._heard()
        return chunk

    async def header(self):
        """``(first_byte, remaining_bytes)`` of the next packet (section 2.2)."""
        first, digit = await self._stream.readexactly(2)
        self._heard()
        length = shift = 0
        while True:
            length |= (digit & 0x7F) << shift
            if not digit & 0x80:
                # One encoding a length, so that nothing reads the same bytes otherwise.
                if shift and not digit:
                    raise Malformed
                return first, length
            shift += 7
            if shift > 21:
                raise Malformed
            digit = (await self._read(1))[0]

    async def small(self, remaining):
        """Body of a packet that is not a PUBLISH."""
        if remaining > SMALL_BYTES:
            raise Malformed
        return await self._stream.readexactly(remaining) if remaining else b""

    async def message(self, first, remaining):
        """``(packet_id, topic, payload, retain)`` of a PUBLISH; packet_id is 0 at QoS 0.

        Topic and payload are None when either is longer than a door takes: it has been drained.
        """
        qos = (first >> 1) & 3
        if qos > 1 or (qos == 0 and first & DUP) or remaining < 2:
            raise Malformed
        topic_bytes = int.from_bytes(await self._read(2), "big")
        payload_bytes = remaining - 2 - topic_bytes - (2 if qos else 0)
        if payload_bytes < 0 or not topic_bytes:
            raise Malformed
        fits = topic_bytes <= TOPIC_BYTES and payload_bytes <= limits.MESSAGE_BYTES
        topic = payload = None
        if fits:
            topic = topic_text(await self._read(topic_bytes))
        else:
            await self._drain(topic_bytes)
        packet_id = _packet_id(await self._read(2)) if qos else 0
        if fits:
            payload = await self._read(payload_bytes) if payload_bytes else b""
        else:
            await self._drain(payload_bytes)
        return packet_id, topic, payload, bool(first & 1)

    async def _drain(self, count):
        while count:
            count -= len(await self._read(min(count, 256)))


def _packet_id(raw):
    packet_id = raw[0] << 8 | raw[1]
    if not packet_id:
        raise Malformed
    return packet_id


def _text(text):
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(first, body):
    length = len(body)
    packet = bytearray((first,))
    while True:
        digit, length = length & 0x7F, length >> 7
        packet.append(digit | 0x80 if length else digit)
        if not length:
            break
    packet.extend(body)
    return packet
