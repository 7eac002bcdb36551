"""The serial line of a bare board and of one that waits: any lines, any order, any content.

The first byte of a frame says how:

0 the line as it is; 1 a rightly marked and encoded line of these bytes; 2 agree on keys, with the host's pair
of this number; 3 knock as the ticket's holder: the next byte says what is wrong with it; 4 these bytes,
sealed and numbered as they should be; 5 the same with another number, by the next byte; 6 the same with the
seal spoiled at a place, by the next byte; 7 the line before once more; 8 a whole content: kind, whether its
hash is right, then the bytes; 9 the content that a laptop makes of the ticket in these bytes; 10 an
admission: for whom, then what it holds; 11 a board that waits already, from here on; 12 the flash refuses
from here on, or where the next byte is 0 no longer.
"""

import binascii
import hashlib
import random
import struct

import enrolling
import fuzz
import standin

# The simulated board behind altgate.board wants settings of its own.
page = standin.Partition(1)
enrolling.stand_in(page)
fuzz.begin()

import items
from enrolling import DOOR, ID, OTHER_SECRET, SECRET, START, hmac

curve = enrolling.Curve()

import altgate
from altgate import pins
from altgate.console import line as line_module
from altgate.console.bare import Desk
from altgate.crypto import siv
from altgate.store import enrolment, files, identity
from protocol import limits, names, provisioning

cbor = identity.cbor
MARKED, OPEN, KNOCK, SAY, NUMBERED, SPOILED, AGAIN, WHOLE, GIVE, ADMIT, WAITS, REFUSES = range(1, 13)
GIVEN = items.write(enrolling.ticket_fields(curve.server[1]))
TICKET = items.write(enrolling.laptop_fields(GIVEN))
ADMISSION = items.write(enrolling.admission_fields())
UNKNOWN = b"nobody knows it."
_corrected = enrolling.laptop_fields(GIVEN)
_corrected[12] = "another horse"
CORRECTED = items.write(_corrected)
BAD, ANY = ["refused"], ["any"]
REPAIRED = (MARKED, OPEN, KNOCK, SAY, WHOLE, GIVE, ADMIT)
kept = {}  # what lies in flash, by path
refuses = [False]  # whether the flash takes nothing


class NoFiles:
    """What altgate.store.identity takes of ``os``: identity.load() removes what an identity replaces."""

    random = standin.Random()
    urandom = random.urandom

    @staticmethod
    def remove(path):
        if kept.pop(path, None) is None:
            raise OSError(2)


files.read = lambda path, most: kept.get(path)


def write(path, content):
    """In the place of files.write."""
    if refuses[0]:
        raise OSError(5)
    kept[path] = bytes(content)


files.write = write
line_module.os = identity.os = NoFiles()


class JournalKeys:
    """In the place of store.journal.Keys."""

    def __init__(self):
        self.keys = []

    def set(self, key):
        self.keys.append(key)


class Door:
    """What a Desk needs of app.Door."""

    def __init__(self):
        self.enrolment, self.journal_keys = None, JournalKeys()


