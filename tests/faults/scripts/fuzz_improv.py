"""The wire of a bare door: any bytes through the stream that divides it, and any Improv frame to the door.

The first byte of a frame says how: 0 the bytes as they are; 1 a frame of these bytes, its type first; 2 an
RPC of these bytes, its command first; 3 Wi-Fi settings, the first byte being the length of the name; 4 a
pause, in which what takes seconds comes to its end; 5 a line of text. The bytes come in pieces whose lengths
follow from the case.
"""

import random

import fuzz

fuzz.begin()

from altgate.console import improv, stream
from protocol import limits

RAW, FRAME, RPC, WIFI, PAUSE, LINE = range(6)
HEADER = b"IMPROV\x01"
LONGEST = 7 + 2 + 255 + 1
REPAIRED = (FRAME, RPC, WIFI)
NETWORKS = {("Lakeside", "correct horse"), ("open", ""), ("\n", "\r\n"), ("é", "IMPROV\x01")}
ABOUT = ("altgate", "0.1.0", "ESP32S3", "altgate a1b2")
AIR = [("one", -60, 3), ("x", -5, 0), ("one", -50, 0), ("", -1, 0), ("two", -70, 9)]
TOLD = [(b"x", b"-5", b"NO", b""), (b"one", b"-50", b"NO"), (b"two", b"-70", b"NO"), ()]


def wrapped(kind, content):
    """What a frame has to look like on the wire."""
    data = HEADER + bytes((kind, len(content))) + content
    check = 0
    for byte in data:
        check = (check + byte) % 256
    return data + bytes((check,))


def sent_as(kind, *content):
    return b"\n" + wrapped(kind, bytes(content)) + b"\n"


def told(command, texts):
    body = b""
    for text in texts:
        body += bytes((len(text),)) + text
    return b"\n" + wrapped(4, bytes((command, len(body))) + body) + b"\n"


class Radio:
    """``network``, and altgate.link.wifi's Wifi: joins the networks of NETWORKS, and sees those of AIR."""

    STA_IF = 0

    def WLAN(self, interface):
        return self

    def scan(self):
        return [(ssid.encode(), bytes(6), 6, dbm, security, False) for ssid, dbm, security in AIR]

    def disconnect(self):
        pass


class Wifi:
    def __init__(self, ssid, password, told):
        self._network = (ssid, password)
        self.is_joined = False

    async def join(self):
        self.is_joined = self._network in NETWORKS


class Thread:
    """``_thread`` whose threads are over as soon as they begin."""

    @staticmethod
    def start_new_thread(function, arguments):
        function(*arguments)


class Jobs:
    """``asyncio`` whose task runs when the case has a pause."""

    def __init__(self):
        self.waiting = None

    def create_task(self, job):
        if self.waiting:
            raise fuzz.Wrong("two things that take seconds at once")
        self.waiting = job
        return self

    def done(self):
        return self.waiting is None

    async def sleep_ms(self, ms):
        pass

    def finish(self):
        if self.waiting:
            fuzz.drive(self.waiting)
            self.waiting = None


improv.network, improv.Wifi, improv._thread = Radio(), Wifi, Thread


class Door:
    """The product: ``said`` is every frame that it sent and every line that it took, in their order."""

    def __init__(self):
        self.said, self.kept = [], []
        self._jobs = improv.asyncio = Jobs()
        self._stream = stream.Stream()
        self._talk = improv.Improv(ABOUT, self.said.append, self.kept.append)
        self._pieces = 0

    def hear(self, data):
        at = 0
        while at < len(data):
            self._pieces += 1
            size = 1 + (self._pieces * 29 + len(data)) % 40
            self._stream.feed(data[at : at + size])
            at += size
            self._drain()
            if len(self._stream._bytes) > LONGEST or len(self._stream._long) > limits.CONSOLE_LINE_BYTES + 1:
                raise fuzz.Wrong("the stream grows", len(self._stream._bytes), len(self._stream._long))

    def pause(self):
        if self._stream.give_up():
            self._drain()
        self._jobs.finish()

    def _drain(self):
        found = self._stream.next()
        while found:
            kind, content = found
            if kind == stream.LINE:
                self.said.append((content,))
            elif kind == stream.FRAME:
                self._talk.take(content)
            else:
                self._talk.spoilt()
            found = self._stream.next()


