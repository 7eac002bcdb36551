"""The host's inbox over a real database: a door with its key that says anything, and all others.

A frame's first byte says how, its second which topic (those of topics.UP, then others that are none of a
door's): 0 the payload as it is; 1 sealed with the right key for this topic; 2 sealed with the host's own key;
3 sealed for the next topic; 4 sealed rightly, and the topic is the text before the first zero byte.

Boards that ask to be admitted have frames of their own: how, which of the boards that took a ticket, and at
which door's topic. 5 its request; 6 the bytes as they are; 7 the bytes as a record, with its right code.
"""

import hashlib
import logging
import random
import sqlite3
import sys
import warnings
from pathlib import Path

import cbor2
import fuzz

fuzz.begin()
sys.path.append(str(Path(__file__).parents[2]))

import items
from altgate.clock import DAY_S, now_s
from altgate.consent import notices
from altgate.errors import BadMessage
from altgate.keys.derive import link_key
from altgate.ledger import chain
from altgate.link import inbox
from altgate.link.orders import Orders
from altgate.protocol import limits, messages, names, reasons, statements, topics
from altgate.protocol import provisioning as p
from altgate.provision import ticket as tickets
from altgate.registry import commands, credentials, doors, enrolments, residents, settings
from altgate.registry import site as sites
from altgate.registry.models import DoorStart
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID
from sealing import hmac, seal
from support.applicant import Applicant

SEALED, HOST_KEY, MOVED, TEXT, ASKS, ASKS_RAW, ASKS_SO = range(1, 8)
DOOR, OTHER_DOOR, GONE = "0a1b2c3d", "0a1b2c3e", "0a1b2c3f"
TOPICS = [topics.topic(DOOR, name) for name in topics.UP + topics.DOWN]
TOPICS += [topics.topic("ffffffff", topics.UP_HELLO), topics.topic(GONE, topics.UP_HELLO), "altgate"]
# Whether a door is online is what the broker says, sealed by nobody.
ONLINE = [topics.topic(door, topics.UP_STATUS) for door in (DOOR, OTHER_DOOR)]
HELLO, EVENT, REPLY, STATUS, CONSENT, LEASE = range(6)
EPOCHS = (b"e" * 16, b"f" * 16)
# Doors without a board yet; the second has one that was admitted, and the third's ticket has expired.
NEW, ADMITTED, LATE = "0a1b2c40", "0a1b2c41", "0a1b2c42"
DOORS = (NEW, ADMITTED, LATE, DOOR)
# Boards, by the door of their ticket: two with the same, one admitted and one too late for that, one whose
# ticket has expired, and one whose ticket was withdrawn.
BOARDS = (NEW, NEW, ADMITTED, ADMITTED, LATE, NEW)
P256 = bytes.fromhex("06082a8648ce3d030107")  # prime256v1, as DER
FREE = (p.HARDWARE_ID, p.FIRMWARE, p.BUILD, p.BOARD_NAME)


