"""PN532: what a chip, a wire or a forged card may send, through the driver, the card channel and decide().

The frames of a case answer the board's commands one after the other; the first byte says how:
0 the bytes as they are; 1 an information frame of these bytes, its length and checksums right; 2 the
acknowledge, and a right answer to the very command that waits, with these bytes as its data; 3 a flood: one
byte, 1024 times the other. With 0x80 added, nothing more comes until the next command.

The forger holds recordings of a genuine card and not its key: nothing it sends may open.
"""

import random

import fuzz

fuzz.begin()

import judge
import standin
from altgate.access.record import Record
from altgate.crypto import card_keys, tags
from altgate.drivers import pn532
from altgate.entry.card import CardChannel
from cryptolib import aes
from protocol import reasons

INFORMATION, ANSWER, FLOOD, LAST = 1, 2, 3, 0x80
ACK = b"\0\0\xff\0\xff\0"
RECEIVE_BYTES = 512  # what a UART holds for the driver
UID = bytes.fromhex("04aabbccddeeff")
TARGET = b"\x01\x01\x03\x44\x20\x07" + UID + b"\x06\x75\x77\x81\x02\x80\x90"
NO_TARGET = b"\0"
VERSION = bytes.fromhex("32010607")
REFUSALS = (reasons.NONE, reasons.CARD_NOT_GENUINE, reasons.CARD_LOST)
FAILURES = (reasons.BAD_SHAPE, reasons.TIMED_OUT, reasons.CARD_LOST)


class Keys:
    index_key, zone_key, zone = bytes(range(32)), bytes(range(16)), 3


KEY = card_keys.card_key(Keys.zone_key, UID, Keys.zone)
RECORD = Record(7, 3, 0, 0, 0, 0, False, 0, 0)
KNOWN = [(kind, tags.credential_tag(Keys.index_key, kind, UID)) for kind in (1, 2)]

clock = standin.Clock()
pn532.time = clock
pn532.asyncio = standin.Loop(clock, 50)
import altgate.entry.card as card_module

card_module.asyncio = standin.Loop(clock, 50)


class Reference:
    """The frames of UM0701-02, 6.2.1, found without the driver's code; asks for one command's answer."""

    def __init__(self, code):
        self._code, self._buffer = code, b""
        self.answer, self.drops = None, []

    def feed(self, data):
        self._buffer += data
        while self.answer is None and self._step():
            pass

    def _step(self):
        start = self._buffer.find(b"\0\xff")
        if start < 0:
            self._buffer = self._buffer[-1:]
            return False
        rest = self._buffer[start + 2 :]
        if len(rest) < 2:
            return False
        if rest[:2] in (b"\0\xff", b"\xff\0"):
            self._buffer = rest[2:]
            return True
        end = 2 + rest[0]
        if rest[0] + rest[1] & 0xFF:
            return self._bad(rest)
        if len(rest) <= end:
            return False
        if sum(rest[2 : end + 1]) & 0xFF:
            return self._bad(rest)
        body, self._buffer = rest[2:end], rest[end + 1 :]
        if body[:2] == bytes((0xD5, self._code + 1)):
            self.answer = body[2:]
        else:
            self.drops.append(reasons.BAD_FRAME)
        return True

    def _bad(self, rest):
        self._buffer = rest
        self.drops.append(reasons.BAD_CHECKSUM)
        return True


class Uart:
    """Supplies the bytes of a case, and after them those of a genuine chip with or without a card."""

    def __init__(self, frames):
        self._frames, self._bytes, self._flood = list(frames), b"", (0, 0)
        self.is_genuine = False
        self.card = None
        self.answers = []
        self.reference = None

    def write(self, data):
        if data[:1] == b"\x55":
            return
        code = data[6]
        self.reference = Reference(code)
        if self.is_genuine:
            content = self.card(code, data[7:-2])
            self.answers.append(content)
            self._bytes = ACK + pn532.frame(0xD5, code + 1, content)
        while self._frames and not self.is_genuine:
            how, content = self._frames[0][0], self._frames[0][1:]
            self._say(how & 0x7F, code, content)
            del self._frames[0]
            if how & LAST:
                return

    def _say(self, how, code, content):
        fuzz.sent(how in (INFORMATION, ANSWER))
        if how == INFORMATION and content:
            self._bytes += pn532.frame(content[0], (content + b"\0")[1], content[2:255])
        elif how == ANSWER:
            self._bytes += ACK + pn532.frame(0xD5, code + 1 & 0xFF, content[:253])
        elif how == FLOOD and len(content) > 1:
            self._flood = (content[0], 1024 * content[1])
        else:
            self._bytes += content

    def any(self):
        return min(RECEIVE_BYTES, len(self._bytes) + self._flood[1])

    def read(self, most):
        most = min(most, RECEIVE_BYTES)
        data, self._bytes = self._bytes[:most], self._bytes[most:]
        if len(data) < most and self._flood[1]:
            more = min(most - len(data), self._flood[1])
            data += bytes((self._flood[0],)) * more
            self._flood = (self._flood[0], self._flood[1] - more)
        if self.reference:
            self.reference.feed(data)
        return data or None


