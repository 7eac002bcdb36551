"""The laptop's side of the serial line: a board that answers anything, now and then a right board.

The first frame of a case is one byte: 1 for a board that waits with the ticket already, 2 to bring it an
admission in the end. The others come for the laptop's lines one after the other; the first byte says how:

0 the bytes as they are, in lines of up to 1024 bytes; 1 a rightly marked and encoded line of these bytes; 2
the same once for this and every later line; 3 the right answer; 4 nothing, and the line was lost on its way;
5 these bytes sealed as what the board says, by one that has the keys; 6 the same for this and every later
line; 7 these bytes in a sealed frame without a seal; 8 the right answer to the line before; 9 nothing, and
the answer was lost. With 0x80 added, nothing more comes for that line. After the frames the board is right.
"""

import base64
import hashlib
import random
import struct

import fuzz

fuzz.begin()

import items
from altgate.errors import ProvisionFailed
from altgate.protocol import limits, reasons
from altgate.provision import board as boards
from altgate.provision import session as module
from altgate.provision.board import Wifi
from altgate.provision.ticket import Ticket
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sealing import hmac

MARKED, ALWAYS, RIGHT, SILENT, SEALED, SEALS, UNSEALED, BEFORE, UNHEARD, LAST = *range(1, 10), 0x80
HELLO, OPEN, KNOCK, FRAME = 1, 2, 3, 4
BEGIN, CHUNK, COMMIT, READ, LEAVE = 1, 2, 3, 4, 6
ID, SECRET = b"ticketid", b"the ticket's own"
END = 0xFFFFFFFF
FIELDS = {1: "0a1b2c3d", 19: ID, 20: SECRET, 22: END, 23: "Lakeside", 24: "Front", 8: bytes(range(250))}
TICKET = Ticket(items.write(FIELDS), FIELDS)
RECORD, ADMISSION = bytes(range(256)) + b"record", b"admission" * 30
BARE = [HELLO, "a1b2", "0.1.0", "development", "reference"]
WRITES_MOST = 600
LINE_MOST = 1024  # what the port hands over at most


class Clock:
    """In the place of ``time``: reading a line takes a millisecond, waiting takes what it takes."""

    now_s = 0.0

    def monotonic(self):
        return self.now_s


clock = module.time = Clock()


def derived(secret, salt):
    """The two keys of a line, by RFC 5869."""
    key = hmac(salt, secret)
    whole = []
    for label in (b"altgate/console/to-door/1", b"altgate/console/to-host/1"):
        first = hmac(key, label + b"\1")
        whole.append(AESSIV(first + hmac(key, first + label + b"\2")))
    return whole