class Building:
    """A site with two doors and a removed one, a resident with a card, and a notice.

    It is put back to the same state before every case.
    """

    def __init__(self):
        folder = Path(fuzz.settings["folder"]) / "site"
        self.site = sites.create(folder, "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
        with self.site.write() as session:
            added = [doors.add(self.site, session, name, 1, name, False) for name in (DOOR, OTHER_DOOR, GONE)]
            doors.remove(self.site, session, added[2])
            for door in added:
                door.certificate_until = now_s() + limits.CERTIFICATE_DAYS * DAY_S
            session.add(DoorStart(door=added[0].id, boot=3, epoch=EPOCHS[0], created_at=1))
            added[0].boot, added[0].epoch, added[0].applied_version = 3, EPOCHS[0], 0
            text = notices.template()
            for mark in notices.EXAMPLE:
                text = text.replace(mark, "")
            self.notice = notices.publish(self.site, session, text).sha256
            resident = residents.add(self.site, session, "Bea", "101")
            self.resident = resident.pseudonym
            card = (messages.TYPE_CARD, bytes(range(4, 11)))
            credentials.add(self.site, session, *card, resident, added[:1], (0, 0))
            for verb in (messages.VERB_UNLOCK, messages.VERB_SELF_TEST):
                commands.request(self.site, session, added[0], verb, 10**8)
            self.keys = [doors.key(self.site, door) for door in added]
            self._enrol(session)
        self.watch = sqlite3.connect(folder / sites.DATABASE, isolation_level=None)
        self.first = sqlite3.connect(":memory:")
        self.watch.backup(self.first)
        self.up, self.down = [link_key(self.keys[0], label, 0) for label in ("up", "down")]

    def _enrol(self, session):
        """Issue tickets, and have boards take them."""
        made = [doors.add(self.site, session, name, 1, name, False) for name in (NEW, ADMITTED, LATE)]
        withdrawn, *open_ = [self._ticket(session, door) for door in (made[0], *made)]
        self.boards = [Applicant(open_[DOORS.index(name)]) for name in BOARDS[:-1]] + [Applicant(withdrawn)]
        row = enrolments.take(self.site, session, made[1], self.boards[2].request)
        self.admission = enrolments.admit(self.site, session, made[1], row)
        enrolments.current(session, made[2]).expires_at = now_s() - 1

    def _ticket(self, session, door):
        return tickets.read(enrolments.issue_ticket(self.site, session, door, ("localhost", 8883), 14))

    def asked(self):
        """What asks to be admitted with the ticket that is open."""
        query = "SELECT record FROM tickets WHERE ended_at IS NULL AND admission IS NULL AND expires_at > 9e8"
        return [row[0] for row in self.watch.execute(query + " AND door = 4").fetchall()]

    def restore(self):
        self.first.backup(self.watch)
        self.marks = {}  # what the hello said that began a journal
        self.missing = []  # journal, first and last of events that were acknowledged, says a hello
        self.epochs = [EPOCHS[0]]  # of the hellos that were taken, the newest last
        self.told = {}  # what was taken as which event
        self.orders = Orders(self.site)
        self.orders.due()

    def change(self):
        """A number that moves with every change that another connection commits."""
        return self.watch.execute("PRAGMA data_version").fetchone()[0]

    def journal(self):
        """The number of the door's journal, up to where that was acknowledged, and the door's start."""
        return self.watch.execute("SELECT journal, acked_sequence, boot FROM doors WHERE id = 1").fetchone()

    def in_force(self):
        """What a lease is bound to: the consents at the door that have not ended."""
        rows = self.watch.execute("SELECT consent, state FROM consents WHERE door = 1").fetchall()
        names = [name for name, state in rows if state not in messages.CONSENT_ENDED]
        return hashlib.sha256(statements.in_force(names)).digest()

    def waiting(self):
        talks = {number: tuple(vars(talk).values()) for number, talk in self.orders._talks.items()}
        return talks, self.orders._look_at


def receive(topic, payload, is_genuine):
    """Hand a message to the inbox; returns the answers, or None for one that was dropped."""
    before, waiting = building.change(), building.waiting()
    try:
        door, answers = inbox.receive(building.site, building.orders, topic, payload)
    except BadMessage as error:
        if type(error) is not BadMessage or error.reason not in names.REASONS:
            raise fuzz.Wrong("a refusal with another reason", error.reason) from error
        fuzz.dropped(error.reason)
        if building.change() != before:
            raise fuzz.Wrong("a message that was dropped changed the database", topic, error.args) from error
        if building.waiting() != waiting:
            raise fuzz.Wrong("a message that was dropped changed the commands", topic, error.args) from error
        return None
    if not is_genuine:
        raise fuzz.Wrong("a message that was not genuine was taken", topic)
    if topic.endswith(topics.UP_ENROL):
        return answers
    if any(name not in topics.DOWN or type(fields) is not dict for name, fields in answers):
        raise fuzz.Wrong("an answer that is none", answers)
    if answers and answers[0][0] == topics.DOWN_LEASE:
        if answers[0][1][messages.CONSENTS] != building.in_force():
            raise fuzz.Wrong("a lease for other consents than the register's", answers)
    if door.door_id not in topic:
        raise fuzz.Wrong("taken as another door's", topic, door.door_id)
    return answers


def play(frame):
    how, rest = frame[0], frame[1:] or b"\0"
    fuzz.sent(how in (SEALED, TEXT, ASKS, ASKS_SO))
    if how in (ASKS, ASKS_RAW, ASKS_SO):
        ask(how, (rest[0] % len(BOARDS), (rest[1:2] or b"\0")[0] % len(DOORS)), rest[2:])
        return
    number, content = rest[0] % len(TOPICS), rest[1:]
    topic, payload = TOPICS[number], content
    if how == TEXT:
        raw, _, content = rest.partition(b"\0")
        topic = raw.decode("utf-8", "replace")
    if how in (SEALED, TEXT):
        payload = seal(building.up, topic.encode(), content)
    elif how == HOST_KEY:
        payload = seal(building.down, topic.encode(), content)
    elif how == MOVED:
        payload = seal(building.up, TOPICS[(number + 1) % len(TOPICS)].encode(), content)
    is_sealed = how in (SEALED, TEXT) and topic in TOPICS[: len(topics.UP)]
    before = building.journal()
    answers = receive(topic, payload, is_sealed or topic in ONLINE)
    if answers is None or topic in ONLINE:
        return
    if topic == TOPICS[HELLO] and answers[0][0] == topics.DOWN_COMMAND:
        if not answer_for(answers[0][1], payload[-1] & 1):
            return
    elif topic == TOPICS[HELLO]:
        judge_start(cbor2.loads(content), before)
    judge_old(topic, cbor2.loads(content), before)


def ask(how, whose, content):
    """A board asks to be admitted, at the topic of one of the doors."""
    board, name = building.boards[whose[0]], DOORS[whose[1]]
    payload = content
    if how == ASKS:
        payload = board.request
    elif how == ASKS_SO:
        payload = items.write([content, hmac(hkdf(board.key), content)])
    is_own = name == BOARDS[whose[0]]
    is_right = payload == board.request or how == ASKS_SO and is_request(board, content)
    is_again = name == ADMITTED and payload == building.boards[2].request
    may = is_again or name == NEW and is_own and is_right and whose[0] < 2
    may = may or payload in (building.boards[0].request, building.boards[1].request) and name == NEW
    answers = receive(topics.topic(name, topics.UP_ENROL), payload, may)
    if answers is None:
        if may:
            raise fuzz.Wrong("a board that asks as it should was not heard", name)
    elif answers != ([(topics.DOWN_ADMISSION, building.admission)] if is_again else []):
        raise fuzz.Wrong("another answer to a board that asks", name, answers)
    elif not is_again and building.asked() != [payload]:
        raise fuzz.Wrong("what a board asked is not kept", name)


def hkdf(key):
    """The key of a request's code, by RFC 5869."""
    return hmac(hmac(bytes(32), key), b"altgate/enrol\1")


def is_request(board, content):
    """Whether a record says what this board may say of itself; its certificate request may be another."""
    right = cbor2.loads(cbor2.loads(board.request)[0])
    if not items.is_fit(content):
        return False
    said = cbor2.loads(content)
    if type(said) is not dict or {key: type(one) for key, one in said.items()} != {
        key: type(one) for key, one in right.items()
    }:
        return False
    same = all(said[key] == right[key] for key in right if key not in (*FREE, p.REQUEST))
    same = same and all(len(said[key]) <= 64 and said[key].isprintable() for key in FREE)
    return same and is_signed(said[p.REQUEST], right[p.DOOR_ID])


def is_signed(request, name):
    """Whether a certificate request is one for this name, by the key that it is for."""
    try:
        asked = x509.load_der_x509_csr(request)
        named = [one.value for one in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        return asked.is_signature_valid and named == [name] and asked.public_key().curve.name == "secp256r1"
    except Exception:
        # Whatever it is: such a request is none.
        return False


def answer_for(question, is_there):
    """A door is asked about a hello: it is in that start, or in another. Whether the hello was taken then."""
    fields = {messages.REQUEST: question[messages.REQUEST], messages.RESULT: reasons.DONE}
    fields[messages.CHALLENGE] = bytes(16)
    if not is_there:
        fields.update({messages.RESULT: reasons.STALE_EPOCH, messages.EPOCH: building.epochs[-1]})
    before = building.change()
    answers = receive(TOPICS[REPLY], seal(building.up, TOPICS[REPLY].encode(), items.write(fields)), True)
    if is_there != bool(answers) or not is_there and building.change() != before:
        raise fuzz.Wrong("a hello was taken that its door denies, or not one that it answers for", answers)
    return is_there


def judge_start(fields, before):
    """A hello that was taken without a question."""
    if fields[messages.EPOCH] not in building.epochs and fields[messages.BOOT] <= before[2]:
        raise fuzz.Wrong("an earlier start was believed without a question", fields)


def judge_old(topic, fields, before):
    """A message that was taken may be no repetition of an old start, and no second word on an event.

    before: number of the door's journal, and up to where it was acknowledged.
    """
    epoch = fields.get(messages.EPOCH)
    if topic == TOPICS[HELLO]:
        if epoch in building.epochs[:-1] and epoch != building.epochs[-1]:
            raise fuzz.Wrong("a hello of an earlier start was taken", building.epochs)
        if epoch != building.epochs[-1]:
            building.epochs.append(epoch)
        journal, acked = building.journal()[0], fields[messages.JOURNAL_ACKED]
        building.marks.setdefault(journal, acked)
        if journal == before[0] and acked > before[1]:
            building.missing.append((journal, before[1] + 1, acked))
    elif topic == TOPICS[REPLY] and epoch not in (None, building.epochs[-1]):
        raise fuzz.Wrong("a reply of an earlier start was taken", epoch)
    elif topic == TOPICS[EVENT]:
        content = [fields[key] for key in inbox.EVENT_FIELDS.values()]
        if building.told.setdefault((before[0], fields[messages.SEQUENCE]), content) != content:
            raise fuzz.Wrong("an event was taken twice, with other content", fields)


def check(frames):
    building.restore()
    for frame in frames:
        play(frame)
    others_events()
    select = building.watch.execute
    rows = select("SELECT door_id, journal, sequence FROM events WHERE sequence IS NOT NULL").fetchall()
    for door_id, journal, acked in select("SELECT door_id, journal, acked_sequence FROM doors").fetchall():
        came = {row[2] for row in rows if row[:2] == (door_id, journal)}
        # The journal of a flash that was put back begins behind what its hello says.
        first = building.marks[journal] + 1 if journal > 1 else 1
        gaps = [one[1:] for one in building.missing if (door_id, one[0]) == (DOOR, journal)]
        for start, end in [*gaps, (acked + 1, 0)]:
            if start - first > len(came) or not came.issuperset(range(first, start)):
                raise fuzz.Wrong("an event that never came was acknowledged", door_id, acked)
            first = end + 1
    put_back = select("SELECT count(*) FROM events WHERE action = 'register went back'").fetchone()[0]
    if bool(put_back) != bool(building.missing):
        raise fuzz.Wrong("missing events are not recorded, or recorded without being missing", put_back)
    rows = select("SELECT resident, notice, credential FROM consents").fetchall()
    if any(row != (building.resident, building.notice, 1) for row in rows):
        raise fuzz.Wrong("a consent of somebody else, or to something else", rows)
    if fuzz.is_due(8):
        with building.site.write() as session:
            # Whatever the door said, its manager can still change it.
            door, value = doors.find(session, DOOR), len(frames) % 40 + 10
            doors.change_settings(building.site, session, door, {settings.HELD_OPEN_S: value})
        with building.site.read() as session:
            fault = chain.first_fault(session, building.site.vault, lambda event: None)
        if fault:
            raise fuzz.Wrong("the chain does not verify afterwards", fault)
    fuzz.counts["genuine"] += 1


def others_events():
    """The other door says hello and sends an event, as if nothing had been."""
    up = link_key(building.keys[1], "up", 0)
    for name, fields, wanted in ((topics.UP_HELLO, hello(), 2), (topics.UP_EVENT, event(1), 1)):
        topic = topics.topic(OTHER_DOOR, name)
        answers = receive(topic, seal(up, topic.encode(), items.write(fields)), True)
        if not answers or len(answers) != wanted:
            raise fuzz.Wrong("another door's message fails afterwards", name, answers)
    with building.site.read() as session:
        acked = {messages.SEQUENCE: 1, messages.CHECKPOINT: chain.checkpoint(session)}
    if answers[0] != (topics.DOWN_ACK, {messages.EPOCH: EPOCHS[0], **acked}):
        raise fuzz.Wrong("another door's event is not acknowledged afterwards", answers)


def hello():
    return {
        messages.BOOT: 4, messages.EPOCH: EPOCHS[0], messages.STATE_VERSION: 0, messages.JOURNAL_HEAD: 3,
        messages.FIRMWARE: "0.1.0", messages.BUILD: "development", messages.NONCE: bytes(16),
        messages.TIME: 0, messages.TIME_QUALITY: 0, messages.BAD_INPUT: {150: 1}, messages.JOURNAL_ACKED: 0,
        messages.GENERATION: 0,
    }  # fmt: skip


def event(sequence):
    return {
        messages.BOOT: 3, messages.TIME: 1800000000, messages.TIME_QUALITY: 2, messages.SEQUENCE: sequence,
        messages.KIND: messages.KIND_ENTRY, messages.REASON: 0, messages.METHOD: 1, messages.CREDENTIAL: 7,
        messages.RESIDENT: 3, messages.DETAIL: 0,
    }  # fmt: skip


def some_hello():
    fields = hello()
    fields[messages.BOOT] = 2 + random.randrange(4)
    fields[messages.EPOCH] = EPOCHS[random.getrandbits(1)]
    fields[messages.STATE_VERSION] = some_version()
    fields[messages.JOURNAL_ACKED] = random.randrange(3)
    return fields


def some_version():
    return random.choice(items.NEIGHBOURS) if fuzz.chance(6) else random.randrange(4)


def some_event():
    fields = event(1 + random.randrange(5))
    fields[messages.KIND] = 1 + random.randrange(11)
    fields[messages.DETAIL] = random.getrandbits(2)
    return fields


def some_reply():
    fields = {messages.REQUEST: random.randrange(8), messages.RESULT: reasons.DONE - random.getrandbits(1)}
    if random.getrandbits(1):
        fields[messages.CHALLENGE] = bytes(16)
    if random.getrandbits(1):
        fields[messages.EPOCH] = EPOCHS[random.getrandbits(1)]
    if random.getrandbits(2) == 0:
        fields[messages.STATE_VERSION] = some_version()
    return fields


def some_consent():
    """What a door says of a consent, its hash right whatever it says."""
    resident = building.resident if random.randrange(6) else random.getrandbits(32)
    credential, notice = (1, building.notice) if random.randrange(6) else (random.getrandbits(4), bytes(32))
    nonce = bytes((random.getrandbits(1),)) * 16
    said = [statements.TITLE, DOOR, resident, credential, notice, 3, 1800000000, 2, nonce]
    return {
        messages.CONSENT: hashlib.sha256(items.write(said)).digest(), messages.RESIDENT: resident,
        messages.CREDENTIAL: credential, messages.NOTICE: notice, messages.BOOT: 3, messages.TIME: 1800000000,
        messages.TIME_QUALITY: 2, messages.NONCE: nonce, messages.CONSENT_STATE: random.randrange(7),
        messages.REASON: reasons.NONE,
    }  # fmt: skip


def some_lease():
    names = [some_consent()[messages.CONSENT]] if random.randrange(4) else []
    return {messages.NONCE: bytes(16), messages.CONSENTS: hashlib.sha256(statements.in_force(names)).digest()}


MAKERS = (some_hello, some_event, some_reply, some_reply, some_consent, some_lease)


def a_message():
    number = (HELLO, EVENT, REPLY, CONSENT, random.randrange(6), random.randrange(len(TOPICS)))[
        random.randrange(6)
    ]
    fields = MAKERS[number % 6]()
    way = random.randrange(10)
    if way < 4:
        return bytes((SEALED, number)) + items.write(items.altered(fields))
    content = items.write(fields)
    if way == 4:
        return bytes((SEALED, number)) + content
    if way == 5:
        return bytes((SEALED, number)) + fuzz.mutated(content, content)
    if way == 6:
        payload = seal(building.up, TOPICS[number].encode(), content)
        damaged = fuzz.mutated(payload, payload)
        return bytes((fuzz.RAW, number)) + (damaged if damaged != payload else payload[:-1])
    if way == 7:
        return bytes((HOST_KEY + random.getrandbits(1), number)) + content
    if way == 8:
        return bytes((fuzz.RAW, STATUS)) + fuzz.mutated(topics.STATUS_ONLINE, topics.STATUS_OFFLINE)
    return (
        bytes((TEXT,))
        + fuzz.mutated(TOPICS[number].encode(), b"altgate/+/#").replace(b"\0", b"")
        + b"\0"
        + content
    )


def a_request():
    """A board asks to be admitted: mostly as it should, or with something altered."""
    board, way = random.randrange(len(BOARDS)), random.randrange(7)
    is_own = random.randrange(4) and way != 4
    name = DOORS.index(BOARDS[board]) if is_own else random.randrange(len(DOORS))
    whose, right = bytes((board, name)), building.boards[board].request
    if way < 2:
        return bytes((ASKS,)) + whose
    if way == 2:
        content = fuzz.mutated(right, building.boards[board - 1].request, 4200)
        return bytes((ASKS_RAW,)) + whose + content
    record, mac = cbor2.loads(right)
    if way == 3:
        return bytes((ASKS_RAW,)) + whose + items.write(items.altered([record, mac]))
    said = cbor2.loads(record)
    if way == 4:
        said[p.REQUEST] = some_certificate_request(building.boards[board], DOORS[name])
    elif way == 5:
        key = random.choice(FREE)
        said[key] = ("x", "\x1b[2K")[random.getrandbits(1)] * random.choice((0, 1, 16, 64, 65, 200))
    else:
        said = items.altered(said)
    how = ASKS_SO if random.randrange(4) else ASKS_RAW
    if how == ASKS_RAW:
        return bytes((how,)) + whose + items.write([items.write(said), mac])
    return bytes((how,)) + whose + items.write(said)


def some_certificate_request(board, door_id):
    """Of the board's own key for this door, or damaged."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, door_id)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(board.private, SHA256())
    data = request.public_bytes(Encoding.DER)
    if fuzz.chance(4):
        # A key on a curve that nobody knows.
        return data.replace(P256, P256[:-1] + b"\x7f")
    return data if random.getrandbits(1) else fuzz.mutated(data, data, 500)


def generate():
    frames = []
    for _ in range(4 + random.randrange(24)):
        frame = a_request() if fuzz.chance(5) else a_message()
        frames += [frame] * (1 + fuzz.chance(6))
    return frames


logging.disable(logging.WARNING)
# A request that cryptography will refuse one day is none today, or its signature does not fit.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)
building = Building()
fuzz.run(generate, check)