class Watched(pn532.Pn532):
    """The driver, and after each command the question whether it understood what the reference did."""

    async def command(self, code, data, timeout_ms):
        drops.clear()
        self._uart.reference = None
        answer = None
        try:
            answer = await pn532.Pn532.command(self, code, data, timeout_ms)
        except pn532.ReaderError as error:
            if error.reason != reasons.TIMED_OUT:
                raise
        right = self._uart.reference
        if reasons.TOO_LONG in drops:
            # The longest frame has 262 bytes and the driver's buffer 300.
            raise fuzz.Wrong("a frame that fits was dropped as too long", answer, right.answer)
        if answer != right.answer:
            raise fuzz.Wrong("the driver understood another frame", answer, right.answer, drops)
        if drops != right.drops:
            raise fuzz.Wrong("the driver counted other drops", drops, right.drops)
        if len(self._buffer) > 300:
            raise fuzz.Wrong("the buffer grows", len(self._buffer))
        if answer is None:
            raise pn532.ReaderError(reasons.TIMED_OUT)
        return answer


drops = []


def drop(reason):
    drops.append(reason)
    fuzz.dropped(reason)


def ntag424(code, data):
    """A genuine chip with the genuine card in its field."""
    if code == pn532.IN_LIST_PASSIVE_TARGET:
        return TARGET
    if code != pn532.IN_DATA_EXCHANGE:
        return VERSION if code == pn532.GET_FIRMWARE_VERSION else b"\0"
    apdu = data[1:]
    if apdu[1] == 0x71:
        return b"\0" + aes(KEY, 2, bytes(16)).encrypt(bytes(range(16))) + b"\x91\xaf"
    if apdu[1] == 0xAF:
        rnd_a = aes(KEY, 2, bytes(16)).decrypt(apdu[5:37])[:16]
        proof = b"\1\2\3\4" + rnd_a[1:] + rnd_a[:1] + bytes(12)
        return b"\0" + aes(KEY, 2, bytes(16)).encrypt(proof) + b"\x91\0"
    return b"\0\x90\0"


def never(claim):
    """No claim is for another way in."""
    return False


def way_in(uart, nonce):
    """The channel over a reader on this UART; ``nonce`` numbers the door's random bytes."""
    channel = CardChannel(None, None, Watched(uart, drop), Keys, lambda size: bytes((nonce,)) * size, never)
    uart.card = ntag424
    return channel


def is_opened(claim):
    if claim.fault not in REFUSALS:
        raise fuzz.Wrong("a claim with a fault that no card can have", claim.fault)
    return judge.is_opened(claim, RECORD if (claim.type, claim.tag) in KNOWN else None)


def check(frames):
    uart = Uart(frames)
    channel = way_in(uart, 0xC7)
    try:
        for _ in range(4):
            if is_opened(fuzz.drive(channel.claim())):
                raise fuzz.Wrong("opened for a card that has no key")
            fuzz.drive(channel.after())
    except pn532.ReaderError as error:
        if type(error) is not pn532.ReaderError or error.reason not in FAILURES:
            raise fuzz.Wrong("a failure with another reason", error.reason)
    uart.is_genuine = True
    fuzz.drive(channel.start())
    if fuzz.is_due(16) and not is_opened(fuzz.drive(channel.claim())):
        raise fuzz.Wrong("the genuine card does not open afterwards")
    fuzz.counts["genuine"] += 1


def recorded(nonce):
    """What the genuine chip answered while the genuine card was shown once."""
    uart = Uart([])
    uart.is_genuine = True
    if not is_opened(fuzz.drive(way_in(uart, nonce).claim())):
        raise fuzz.Wrong("the genuine card does not open")
    return uart.answers + [b"\0", NO_TARGET]


RECORDINGS = [recorded(nonce) for nonce in range(1, 4)]


def generate():
    session = RECORDINGS[random.randrange(3)]
    frames = []
    for answer in session * (1 + fuzz.chance(8)):
        if fuzz.chance(3):
            frames += strange(answer, session)
        frames.append(
            bytes((ANSWER | LAST,)) + (fuzz.mutated(answer, session[1]) if fuzz.chance(4) else answer)
        )
    if fuzz.chance(4):
        del frames[random.randrange(len(frames))]
    return frames


def flood():
    return bytes((random.choice(fuzz.INTERESTING), random.randrange(32)))


def strange(answer, session):
    """Frames before the answer that nobody asked for; now and then they take its place."""
    frame = ACK + pn532.frame(0xD5, pn532.IN_LIST_PASSIVE_TARGET + 1, answer)
    last = LAST * fuzz.chance(4)
    ways = (
        lambda: (fuzz.RAW, fuzz.mutated(frame, ACK + frame, 400)),
        lambda: (INFORMATION, fuzz.mutated(frame[9:-2], session[2])),
        lambda: (INFORMATION, b"\xd5" + fuzz.noise(60)),
        lambda: (ANSWER, fuzz.mutated(answer, session[random.randrange(len(session))])),
        lambda: (fuzz.RAW, ACK),
        lambda: (FLOOD, flood()) if fuzz.chance(8) else (ANSWER, answer),
    )  # fmt: skip
    made = []
    for _ in range(1 + random.randrange(3)):
        how, content = ways[random.randrange(len(ways))]()
        made.append(bytes((how,)) + content)
    made[-1] = bytes((made[-1][0] | last,)) + made[-1][1:]
    return made


fuzz.run(generate, check)