class Model:
    """What protocol.provisioning says of a board, without its code: the answer that each line must get.

    An answer of None is silence, BAD a refusal. ``waits``: the hash of the ticket by which the board waits.
    """

    def __init__(self):
        self.waits, self.network, self.is_done, self.has_left = None, None, False, False
        self.identity, self.journal_keys = None, []
        self.new_line()

    def new_line(self):
        """A start of the board."""
        self.keys, self.number, self.last = None, -1, None
        self.kind = self.length = 0
        self.digest, self.content, self.readable = b"", None, b""

    def answer(self, line):
        """None, BAD, or a frame; what is in a sealed one is ``self.said``. ANY in it stands for bytes."""
        self.said = None
        if line[:3] != b"AG ":
            return None
        frame = decoded(line) if len(line) <= limits.CONSOLE_LINE_BYTES else None
        if type(frame) is not list or not frame or type(frame[0]) is not int:
            return self._refused()
        kinds, act = self._ACTS.get(frame[0], (None, None))
        if kinds is None or tuple([type(value) for value in frame[1:]]) != kinds:
            return self._refused()
        return act(self, *frame[1:])

    def _refused(self):
        return None if self.waits else BAD

    def _hello(self):
        return None if self.waits else [1, "a1b2", altgate.VERSION, altgate.BUILD, pins.BOARD]

    def _open(self, public):
        if self.waits:
            return None
        return [2, ANY] if enrolling.is_point(public) else BAD

    def _knock(self, who, nonce, mac):
        is_right = self.waits and who == ID and len(nonce) == 16
        is_right = is_right and mac == hmac(SECRET, b"altgate/console/knock/1", who, nonce)
        return [3, ANY, ANY] if is_right else None

    def _sealed(self, number, sealed):
        if self.keys is None or number not in (self.number, self.number + 1) or number < 0:
            return None
        try:
            said = bytes(siv.open_(self.keys[0], sealed, (struct.pack(">I", number),)))
        except siv.SivError:
            return None
        if number == self.number:
            return self.last
        self.number = number
        self.said = self._answer(said)
        return [4, number, ANY]

    def _answer(self, content):
        said = cbor.decode(content) if items.is_fit(content) else None
        if type(said) is not list or not said or type(said[0]) is not int:
            return BAD
        kinds, act = self._SAYS.get(said[0], (None, None))
        if act is None or kinds is not None and tuple([type(value) for value in said[1:]]) != kinds:
            return BAD
        return act(self, *said[1:])

    def _begin(self, kind, length, digest):
        if not 0 < length <= provisioning.CONTENT_BYTES or len(digest) != 32:
            return BAD
        self.kind, self.length, self.digest, self.content = kind, length, digest, b""
        return [2, 0]

    def _chunk(self, offset, data):
        if self.content is None or offset != len(self.content) or offset + len(data) > self.length:
            return BAD
        self.content += data
        return [2, len(self.content)]

    def _commit(self):
        if self.content is not None:
            if len(self.content) != self.length:
                return BAD
            content, self.content = self.content, None
            if hashlib.sha256(content).digest() != self.digest or not self._takes(content):
                return BAD
            return [3, ANY]
        return [3, len(self.readable)]

    def _takes(self, content):
        if self.kind == 1:
            return self._takes_ticket(content)
        return self.kind == 2 and self.waits is not None and self._takes_admission(content)

    def _takes_ticket(self, content):
        told = cbor.decode(content) if items.is_fit(content) else None
        given = told.pop(25, None) if type(told) is dict else None
        if type(given) is not bytes or not enrolling.fits(told, enrolling.OF_LAPTOP):
            return False
        fields = cbor.decode(given) if items.is_fit(given) else None
        if not enrolling.fits(fields, enrolling.OF_TICKET) or told[13] > fields[22]:
            return False
        digest = hashlib.sha256(given).digest()
        if not enrolling.is_point(fields[21]) or self.waits not in (None, digest) or refuses[0]:
            return False
        self.waits, self.network, self.fields = digest, told, fields
        return True

    def _takes_admission(self, sealed):
        key = enrolling.subkey(self.board_key, enrolling.ADMISSION, 64)
        try:
            content = siv.open_(key, sealed, (enrolling.ADMISSION, self.fields[1].encode(), self.fields[19]))
        except siv.SivError:
            return False
        told = cbor.decode(content) if items.is_fit(bytes(content)) else None
        if not enrolling.fits(told, enrolling.OF_ADMISSION):
            return False
        journal_key = told.pop(14)
        fields = {key: self.fields[key] for key in (1, 3, 5, 6, 7, 8, 18, 19, 20, 22)}
        fields.update(told)
        fields.update(self.network)
        fields[2] = self.board_key
        if journal_key in items.write(fields):
            return False
        # First: there is no identity without it.
        self.journal_keys.append(journal_key)
        if refuses[0]:
            return False
        self.identity, self.is_done = fields, True
        return True

    def _read(self, offset):
        if not 0 <= offset <= len(self.readable):
            return BAD
        return [4, offset, self.readable[offset : offset + provisioning.CHUNK_BYTES]]

    def _leave(self, *rest):
        self.has_left = True
        return [6]

    _ACTS = {
        1: ((), _hello), 2: ((bytes,), _open), 3: ((bytes, bytes, bytes), _knock), 4: ((int, bytes), _sealed),
    }  # fmt: skip
    _SAYS = {
        1: ((int, int, bytes), _begin), 2: ((int, bytes), _chunk), 3: ((), _commit), 4: ((int,), _read),
        6: (None, _leave),
    }  # fmt: skip