def divided(data, pauses):
    """The whole wire divided by what formats.md says of it: ``[(time, line or frame or None)]``.

    ``pauses`` are offsets in the data. Bytes behind k of them come at the time 2 k, the k-th pause from 0 on
    is at 2 k + 1. None stands for a wrong checksum.
    """
    found, at, now, lost_at = [], 0, 0, -1

    def time(offset):
        return 2 * len([one for one in pauses if one <= offset])

    while True:
        bound = len(data) if at > lost_at else lost_at
        ends = [end for end in (data.find(b"\n", at, bound), data.find(b"\r", at, bound)) if end >= 0]
        head = data.find(HEADER, at, bound)
        if ends and not 0 <= head < min(ends):
            end = min(ends)
            now = max(now, time(end))
            if end > at:
                found.append((now, (data[at:end][: limits.CONSOLE_LINE_BYTES + 1],)))
            at = end + 1
        elif head < 0:
            if at > lost_at:
                return found
            # What a frame that was given up leaves without an end.
            at, lost_at = lost_at, -1
        else:
            later = [number for number in range(len(pauses)) if pauses[number] >= head + 7]
            until = pauses[later[0]] if later else len(data)
            end = head + 10 + (data[head + 8] if head + 8 < len(data) else 0)
            if end <= until:
                now = max(now, time(end - 1))
                kind, content = data[head + 7], data[head + 9 : end - 1]
                is_right = wrapped(kind, content) == data[head:end]
                found.append((now, bytes((kind,)) + content if is_right else None))
                at = end if is_right else head + 7
            elif later:
                now = max(now, 2 * later[0] + 1)
                at, lost_at = head + 7, until
            else:
                return found


class Model:
    """What the specification, and docs/formats.md, have the door say."""

    def __init__(self):
        self.said, self.kept, self.state, self.job = [], [], 2, None

    def play(self, events, pauses):
        for number in range(pauses + 1):
            for time, content in events:
                if time in (2 * number, 2 * number + 1):
                    self._take(content)
            if number < pauses:
                self._finish()

    def _take(self, content):
        if type(content) is tuple:
            self.said.append(content)
        elif content is None:
            self.said.append(sent_as(2, 1))
        elif content[0] == 3:
            self._rpc(content[1:])

    def _rpc(self, rpc):
        if len(rpc) < 2 or rpc[1] != len(rpc) - 2:
            self.said.append(sent_as(2, 1))
            return
        command, data = rpc[0], rpc[2:]
        wanted = settings_of(data) if command == 1 else data == b""
        if not 1 <= command <= 4:
            self.said.append(sent_as(2, 2))
        elif not wanted:
            self.said.append(sent_as(2, 1))
        elif command in (1, 4) and self.job:
            self.said.append(sent_as(2, 255))
        else:
            self.said.append(sent_as(2, 0))
            self._act(command, wanted)

    def _act(self, command, wanted):
        if command == 2:
            self.said.append(sent_as(1, self.state))
            self.said += [told(2, ())] if self.state == 4 else []
        elif command == 3:
            self.said.append(told(3, [one.encode() for one in ABOUT]))
        else:
            self.job = (command, wanted)

    def _finish(self):
        if self.job and self.job[0] == 4:
            self.said += [told(4, texts) for texts in TOLD]
        elif self.job:
            is_joined = self.job[1] in NETWORKS
            self.state = 4 if is_joined else 2
            self.kept += [None, self.job[1]] if is_joined else [None]
            ends = [sent_as(1, 4), told(1, ())] if is_joined else [sent_as(2, 3), sent_as(1, 2)]
            self.said += [sent_as(1, 3)] + ends
        self.job = None


def settings_of(data):
    """``(ssid, password)`` of Wi-Fi settings, None for what is none."""
    size = data[0] if data else 0
    ssid, password = data[1 : 1 + size], data[2 + size :]
    if bytes((size,)) + ssid + bytes((len(password) & 255,)) + password != data:
        return None
    if not 1 <= len(ssid) <= 32 or len(password) > 64 or not is_utf8(ssid) or not is_utf8(password):
        return None
    return ssid.decode(), password.decode()


def is_utf8(raw):
    """RFC 3629: the one and shortest spelling of characters that there are."""
    try:
        text = raw.decode()
    except UnicodeError:
        return False
    spelled = b""
    for letter in text:
        code = ord(letter)
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            return False
        spelled += chr(code).encode()
    return spelled == raw


