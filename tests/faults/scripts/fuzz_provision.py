"""The installer's side of the serial line: a board that answers anything, now and then a right board.

The frames of a case come for the host's lines one after the other; the first byte says how: 0 the bytes as
they are, in lines of up to 1024 bytes; 1 a rightly marked and encoded line of these bytes; 2 the same once
for this and every later line of the host; 3 the right answer; 4 nothing, so that time runs out. With 0x80
added, nothing more comes for that line of the host. After the frames the board is right.
"""

import base64
import hashlib
import random

import fuzz

fuzz.begin()

import items
from altgate.errors import ProvisionFailed
from altgate.keys.derive import door_subkey
from altgate.protocol import limits, reasons
from altgate.provision import session as module
from sealing import hmac

MARKED, ALWAYS, RIGHT, SILENT, LAST = 1, 2, 3, 4, 0x80
HELLO, BEGIN, CHUNK, COMMIT = 1, 2, 3, 4
DOOR_KEY, NONCE = bytes(range(32)), b"n" * limits.NONCE_BYTES
PAYLOAD = items.write({1: "0a1b2c3d", 2: DOOR_KEY, 9: bytes(range(250))})
PROOF = hmac(door_subkey(DOOR_KEY, "console"), NONCE)
WRITES_MOST = 400
LINE_MOST = 1024  # what the port hands over at most


class Clock:
    """In the place of ``time``: reading a line takes a millisecond, waiting takes what it takes."""

    now_s = 0.0

    def monotonic(self):
        return self.now_s


clock = module.time = Clock()


class Board:
    """A port: what the case says, then a board that keeps to the protocol."""

    def __init__(self, frames):
        self._frames, self._lines, self._always = list(frames), [], None
        self._content, self._digest, self._length = b"", b"", 0
        self.writes = 0
        self.is_provisioned = False
        self.is_forged = False  # an answer came that was rightly marked and was not this board's

    def write(self, data):
        if not data.endswith(b"\n") or len(data) > limits.CONSOLE_LINE_BYTES:
            raise fuzz.Wrong("a line that no board can take", data)
        self.writes += 1
        if self.writes > WRITES_MOST:
            raise fuzz.Wrong("the exchange never ends")
        if self._always is not None:
            self._lines.append(self._always)
            return
        request, is_answered = items_of(data), not self._frames
        while self._frames:
            how, content = self._frames[0][0], self._frames[0][1:]
            del self._frames[0]
            self._say(how & 0x7F, content, request)
            if how & LAST:
                break
        if is_answered:
            self._say(RIGHT, b"", request)

    def _say(self, how, content, request):
        if how != SILENT:
            fuzz.sent(how != fuzz.RAW)
        if how == RIGHT:
            self._lines.append(marked(items.write(self._answer(request))))
        elif how in (MARKED, ALWAYS):
            self.is_forged = True
            self._lines.append(marked(content))
            if how == ALWAYS:
                self._always = marked(content)
        elif how != SILENT:
            self.is_forged = self.is_forged or b"AG " in content
            for line in content.splitlines(keepends=True):
                self._lines += [line[at : at + LINE_MOST] for at in range(0, len(line), LINE_MOST)]

    def _answer(self, frame):
        if frame[0] == HELLO:
            return [HELLO, "a1b2", "0.1.0", "development", False, NONCE]
        if frame[0] == BEGIN:
            self._content, self._length, self._digest = b"", frame[1], frame[2]
            return [CHUNK, 0]
        if frame[0] == CHUNK:
            if frame[1] == len(self._content):
                self._content += frame[2]
            return [CHUNK, len(self._content)]
        if hashlib.sha256(self._content).digest() != self._digest or self._content != PAYLOAD:
            return [0, reasons.BAD_CHECKSUM]
        self.is_provisioned = True
        return [COMMIT, PROOF]

    def read_line(self, timeout_s):
        clock.now_s += 0.001 if self._lines else max(timeout_s, 0.001)
        return self._lines.pop(0) if self._lines else b""

    def close(self):
        """Nothing to release."""


def marked(data):
    return b"AG " + base64.b64encode(data) + b"\n"


def items_of(line):
    """The frame in a line of the host."""
    return module.cbor2.loads(base64.b64decode(line[3:].strip(), validate=True))


def exchange(board):
    """A whole provisioning; raises ProvisionFailed."""
    session = module.Session(board, answer_s=0.2)
    told = session.hello()
    session.send(PAYLOAD, lambda done: None)
    session.commit(DOOR_KEY, told.nonce)


def check(frames):
    board = Board(frames)
    is_done = False
    try:
        exchange(board)
        is_done = True
    except ProvisionFailed as error:
        if type(error) is not ProvisionFailed:
            raise fuzz.Wrong("another error than ProvisionFailed", error) from error
        fuzz.dropped(str(error).split(":")[0])
    if is_done and not board.is_provisioned:
        raise fuzz.Wrong("the host took a board for provisioned that is not")
    silent = sum((frame[0] & 0x7F) != RIGHT for frame in frames)
    if not is_done and not board.is_forged and silent < module.TRIES:
        raise fuzz.Wrong("noise and a lost line or two ended the exchange")
    if fuzz.is_due(8):
        exchange(Board([]))
    fuzz.counts["genuine"] += 1


def generate():
    frames = []
    for _ in range(random.randrange(12)):
        way = random.randrange(len(WAYS))
        frame = WAYS[way]()
        frames.append(bytes((frame[0] | (0 if fuzz.chance(4) else LAST),)) + frame[1:])
        if not fuzz.chance(3):
            frames.append(bytes((RIGHT | LAST,)))
    return frames


ANSWERS = (
    [HELLO, "a1b2", "0.1.0", "development", False, NONCE], [HELLO, "a1b2", "0.1.0", "release", True, NONCE],
    [CHUNK, 0], [CHUNK, 120], [CHUNK, len(PAYLOAD)], [COMMIT, bytes(32)], [0, 150], [0], [4, PROOF[:31]],
)  # fmt: skip


def answer():
    return items.write(items.altered(list(ANSWERS[random.randrange(len(ANSWERS))])))


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
    lambda: (b"\2" if fuzz.chance(8) else b"\1") + answer(),
)
fuzz.run(generate, check)
