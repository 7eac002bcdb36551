"""Code scanner: any bytes on its line, through the driver, the QR channel and decide().

The first byte of a frame says how: 0 the bytes as they are; 1 a line of these bytes; 2 a line with a pass of
these bytes, rightly spelled; 3 the same with the right tag of this door over whatever it says; 4 a flood: one
byte, 1024 times the other. The line is read in pieces whose lengths follow from the case.
"""

import random

import fuzz

fuzz.begin()

import judge
import passmaker
import standin
from altgate.access.record import Record
from altgate.drivers import gm65
from altgate.entry import qr
from protocol import limits, reasons

LINE, SPELLED, TAGGED, FLOOD = 1, 2, 3, 4
ENDS = (b"\r", b"\n", b"\r\n")
REFUSALS = (reasons.PASS_MALFORMED, reasons.OTHER_DOOR, reasons.PASS_NOT_GENUINE)

qr.asyncio = standin.Loop(standin.Clock())


class Over(Exception):
    """All bytes of the case were read."""


class Line:
    """The UART: supplies the bytes of the frames in pieces."""

    def __init__(self, frames):
        self._frames, self._bytes, self._flood, self._reads = list(frames), b"", (0, 0), 0
        self.made = []  # passes that this door's key tagged

    async def read(self, most):
        while not self._bytes and not self._flood[1]:
            if not self._frames:
                raise Over
            self._say(self._frames[0][0], self._frames[0][1:])
            del self._frames[0]
        self._reads += 1
        size = 1 + (self._reads * 29 + len(self._bytes)) % most
        data, self._bytes = self._bytes[:size], self._bytes[size:]
        if not data:
            size = min(size, self._flood[1])
            data = bytes((self._flood[0],)) * size
            self._flood = (self._flood[0], self._flood[1] - size)
        reference.feed(data)
        return data

    def _say(self, how, content):
        fuzz.sent(how in (LINE, SPELLED, TAGGED))
        end = ENDS[len(content) % 3]
        if how == LINE:
            self._bytes = content + end
        elif how == SPELLED:
            self._bytes = passmaker.text(content) + end
        elif how == TAGGED:
            content = passmaker.tagged(content)
            self.made.append(passmaker.fields(content))
            self._bytes = passmaker.text(content) + end
        elif how == FLOOD and len(content) > 1:
            self._flood = (content[0], 1024 * content[1])
        else:
            self._bytes = content


class Reference:
    """Lines and drops as a scanner's line should be taken."""

    def __init__(self):
        self.lines, self.drops, self._line, self._is_over = [], 0, b"", False

    def feed(self, data):
        for number, part in enumerate(data.replace(b"\n", b"\r").split(b"\r")):
            if number:
                if self._line and not self._is_over:
                    self.lines.append(self._line)
                self._line, self._is_over = b"", False
            self._line = b"" if self._is_over else self._line + part
            if len(self._line) > limits.PASS_TEXT_BYTES:
                self._is_over = True
                self.drops += 1


class Streams:
    """What the driver uses of asyncio: the line is the stream."""

    StreamReader = staticmethod(lambda line: line)


gm65.asyncio = Streams


class Watched(gm65.Scanner):
    """The driver, and after each code the question whether it is the line that the reference has."""

    async def code(self):
        line = await gm65.Scanner.code(self)
        if not reference.lines or line != reference.lines.pop(0):
            raise fuzz.Wrong("the driver took another line", line)
        if len(self._line) > limits.PASS_TEXT_BYTES + 64:
            raise fuzz.Wrong("the line grows", len(self._line))
        return line


def drop(reason):
    drops.append(reason)
    fuzz.dropped(reason)


def is_opened(claim, made):
    if claim.pass_ is None:
        if claim.fault not in REFUSALS:
            raise fuzz.Wrong("a refusal with another reason", claim.fault)
        return False
    if claim.pass_ not in made:
        raise fuzz.Wrong("opened for a pass that nobody made", claim.pass_)
    record = Record(0, 0, claim.pass_[1], claim.pass_[2], claim.pass_[3], 0, False, 0, 0)
    return judge.is_opened(claim, record, passmaker.NOW)


def check(frames):
    global reference, drops
    reference, drops = Reference(), []
    line = Line(frames + [b"\0\r", b"\1" + passmaker.GENUINE])
    channel = qr.QrChannel(None, None, Watched(line, drop), passmaker.Keys)
    is_last_opened = False
    try:
        while True:
            claim = fuzz.drive(channel.claim())
            is_last_opened = is_opened(claim, line.made + passmaker.MADE)
            if claim.fault != reasons.NONE:
                fuzz.dropped(claim.fault)
    except Over:
        pass
    if not is_last_opened:
        raise fuzz.Wrong("the genuine pass does not open afterwards")
    if reference.lines or drops != [reasons.TOO_LONG] * reference.drops:
        raise fuzz.Wrong("lines or drops are missing", reference.lines, drops, reference.drops)
    fuzz.counts["genuine"] += 1


def generate():
    frames = []
    for _ in range(1 + random.randrange(5)):
        frame = WAYS[random.randrange(len(WAYS))]()
        frames += [frame] * (1 + fuzz.chance(6))
    if fuzz.chance(40):
        frames.append(bytes((FLOOD, (0, 0x41, 0xFF, 10)[random.randrange(4)], random.randrange(24))))
    return frames


WAYS = (
    lambda: b"\0" + fuzz.mutated(passmaker.GENUINE + b"\r", passmaker.GENUINE, 900),
    lambda: b"\1" + fuzz.mutated(passmaker.GENUINE, passmaker.GENUINE, 500),
    lambda: b"\1" + fuzz.mutated(passmaker.GENUINE, passmaker.GENUINE, 500),
    lambda: b"\2" + fuzz.mutated(passmaker.RAW, passmaker.RAW, 190),
    lambda: b"\2" + fuzz.mutated(passmaker.RAW, passmaker.OTHER),
    lambda: b"\3" + fuzz.mutated(passmaker.RAW),
)
fuzz.run(generate, check)