def decoded(line):
    try:
        data = binascii.a2b_base64(line[3:])
    except ValueError:
        return None
    return cbor.decode(data) if items.is_fit(data) else None


def marked(data):
    return b"AG " + binascii.b2a_base64(data).strip()


class Bench:
    """A board's line with its model, and one that waits with a ticket nobody knows: it may not say a word."""

    def __init__(self):
        kept.clear()
        refuses[0] = False
        page.erase()
        curve.begin()
        identity.os.random.drawn = 0
        self.door, self.model, self.before = Door(), Model(), b""
        self.start()
        shut = Door()
        held = [UNKNOWN if one is enrolled.ticket_secret else one for one in enrolled]
        shut.enrolment = enrolment.Enrolment(*held)
        self.shut = line_module.Line(Desk(shut, lambda: None))

    def start(self):
        """Switch it on, as app.Door does."""
        self.door.enrolment = enrolment.load(page)
        if self.door.enrolment is None and self.model.waits:
            raise fuzz.Wrong("a board forgot its ticket")
        self.desk = Desk(self.door, lambda: None)
        self.talk = line_module.Line(self.desk)
        self.model.new_line()
        if self.door.enrolment:
            self.model.readable = self.door.enrolment.record
        self.model.has_left = False

    def wait(self):
        """Be a board that waits with the ticket."""
        if self.model.waits is None and enrolled:
            kept.update(enrolled_files)
            page.writeblocks(0, enrolled_page, 0)
            model = self.model
            model.waits, model.network = hashlib.sha256(GIVEN).digest(), enrolling.laptop_fields(GIVEN)
            del model.network[25]
            model.fields, model.board_key = enrolling.ticket_fields(curve.server[1]), enrolled_key
            self.start()

    def line(self, line):
        """Send a line to both; returns what the board says, opened where it is sealed."""
        self.before = line
        if fuzz.drive(self.shut.answer(line)) is not None:
            raise fuzz.Wrong("a board that waits answered a stranger", line)
        model = self.model
        was_waiting, old_number = model.waits, model.number
        expected = model.answer(line)
        answer = fuzz.drive(self.talk.answer(line))
        content = self.desk._contents._content
        if len(content or b"") > provisioning.CONTENT_BYTES or (content or b"") != (model.content or b""):
            raise fuzz.Wrong("another content than was sent", len(content or b""))
        if answer is None or expected is None:
            if answer is not expected:
                raise fuzz.Wrong("silence and an answer mixed up", line, answer, expected)
            return None
        if answer[:3] != b"AG " or answer[-1:] != b"\n" or len(answer) > limits.CONSOLE_LINE_BYTES:
            raise fuzz.Wrong("an answer that is no line", answer)
        frame = decoded(answer[:-1])
        if frame is None:
            raise fuzz.Wrong("an answer that is no frame", answer)
        if expected is BAD:
            return self.refusal(frame)
        if not alike(expected, frame):
            raise fuzz.Wrong("another answer than the protocol's", line, frame, expected)
        if frame[0] == 2:
            sent_key = decoded(line)[1]
            secret = [curve.secret(pair, frame[1]) for pair in curve.host if pair[1] == sent_key]
            # With a key that nobody here has the board is as good as without.
            self.agree(secret[0] if secret else b"?" * 32, hashlib.sha256(sent_key + frame[1]).digest())
        elif frame[0] == 3:
            nonce = decoded(line)[2]
            if frame[2] != hmac(SECRET, b"altgate/console/come-in/1", nonce, frame[1]) or len(frame[1]) != 16:
                raise fuzz.Wrong("a board that waits does not prove who it is", frame)
            self.agree(SECRET, nonce + frame[1])
        elif frame[0] == 4 and model.number != old_number:
            return self.judge_said(frame, was_waiting)
        return frame

    def agree(self, secret, salt):
        labels = (b"altgate/console/to-door/1", b"altgate/console/to-host/1")
        self.model.keys = [enrolling.subkey(secret, label, 64, salt) for label in labels]
        self.model.number = -1

    def refusal(self, frame):
        if len(frame) != 2 or frame[0] != 0 or frame[1] not in names.REASONS:
            raise fuzz.Wrong("a refusal was due", frame)
        fuzz.dropped(frame[1])
        return frame

    def judge_said(self, frame, was_waiting):
        """What is in a sealed answer that is new."""
        model = self.model
        model.last = frame
        try:
            said = siv.open_(model.keys[1], frame[2], (struct.pack(">I", frame[1]),))
        except siv.SivError:
            raise fuzz.Wrong("an answer that is not sealed for the host", frame)
        said = cbor.decode(bytes(said))
        if model.said is BAD:
            return self.refusal(said)
        if not alike(model.said, said):
            raise fuzz.Wrong("another answer than the protocol's", said, model.said)
        if said[0] == 3 and model.said[1] is ANY:
            self.taken(was_waiting)
            if said[1] != len(model.readable):
                raise fuzz.Wrong("another length than what can be read", said, len(model.readable))
        return said

    def taken(self, was_waiting):
        """A content was taken: what follows from it must lie in flash."""
        model = self.model
        model.readable = b"" if model.is_done else self.door.enrolment.record
        if model.is_done:
            return
        record = cbor.decode(cbor.decode(model.readable)[0])
        if was_waiting is None:
            server_key = model.fields[21]
            if server_key == curve.server[1]:
                secret = curve.secret(curve.server, record[27])
                model.board_key = enrolling.board_key(secret, model.waits, record[27], server_key)
            else:
                # A ticket of somebody who has that key; what they share is theirs.
                model.board_key = self.door.enrolment.kept[2]
        said = enrolling.is_genuine(model.readable, model.board_key)
        if said is None or (said[1], said[19], said[26]) != (model.fields[1], model.fields[19], model.waits):
            raise fuzz.Wrong("a request that is not genuine", said)
        held = enrolment.load(page)
        if held is None or held.record != model.readable or held.wifi_ssid != model.network[11]:
            raise fuzz.Wrong("what was taken is not kept")

    def say(self, content, number=1, spoil=None):
        """Say some bytes, sealed for the board; number: how much is added to the last."""
        if self.model.keys is None:
            return self.line(marked(items.write([4, number, content[:100]])))
        number = max(0, self.model.number + number)
        sealed = bytes(siv.seal(self.model.keys[0], content, (struct.pack(">I", number),)))
        if spoil is not None:
            at = spoil % len(sealed)
            sealed = sealed[:at] + bytes((sealed[at] ^ 1 << spoil % 8,)) + sealed[at + 1 :]
        return self.line(marked(items.write([4, number, sealed])))

    def send(self, kind, content, more=b""):
        """A whole content; ``more``: the hash is that of something else. The answer to the commit."""
        content = content[: provisioning.CONTENT_BYTES] or b"\0"
        digest = hashlib.sha256(content + more).digest()
        self.say(items.write([1, kind, len(content), digest]))
        for at in range(0, len(content), provisioning.CHUNK_BYTES):
            self.say(items.write([2, at, content[at : at + provisioning.CHUNK_BYTES]]))
        return self.say(items.write([3]))

    def knock(self, fault=0):
        """Knock with the ticket; fault: 0 none, then in the name, the nonce's length, the code, the key."""
        nonce, who = bytes(range(17 if fault == 2 else 16)), b"another." if fault == 1 else ID
        mac = hmac(OTHER_SECRET if fault == 4 else SECRET, b"altgate/console/knock/1", who, nonce)
        mac = mac[:-1] + bytes((mac[-1] ^ 1,)) if fault == 3 else mac
        return self.line(marked(items.write([3, who, nonce, mac])))

    def open(self, pair=0):
        return self.line(marked(items.write([2, curve.host[pair % 2][1]])))

    def admission(self, way, content):
        """An admission: 0 for this board; 1 to 3 for another one; 4 spoiled."""
        key = getattr(self.model, "board_key", b"k" * 32)
        sealed = enrolling.sealed_admission(
            b"of another board, 32 bytes long." if way == 1 else key, content,
            "0a1b2c3e" if way == 2 else DOOR, b"another." if way == 3 else ID,
        )  # fmt: skip
        at = len(content) * 7 % len(sealed)
        return sealed if way != 4 else sealed[:at] + bytes((sealed[at] ^ 4,)) + sealed[at + 1 :]

    def play(self, how, content):
        """Put one frame of a case on the line."""
        fuzz.sent(how in REPAIRED)
        first, rest = (content[0] if content else 0), content[1:]
        if how == MARKED:
            self.line(marked(content))
        elif how == OPEN:
            self.open(first)
        elif how == KNOCK:
            self.knock(first % 5)
        elif how == SAY:
            self.say(content)
        elif how == NUMBERED:
            self.say(rest, NUMBERS[first % len(NUMBERS)])
        elif how == SPOILED:
            self.say(rest, 1, first)
        elif how == AGAIN:
            self.line(self.before)
        elif how == WHOLE:
            self.send(first, rest[1:], b"x" * (rest[0] & 1 if rest else 0))
        elif how == GIVE:
            self.send(1, items.write(enrolling.laptop_fields(content)))
        elif how == ADMIT:
            self.send(2, self.admission(first % 5, rest))
        elif how == WAITS:
            self.wait()
        elif how == REFUSES:
            refuses[0] = bool(first)
        else:
            self.line(content)
        if self.model.has_left and not self.model.is_done:
            if not self.desk.is_done:
                raise fuzz.Wrong("a board does not leave")
            self.start()

    def finish(self):
        """Whatever was said before: the ticket, then the admission, and it is a door."""
        refuses[0] = False
        if self.model.waits not in (None, hashlib.sha256(GIVEN).digest()):
            # It waits with another ticket than the one at hand: silence.
            self.line(marked(items.write([1])))
            return
        if (self.knock() if self.model.waits else self.open()) is None:
            raise fuzz.Wrong("the line does not open afterwards")
        if self.send(1, TICKET)[0] != 3:
            raise fuzz.Wrong("a genuine ticket is refused afterwards")
        record, readable = b"", self.model.readable
        while len(record) < len(readable):
            record += self.say(items.write([4, len(record)]))[2]
        if record != readable or self.send(2, self.admission(0, ADMISSION))[0] != 3:
            raise fuzz.Wrong("a genuine admission is refused afterwards")


