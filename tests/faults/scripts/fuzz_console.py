"""The serial line of a bare door and of a provisioned one: any lines, any order, any content.

The first byte of a frame says how: 0 the line as it is; 1 a rightly marked and encoded line of these bytes;
2 a whole transfer of these bytes with their right SHA-256, in four and more lines; 3 a chunk at the place
that the door waits for; 4 the line before once more; 5 a whole transfer with the SHA-256 of something else.
"""

import binascii
import hashlib
import random

import fuzz

fuzz.begin()

import items
from altgate.console.line import Provisioning
from altgate.store import identity
from protocol import limits, names, provisioning

MARKED, TRANSFER, CHUNK, AGAIN, UNLIKE = 1, 2, 3, 4, 5
HELLO, BEGIN, CHUNKS, COMMIT = 1, 2, 3, 4
FIELDS = {
    1: "0a1b2c3d", 2: bytes(range(32)), 3: 1, 4: bytes(16), 5: "localhost", 6: 8883, 7: "localhost",
    8: bytes(64), 9: bytes(70), 10: bytes(40), 11: "", 12: "", 13: 1767225600, 14: bytes(range(1, 33)),
    15: 0,
}  # fmt: skip
CONTENT = items.write(FIELDS)
KEPT = items.write({key: value for key, value in FIELDS.items() if key != 14})


class Model:
    """What protocol.provisioning says of a bare door, without its code: the answer that each frame must get.

    ``content`` and ``digest`` are those of the transfer under way. An answer of None is silence, BAD any
    refusal, ANY a refusal or the offset of the next chunk.
    """

    def __init__(self):
        self.is_provisioned, self.content, self.digest, self.length = False, None, b"", 0
        self.has_greeted = False

    def answer(self, line):
        if self.is_provisioned or line[:3] != b"AG ":
            return None
        frame = decoded(line) if len(line) <= limits.CONSOLE_LINE_BYTES else None
        if frame is None or type(frame) is not list or not frame:
            return BAD
        kinds, act = self._ACTS.get(frame[0] if type(frame[0]) is int else None, (None, None))
        if kinds is None or tuple([type(value) for value in frame[1:]]) != kinds:
            return BAD
        return act(self, *frame[1:])

    def _hello(self):
        self.has_greeted = True
        return HELLO

    def _begin(self, length, digest):
        if not 0 < length <= provisioning.CONTENT_BYTES or len(digest) != 32:
            return BAD
        self.content, self.digest, self.length = b"", digest, length
        return [CHUNKS, 0]

    def _chunk(self, offset, data):
        if self.content is None or offset > len(self.content):
            return BAD
        if 0 <= offset and self.content[offset : offset + len(data)] == data and offset < len(self.content):
            return [CHUNKS, len(self.content)]  # a chunk that came before, once more
        if offset == len(self.content) and offset + len(data) <= self.length:
            self.content += data
            return [CHUNKS, len(self.content)]
        return ANY if offset < len(self.content) else BAD

    def _commit(self):
        content, is_whole = self.content, self.content is not None and len(self.content) == self.length
        if not is_whole or not self.has_greeted:
            return BAD
        self.content = None
        if hashlib.sha256(content).digest() != self.digest or not is_identity(content):
            return BAD
        self.is_provisioned = True
        return COMMIT

    _ACTS = {
        HELLO: ((), _hello),
        BEGIN: ((int, bytes), _begin),
        CHUNKS: ((int, bytes), _chunk),
        COMMIT: ((), _commit),
    }


BAD, ANY = "refused", "refused or unchanged"


def is_identity(content):
    """Whether a transferred content is one that a door may keep."""
    try:
        identity.split(content)
    except identity.Unfit:
        return False
    return items.is_fit(content)


def is_kept(content):
    """Whether this is what a door reads at its start."""
    try:
        identity.parse(content)
    except identity.Unfit:
        return False
    return True


def decoded(line):
    try:
        data = binascii.a2b_base64(line[3:])
    except ValueError:
        return None
    return identity.cbor.decode(data) if items.is_fit(data) else None


def marked(data):
    return b"AG " + binascii.b2a_base64(data).strip()