class Board:
    """A port: what the case says, then a board that keeps to the protocol."""

    def __init__(self, frames, is_waiting):
        self._frames, self._lines, self._always = list(frames), [], None
        self._before, self._keys, self._number, self._last = None, None, -1, None
        self._content, self._digest, self._kind = None, b"", 0
        self.writes = 0
        self.is_waiting, self.is_admitted = is_waiting, False
        self.is_proved = False  # it has shown that it knows the ticket
        self.is_forged = False  # an answer came that was rightly marked and was not this board's
        self.is_hostile = False  # one that has the keys said something else than the board
        self.lost = 0  # lines of the laptop that got no right answer
        self._drawn = 0

    def write(self, data):
        if not data.endswith(b"\n") or len(data) > limits.CONSOLE_LINE_BYTES:
            raise fuzz.Wrong("a line that no board can take", data)
        self.writes += 1
        if self.writes > WRITES_MOST:
            raise fuzz.Wrong("the exchange never ends")
        self._request, self._is_right = items_of(data), False
        if self._always is not None:
            self._say(*self._always)
            return
        is_answered = not self._frames
        while self._frames:
            how, content = self._frames[0][0], self._frames[0][1:]
            del self._frames[0]
            self._say(how & 0x7F, content)
            if how & LAST:
                break
        if is_answered:
            self._say(RIGHT, b"")
        self.lost += not self._is_right

    def _say(self, how, content):
        if how not in (SILENT, UNHEARD):
            fuzz.sent(how not in (fuzz.RAW, UNSEALED))
        if how in (ALWAYS, SEALS):
            self._always = how - 1, content
            how -= 1
        self._is_right = self._is_right or how == RIGHT
        if how in (RIGHT, UNHEARD):
            answer = self._answer(self._request)
            if answer is not None and how == RIGHT:
                self._before = marked(items.write(answer))
                self._lines.append(self._before)
        elif how == MARKED:
            self.is_forged = True
            self._lines.append(marked(content))
        elif how in (SEALED, UNSEALED):
            self._forge(how, content)
        elif how == BEFORE:
            if self._before and self._request[0] == FRAME:
                self._lines.append(self._before)
        elif how != SILENT:
            self.is_forged = self.is_forged or b"AG " in content
            for line in content.splitlines(keepends=True):
                self._lines += [line[at : at + LINE_MOST] for at in range(0, len(line), LINE_MOST)]

    def _forge(self, how, content):
        self.is_forged = True
        if self._request[0] != FRAME or self._keys is None:
            return
        self.is_hostile = self.is_hostile or how == SEALED
        number = self._request[1]
        sealed = bytes(16) + content
        if how == SEALED:
            sealed = self._keys[1].encrypt(content or b"\0", [struct.pack(">I", number)])
        self._lines.append(marked(items.write([FRAME, number, sealed])))

    def _answer(self, frame):
        if self.is_admitted and frame[0] != FRAME:
            return None  # a door
        if frame[0] == HELLO:
            return None if self.is_waiting else BARE
        if frame[0] == OPEN:
            return None if self.is_waiting else self._open(frame[1])
        if frame[0] == KNOCK:
            is_right = frame[1] == ID and frame[3] == hmac(SECRET, b"altgate/console/knock/1", *frame[1:3])
            return self._knock(frame[2]) if self.is_waiting and is_right else None
        if self._keys is None or frame[1] not in (self._number, self._number + 1):
            return None
        if frame[1] != self._number:
            bound = [struct.pack(">I", frame[1])]
            try:
                said = self._said(module.cbor2.loads(self._keys[0].decrypt(frame[2], bound)))
            except InvalidTag:
                return None
            self._number = frame[1]
            self._last = [FRAME, frame[1], self._keys[1].encrypt(items.write(said), bound)]
        return self._last

    def _open(self, public):
        self._drawn += 1
        own = PAIRS[self._drawn % 2]
        point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        secret = own.exchange(ec.ECDH(), other)
        self._keys, self._number = derived(secret, hashlib.sha256(public + point).digest()), -1
        return [OPEN, point]

    def _knock(self, nonce):
        self._drawn += 1
        own = bytes((self._drawn & 0xFF,)) * 16
        self._keys, self._number, self.is_proved = derived(SECRET, nonce + own), -1, True
        return [KNOCK, own, hmac(SECRET, b"altgate/console/come-in/1", nonce, own)]

    def _said(self, said):
        if said[0] == BEGIN:
            self._kind, self._content, self._digest = said[1], b"", said[3]
            return [CHUNK, 0]
        if said[0] == CHUNK:
            if self._content is None or said[1] != len(self._content):
                return [0, reasons.OVERRUN]
            self._content += said[2]
            return [CHUNK, len(self._content)]
        if said[0] == COMMIT:
            return self._commit()
        if said[0] == READ:
            return [READ, said[1], RECORD[said[1] : said[1] + 120]]
        return [LEAVE] if said[0] == LEAVE else [0, reasons.UNKNOWN_VERB]

    def _commit(self):
        content, self._content = self._content, None
        if content is None or hashlib.sha256(content).digest() != self._digest:
            return [0, reasons.BAD_CHECKSUM]
        if self._kind == 1 and module.cbor2.loads(content)[25] == TICKET.given:
            self.is_waiting = True
            return [COMMIT, len(RECORD)]
        if self._kind == 2 and content == ADMISSION and self.is_waiting:
            self.is_admitted = True
            return [COMMIT, 0]
        return [0, reasons.BAD_SHAPE]

    def read_line(self, timeout_s):
        clock.now_s += 0.001 if self._lines else max(timeout_s, 0.001)
        return self._lines.pop(0) if self._lines else b""

    def close(self):
        """Nothing to release."""


PAIRS = [ec.derive_private_key(number, ec.SECP256R1()) for number in (0x1234567 << 200, 0x89ABCDEF << 200)]


def marked(data):
    return b"AG " + base64.b64encode(data) + b"\n"


def items_of(line):
    """The frame in a line of the host."""
    return module.cbor2.loads(base64.b64decode(line[3:].strip(), validate=True))