NUMBERS = (0, 2, -1, 3, 256, 1 << 32, 1)


def alike(expected, frame):
    """Whether a frame is the one expected, in which ANY stands for some bytes or a length."""
    if len(expected) != len(frame):
        return False
    pairs = zip(expected, frame)
    return all(one == other or one is ANY and type(other) in (bytes, int) for one, other in pairs)


def judge_end(bench):
    """A door, as it was admitted and sealed in flash, or none at all."""
    model, has_identity = bench.model, identity.PATH in kept
    if has_identity != model.is_done or bench.desk.is_done != (model.is_done or model.has_left):
        raise fuzz.Wrong("an identity without an admission, or none with one")
    keys = bench.door.journal_keys.keys
    if keys != model.journal_keys:
        raise fuzz.Wrong("the journal's key is not the admission's", len(keys))
    if not has_identity:
        held = enrolment.load(page)
        if held and held.kept != bench.door.enrolment.kept:
            raise fuzz.Wrong("the board has something else in mind than it keeps")
        return
    wrap = identity.wrapping_key(page)
    fields = cbor.decode(bytes(siv.open_(wrap, kept[identity.PATH], (b"altgate/identity/1",))))
    # Its private key was made on the board.
    if fields.pop(10) in (None, model.fields[10]) or fields != model.identity:
        raise fuzz.Wrong("another identity than was admitted", fields)
    if identity.load(page) is None or identity.ENROLMENT in kept:
        raise fuzz.Wrong("what the board waited with is still there")