class Bench:
    """A bare door's line with its model, and a provisioned door's that must not say a word."""

    def __init__(self):
        self.saved = []
        self.door = Provisioning("a1b2", lambda *kept: self.saved.append(kept), False)
        self.shut = Provisioning("a1b2", self.fail, True)
        self.model = Model()

    def fail(self, content):
        raise fuzz.Wrong("a provisioned door took an identity")

    def line(self, line):
        """Send a line to both; returns the bare door's answer as a frame."""
        if self.shut.answer(line) is not None:
            raise fuzz.Wrong("a provisioned door answered", line)
        expected, was_silent = self.model.answer(line), self.door.is_provisioned
        answer = self.door.answer(line)
        if len(self.door._content or b"") > provisioning.CONTENT_BYTES:
            raise fuzz.Wrong("the content grows", len(self.door._content))
        if self.door.is_provisioned != self.model.is_provisioned or len(self.saved) > 1:
            raise fuzz.Wrong("an identity was taken or refused wrongly", line)
        if answer is None:
            if expected is not None:
                raise fuzz.Wrong("silence where an answer is due", line)
            return None
        if was_silent:
            raise fuzz.Wrong("a provisioned door answered", line)
        return self._judge(line, expected, answer)

    def _judge(self, line, expected, answer):
        if answer[:3] != b"AG " or answer[-1:] != b"\n" or len(answer) > limits.CONSOLE_LINE_BYTES:
            raise fuzz.Wrong("an answer that is no line", answer)
        frame = decoded(answer[:-1])
        if frame is None or frame[0] not in (0, 1, 3, 4):
            raise fuzz.Wrong("an answer that is no frame", answer)
        if frame[0] == 0:
            if len(frame) != 2 or frame[1] not in names.REASONS:
                raise fuzz.Wrong("a refusal without a reason", frame)
            fuzz.dropped(frame[1])
            if type(expected) is list and self.model.content and self.door._content == self.model.content:
                raise fuzz.Wrong("a chunk that came before was refused", line, frame)
        if expected == BAD and frame[0] and type(decoded(line)[0]) is bool:
            raise fuzz.Wrong("true was taken for the number of a frame", line, frame)
        right = {BAD: (0,), ANY: (0, CHUNKS)}.get(expected if type(expected) is str else None)
        if expected != frame and frame[0] not in (right or (expected,)):
            raise fuzz.Wrong("another answer than the protocol's", line, frame, expected)
        return frame

    def play(self, how, content, before):
        """Put one frame of a case on the line; returns the last line sent."""
        fuzz.sent(how in (MARKED, TRANSFER, CHUNK, UNLIKE))
        if how in (TRANSFER, UNLIKE):
            for line in transfer(content, b"" if how == TRANSFER else b"x"):
                self.line(line)
            return line
        if how == CHUNK:
            line = marked(items.write([CHUNKS, len(self.model.content or b""), content[:120]]))
        elif how == MARKED:
            line = marked(content)
        else:
            line = before if how == AGAIN else content
        self.line(line)
        return line


def transfer(content, more=b""):
    """The lines of a whole exchange; the SHA-256 is that of the content and ``more``."""
    content = content[: provisioning.CONTENT_BYTES] or b"\0"
    frames = [[HELLO], [BEGIN, len(content), hashlib.sha256(content + more).digest()]]
    for at in range(0, len(content), provisioning.CHUNK_BYTES):
        frames.append([CHUNKS, at, content[at : at + provisioning.CHUNK_BYTES]])
    return [marked(items.write(frame)) for frame in frames + [[COMMIT]]]


def check(frames):
    bench, before = Bench(), b""
    for frame in frames:
        before = bench.play(frame[0], frame[1:], before)
    if bench.door.is_provisioned:
        kept, journal_key = bench.saved[0]
        if not is_kept(kept) or len(journal_key) != 32 or journal_key in kept:
            raise fuzz.Wrong("what was kept is no identity, or tells the journal's key")
        bench.line(marked(items.write([HELLO])))
    elif fuzz.is_due(8):
        for line in transfer(CONTENT):
            answer = bench.line(line)
        if answer is None or answer[0] != COMMIT or bench.saved != [(KEPT, FIELDS[14])]:
            raise fuzz.Wrong("a genuine transfer fails afterwards", answer)
    elif bench.line(marked(items.write([HELLO])))[0] != HELLO:
        raise fuzz.Wrong("a genuine hello fails afterwards")
    fuzz.counts["genuine"] += 1


def generate():
    frames = [WAYS[random.randrange(len(WAYS))]() for _ in range(1 + random.randrange(8))]
    if fuzz.chance(2):
        length = 1 + random.randrange(300)
        begin = items.write([BEGIN, length, hashlib.sha256(bytes(length)).digest()])
        frames[:0] = [b"\1" + items.write([HELLO])] * random.getrandbits(1) + [b"\1" + begin]
    if fuzz.chance(12):
        content = CONTENT if fuzz.chance(4) else other_content()
        frames.append(bytes((UNLIKE if fuzz.chance(3) else TRANSFER,)) + content)
    return frames


def other_content():
    """The genuine content with a field exchanged, or damaged."""
    if fuzz.chance(2):
        return fuzz.mutated(CONTENT)
    fields = dict(FIELDS)
    key = 1 + random.randrange(14)
    fields[key] = items.anything(2) if fuzz.chance(2) else fields[1 + random.randrange(14)]
    return items.write(fields)


def some_frame():
    """A frame whose kind is right and whose members may be anything."""
    kind = random.randrange(6) if fuzz.chance(4) else 1 + random.randrange(4)
    members = [items.anything(1) for _ in range(random.randrange(3))]
    if fuzz.chance(2):
        members = [random.randrange(300), bytes((32, 0, 120)[random.randrange(3)])]
    return items.write([kind if random.randrange(12) else items.anything(1)] + members)


WAYS = (
    lambda: b"\0" + fuzz.mutated(marked(items.write([BEGIN, 200, bytes(32)])), b"AG hgFi\r\n"),
    lambda: b"\1" + some_frame(),
    lambda: b"\1" + some_frame(),
    lambda: b"\1" + fuzz.mutated(some_frame(), some_frame(), 170),
    lambda: b"\1" + items.write(items.anything(3), 10),
    lambda: b"\3" + bytes(random.randrange(121)),
    lambda: b"\4",
)
fuzz.run(generate, check)