def exchange(board, is_brought):
    """What ``altgate provision`` does with a board; the board's request. Raises ProvisionFailed."""
    session = module.Session(board, answer_s=0.2)
    bare = boards.find(session, TICKET)
    if bare is None and not board.is_proved:
        raise fuzz.Wrong("a stranger was taken for the board that waits")
    request = boards.give(session, TICKET, Wifi(), lambda done, total: None)
    if is_brought:
        boards.bring(session, ADMISSION, lambda done, total: None)
    else:
        session.leave()
    return request


def check(frames):
    flags, frames = (frames[0] + b"\0")[0], frames[1:]
    is_brought = bool(flags & 2)
    board = Board([frame or b"\0" for frame in frames], bool(flags & 1))
    request = None
    try:
        request = exchange(board, is_brought)
    except ProvisionFailed as error:
        if type(error) is not ProvisionFailed:
            raise fuzz.Wrong("another error than ProvisionFailed", error) from error
        fuzz.dropped(str(error).split(":")[0])
    if request is not None and not board.is_hostile:
        if request != RECORD:
            raise fuzz.Wrong("another request than the board's", request)
        if board.is_admitted != is_brought or not board.is_waiting:
            raise fuzz.Wrong("a board was taken for done that is not")
    if request is None and not board.is_forged and board.lost < module.TRIES:
        raise fuzz.Wrong("noise and a lost line or two ended the exchange")
    if fuzz.is_due(8) and exchange(Board([], bool(flags & 1)), True) != RECORD:
        raise fuzz.Wrong("a board without faults is not provisioned afterwards")
    fuzz.counts["genuine"] += 1


def generate():
    frames = [bytes((random.getrandbits(2),))]
    frames += [bytes((RIGHT | LAST,))] * random.choice((0, 0, 1, 3, 8, 8, 12))
    for _ in range(random.randrange(12)):
        frame = WAYS[random.randrange(len(WAYS))]()
        frames.append(bytes((frame[0] | (0 if fuzz.chance(4) else LAST),)) + frame[1:])
        if not fuzz.chance(3):
            frames.append(bytes((RIGHT | LAST,)))
    return frames


POINT = PAIRS[0].public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
ANSWERS = (
    BARE, [OPEN, POINT], [KNOCK, bytes(16), bytes(32)], [FRAME, 0, bytes(40)], [FRAME, 3, bytes(16)],
    [0, 150], [0],
)  # fmt: skip
SAID = (
    [CHUNK, 0], [CHUNK, 120], [CHUNK, 10**9], [COMMIT, 262], [COMMIT, 0], [COMMIT, 10**9], [READ, 0, b"x"],
    [READ, 0, b""], [READ, 0, b""], [READ, 0, "x"], [READ, 120, 10**9], [LEAVE], [0, 150], [0],
)  # fmt: skip


def answer():
    return items.write(items.altered(list(ANSWERS[random.randrange(len(ANSWERS))])))


def said():
    """What a board may say when its line is open, altered or at another time."""
    one = list(SAID[random.randrange(len(SAID))])
    return items.write(one if fuzz.chance(2) else items.altered(one))


def noise():
    """Text of a console that is not the protocol's, with and without line ends."""
    text = fuzz.mutated(b"rst:0x1 (POWERON)\r\nMicroPython v1.29\nAG\nag hgFi\n", marked(answer()), 3000)
    return text if fuzz.chance(3) else text.replace(b"AG ", b"ag ")


WAYS = (
    lambda: b"\0" + noise(),
    lambda: b"\0" + fuzz.mutated(marked(answer()), marked(answer())),
    lambda: b"\1" + answer(),
    lambda: b"\1" + answer(),
    lambda: b"\1" + fuzz.mutated(answer(), answer(), 160),
    lambda: b"\1" + items.write(items.anything(3), 8),
    lambda: b"\4",
    lambda: b"\11",
    lambda: b"\10",
    lambda: (b"\2" if fuzz.chance(8) else b"\1") + answer(),
    lambda: b"\5" + said(),
    lambda: b"\5" + said(),
    lambda: b"\5" + fuzz.mutated(said(), said(), 120),
    lambda: b"\6" + said(),
    lambda: b"\6" + said(),
    lambda: b"\6" + said(),
    lambda: b"\7" + said(),
)
fuzz.run(generate, check)