def check(frames):
    bench = Bench()
    for frame in frames:
        bench.play(frame[0], frame[1:])
        if bench.model.is_done:
            break
    if not bench.model.is_done and fuzz.is_due(16):
        bench.finish()
    elif not bench.model.waits and bench.line(marked(items.write([1]))) is None:
        raise fuzz.Wrong("a genuine hello fails afterwards")
    judge_end(bench)
    fuzz.counts["genuine"] += 1


def generate():
    is_waiting = fuzz.chance(2)
    frames = [bytes((WAITS,))] if is_waiting else []
    if not fuzz.chance(8):
        frames.append(bytes((KNOCK, 0)) if is_waiting else bytes((OPEN, random.getrandbits(1))))
    frames += [WAYS[random.randrange(len(WAYS))]() for _ in range(2 + random.randrange(10))]
    if fuzz.chance(6):
        frames.append(bytes((GIVE,)) + (GIVEN if fuzz.chance(3) else other_ticket()))
    if fuzz.chance(6):
        # Mostly for this board, and with something else in it.
        way = random.randrange(5) if fuzz.chance(2) else 0
        frames.append(bytes((ADMIT, way)) + (ADMISSION if fuzz.chance(3) else other_admission()))
    if fuzz.chance(16):
        frames.append(bytes((REFUSES, 1)))
        frames.append(bytes((GIVE,)) + GIVEN if fuzz.chance(2) else bytes((WHOLE, 1, 0)) + CORRECTED)
        frames += [bytes((REFUSES, 0))] * random.getrandbits(1)
    if fuzz.chance(12):
        content = other_content(enrolling.laptop_fields(GIVEN))
        frames.append(bytes((WHOLE, random.randrange(4), fuzz.chance(3))) + content)
    return frames