def wire(how, content):
    """The bytes of one frame of a case."""
    content = content[:240]
    if how == FRAME:
        return wrapped((content or b"\3")[0], content[1:])
    if how == RPC:
        return wrapped(3, (content or b"\2")[:1] + bytes((len(content[1:]),)) + content[1:])
    if how == WIFI:
        size = (content or b"\0")[0] % 48
        ssid, password = content[1 : 1 + size], content[1 + size :]
        data = bytes((len(ssid),)) + ssid + bytes((len(password),)) + password
        return wrapped(3, bytes((1, len(data))) + data)
    return b"AG " + content + b"\n" if how == LINE else content


GENUINE = [bytes((PAUSE,)), b"\0\n", b"\2\2", b"\3\4open", bytes((PAUSE,)), b"\5hello"]


def check(frames):
    door, data, pauses = Door(), b"", []
    for frame in frames + GENUINE:
        if frame[0] == PAUSE:
            pauses.append(len(data))
            door.pause()
        else:
            fuzz.sent(frame[0] in REPAIRED)
            part = wire(frame[0], frame[1:])
            data += part
            door.hear(part)
    model = Model()
    model.play(divided(data, pauses), len(pauses))
    for one in door.said:
        if type(one) is bytes:
            judge(one)
    if door.said != model.said or door.kept != model.kept:
        at = 0
        while door.said[at : at + 1] == model.said[at : at + 1] and at < len(door.said):
            at += 1
        raise fuzz.Wrong("another answer than is due", door.said[at : at + 2], model.said[at : at + 2])
    if door.said[-1] != (b"AG hello",) or door.said[-2] != told(1, ()) or door.kept[-1] != ("open", ""):
        raise fuzz.Wrong("a genuine request fails afterwards", door.said[-4:])
    fuzz.counts["genuine"] += 1


def judge(frame):
    """Whether the official SDK hears this frame, whatever was on the line before."""
    is_whole = frame[1:-1] == wrapped(frame[8], frame[10:-2])
    if not is_whole or frame[:1] != b"\n" or frame[-1:] != b"\n" or frame[9] == 10:
        raise fuzz.Wrong("a frame that no client hears", frame)


def generate():
    frames = [WAYS[random.randrange(len(WAYS))]() for _ in range(1 + random.randrange(8))]
    if fuzz.chance(3):
        frames += [WAYS[-1 - random.randrange(3)]() for _ in range(3)]
    return frames


def network():
    """Wi-Fi settings, of a network that there is or of another."""
    pairs = sorted(NETWORKS)
    ssid, password = [one.encode() for one in pairs[random.randrange(len(pairs))]]
    return bytes((len(ssid),)) + ssid + password


WIFI_RPC = wire(WIFI, b"\x08Lakesidecorrect horse")
RPCS = (b"\1", b"\2", b"\3", b"\4", b"\5")


def any_rpc():
    return RPCS[random.randrange(len(RPCS))]


WAYS = (
    lambda: b"\0" + fuzz.mutated(WIFI_RPC, wire(RPC, any_rpc()) + b"\nAG aGVsbG8=\r\n", 300),
    lambda: b"\0" + (HEADER + fuzz.noise(12), b"AG IMPROV", HEADER[:5])[random.randrange(3)],
    lambda: b"\5" + fuzz.mutated(b"aGVsbG8=", HEADER + b"\r", 300),
    lambda: b"\1" + fuzz.mutated(b"\3" + any_rpc() + b"\0", WIFI_RPC, 200),
    lambda: b"\1\3\1" + bytes((random.randrange(80),)) + fuzz.mutated(WIFI_RPC[11:-1], WIFI_RPC),
    lambda: b"\2" + fuzz.mutated(any_rpc(), WIFI_RPC, 200),
    lambda: b"\2\1" + fuzz.mutated(WIFI_RPC[11:-1], WIFI_RPC, 120),
    lambda: b"\3" + fuzz.mutated(network(), network(), 120),
    lambda: b"\3" + network(),
    lambda: b"\3" + bytes((31 + random.randrange(4),)) + b"n" * (95 + random.randrange(6)),
    lambda: b"\2" + any_rpc(),
    lambda: bytes((PAUSE,)),
)
fuzz.run(generate, check)
