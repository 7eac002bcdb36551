"""A door that lives through many starts: the firmware's session over stores that stay, for fuzz_replays.py.

What it draws at random is another number each time, the same in every run of a case. Flash is in RAM.
"""

import hashlib

import fuzz
import standin
from altgate.access.lockout import Lockout
from altgate.consent import gate as gate_module
from altgate.consent.register import Register
from altgate.link import session as session_module
from altgate.link.uplink import Uplink
from altgate.store import clock as clock_module
from altgate.store import credentials as credentials_module
from altgate.store import table
from altgate.store.copies import Copies
from altgate.store.counters import KEY_BOOT, Counters
from altgate.store.credentials import Credentials
from altgate.store.journal import Journal
from settled import Keys, Templates
from protocol import messages, reasons

DOOR, OTHER = "0a1b2c3d", "0a1b2c3e"
DOWN_KEY, UP_KEY, OTHER_DOWN = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
RESIDENT, CARD, TAG = 3, 63, b"\3" * 16
KEYS = Keys(DOOR, UP_KEY, DOWN_KEY)
SECTORS = (2, 2, 2, 4, 8)  # journal, counters, consents, the state's log and its table
BUFFER = bytearray(table.SECTOR)
# One sector's buffer for all cases: a stale pointer to an old one would look like memory that grows.
table.bytearray = lambda of: BUFFER if of == table.SECTOR else bytearray(of)
clock = standin.Clock()
session_module.time = clock_module.time = clock
session_module.asyncio = credentials_module.asyncio = standin.Loop(clock)


class Chance:
    """In the place of ``os``: no number comes twice, as a hash of how many came before."""

    def __init__(self):
        self.drawn = 0

    def urandom(self, size):
        self.drawn += 1
        return hashlib.sha256(b"%d" % self.drawn).digest()[:size]


class Client:
    """What the uplink needs of an MQTT client."""

    is_up = True

    def bad_input(self):
        return {}


def an_image():
    """Room for what lies in flash."""
    return [bytearray(4096 * sectors) for sectors in SECTORS]


def monotonic_s():
    return clock.now_ms // 1000


class Door:
    """The stores in RAM, and everything that one start makes anew over them."""

    def __init__(self):
        self.partitions = [standin.Partition(sectors) for sectors in SECTORS]
        self.opened = 0
        session_module.os = gate_module.os = Chance()
        clock.now_ms = 0

    def blank(self):
        """As it left the factory."""
        for partition in self.partitions:
            partition.erase()
        self.opened = 0
        session_module.os.drawn = 0
        clock.now_ms = 0

    def image(self, into):
        """Copy what lies in flash into an image as ``an_image`` makes it."""
        for partition, data in zip(self.partitions, into):
            data[:] = partition._data

    def put_back(self, image):
        """Another image into the flash; a start must follow."""
        for partition, data in zip(self.partitions, image):
            partition._data[:] = data

    def start(self):
        """Switch it on, in the order of app.Door; the broker takes it at once."""
        journal, numbers, consents, log, rows = self.partitions
        counters = Counters(numbers)
        self.journal = Journal(journal, None, counters)
        self.boot = counters.get(KEY_BOOT) + 1
        counters.put(KEY_BOOT, self.boot)
        self.clock = clock_module.DoorClock(None, counters)
        self.credentials, self.register = Credentials(log, rows), Register(Copies(consents))
        self.gate = gate_module.Gate(
            (self.register, Templates(), self.credentials), Lockout(counters, 0, monotonic_s()), self.clock,
            (DOOR, self.boot, bytes(32)), self.record, monotonic_s, True,
        )  # fmt: skip
        stores = (self.clock, self.credentials, self.journal)
        self.session = session_module.Session(
            KEYS, self.boot, *stores, self._unlock, lambda: reasons.DONE, self.gate
        )
        self.uplink = Uplink(self.session, self.journal, self.gate)
        self.uplink._client = Client()
        self.record(messages.KIND_BOOT, 0, 0, 0, 0, 0)
        self.connect()

    def connect(self):
        """The broker takes it; returns nothing, and the hello is the newest nonce."""
        self.uplink.on_up(True)
        self.uplink._answers.clear()

    def record(self, kind, reason, method, credential, resident, detail):
        self.journal.append(
            self.boot, 0, self.clock.quality, kind, reason, method, credential, resident, detail
        )

    def take(self, topic, payload, retain):
        """Hand over a message as the MQTT client does; returns the answers."""
        if not fuzz.drive(self.uplink.on_message(topic, payload, retain)):
            raise fuzz.Wrong("a message was not stored")
        answers = list(self.uplink._answers)
        self.uplink._answers.clear()
        return answers

    def dropped(self):
        """How often something was dropped since the start, by reason."""
        return dict(self.session.bad_input)

    def lasting(self):
        """All that a message could change, but for a challenge that was given: that opens nothing."""
        return (
            self.opened, self.credentials.version, [partition.check() for partition in self.partitions],
            self.credentials._held, self.journal.acknowledged, self.clock.quality, self.clock.now(),
            self.register._rows, self.register._pins, self.gate._lease.left_s(monotonic_s()),
            self.gate._lease._asked, self.session._nonce,
        )  # fmt: skip

    def _unlock(self):
        self.opened += 1