LENGTHS = (0, 1, 15, 16, 31, 32, 33, 64, 65, 128, 129, 253, 254, 2048, 2049)


def other_content(fields):
    """A map with a field exchanged, left out, added or damaged."""
    way = random.randrange(4)
    if way == 0:
        return fuzz.mutated(items.write(fields), ADMISSION, provisioning.CONTENT_BYTES)
    if way == 1:
        return items.write(items.altered(fields))
    fields, present = dict(fields), sorted(fields)
    key = present[random.randrange(len(present))]
    if way == 2 and type(fields[key]) in (bytes, str):
        # At and over its bounds.
        more = fields[key][:1] * random.choice(LENGTHS)
        fields[key] = more if fuzz.chance(2) else fields[key][1:]
    else:
        fields[key] = items.anything(2) if fuzz.chance(2) else fields[random.choice(present)]
    return items.write(fields)


def other_ticket():
    fields = enrolling.ticket_fields(curve.server[1])
    if fuzz.chance(3):
        fields[22] = START + random.randrange(10)
    elif fuzz.chance(6):
        fields[21] = curve.host[0][1] if fuzz.chance(2) else curve.server[1][:33] + bytes(32)
    elif fuzz.chance(6):
        fields[3] = random.randrange(256)
    else:
        return other_content(fields)
    return items.write(fields)


def other_admission():
    fields = enrolling.admission_fields()
    if fuzz.chance(4):
        fields[14] = fields[16 + random.getrandbits(1)]
        return items.write(fields)
    return other_content(fields)


def some_said():
    """Something said whose kind is right, and whose members may be anything."""
    kind = random.randrange(8) if fuzz.chance(4) else (1, 2, 2, 3, 4)[random.randrange(5)]
    if fuzz.chance(3):
        return items.write([kind if random.randrange(12) else items.anything(1)] + some_members())
    length = random.randrange(7)
    if kind == 1:
        right = hashlib.sha256(bytes(length)).digest()
        return items.write([1, 1 + random.getrandbits(1), length, right if fuzz.chance(2) else bytes(32)])
    if kind == 2:
        return items.write([2, random.randrange(5), bytes(random.randrange(5))])
    return items.write([kind] + ([random.choice(items.NEIGHBOURS + (1, 120, 240))] if kind == 4 else []))


def some_members():
    return [items.anything(2) for _ in range(random.randrange(4))]


def some_frame():
    """A frame whose kind is right and whose members may be anything."""
    kind = random.randrange(6) if fuzz.chance(4) else 1 + random.randrange(4)
    members = some_members()
    if kind == 2 and fuzz.chance(2):
        members = [fuzz.mutated(curve.host[0][1], curve.server[1])]
    if kind == 4 and fuzz.chance(2):
        members = [random.randrange(4), fuzz.noise(60)]
    return items.write([kind if random.randrange(12) else items.anything(1)] + members)


WAYS = (
    lambda: b"\0" + fuzz.mutated(marked(items.write([2, curve.host[0][1]])), b"AG hgFi\r\n"),
    lambda: b"\1" + some_frame(),
    lambda: b"\1" + fuzz.mutated(some_frame(), some_frame(), 170),
    lambda: bytes((KNOCK, random.randrange(8))),
    lambda: bytes((OPEN, random.getrandbits(1))) if fuzz.chance(3) else b"\7",
    lambda: bytes((SAY,)) + some_said(),
    lambda: bytes((SAY,)) + some_said(),
    lambda: bytes((SAY,)) + some_said(),
    lambda: bytes((SAY,)) + some_said(),
    lambda: bytes((SAY,)) + items.write(items.anything(3), 10)[:120],
    lambda: bytes((SAY,)) + (b"\x81" * random.randrange(1, 9) + b"\1" if fuzz.chance(2) else b"\x81\6"),
    lambda: bytes((NUMBERED, random.randrange(7))) + some_said(),
    lambda: bytes((NUMBERED, 0)) + some_said(),
    lambda: bytes((SPOILED, random.getrandbits(8))) + some_said(),
    lambda: b"\7",
)
enrolled = enrolled_key = None
enrolled_files, enrolled_page = {}, bytearray(80)


def enrol():
    """A board that waits, made once; others begin as it."""
    global enrolled, enrolled_key
    identity.os.random.drawn = 0
    curve.begin()
    enrolled = fuzz.drive(enrolment.make(page, "a1b2", None, TICKET, None))
    enrolled_files.update(kept)
    page.readblocks(0, enrolled_page, 0)
    record = cbor.decode(cbor.decode(enrolled.record)[0])
    secret = curve.secret(curve.server, record[27])
    enrolled_key = enrolling.board_key(secret, record[26], record[27], curve.server[1])
    is_of_ticket = record[26] == hashlib.sha256(GIVEN).digest()
    if enrolling.is_genuine(enrolled.record, enrolled_key) is None or not is_of_ticket:
        raise fuzz.Wrong("a request that is not genuine")


enrol()
fuzz.run(generate, check)
