"""What the consent scripts share: a door's stores, gate and session on one simulated chip."""

import asyncio

from altgate.access.lockout import Lockout
from altgate.consent.gate import Gate
from altgate.consent.register import Register
from altgate.crypto import cose
from altgate.link.session import Session
from altgate.store.clock import DoorClock
from altgate.store.copies import Copies
from altgate.store.counters import Counters
from altgate.store.credentials import Credentials
from altgate.store.pass_uses import PassUses
from altgate.vault.templates import Templates
from protocol import messages, reasons, topics
from vault_flash import Flash

DOOR, WRAP, PIN_KEY = "0a1b2c3d", bytes(range(64)), b"pin key of this door" + bytes(12)
COUNTERS, KEYS, TEMPLATES, CONSENTS, STATE, CREDENTIALS = (0, 2), (2, 2), (4, 2), (6, 6), (12, 4), (16, 8)
PASSES = (24, 2)
SECTORS = 26
NOW = 1_800_000_000
NOTICE, NEW_NOTICE = b"n" * 32, b"m" * 32
CARD, OTHER_CARD = b"t" * 16, b"u" * 16
VECTOR = bytes(range(1, 197))
DOWN_KEY = b"d" * 32



class Keys:
    """What the session asks of link.keys.LinkKeys."""

    door_id, generation, up_key, down_key = DOOR, 0, b"u" * 32, DOWN_KEY


class Journal:
    """Events are tested with the store."""

    head = acknowledged = damaged = 0


def delete(id_, tag):
    """The operation that takes a card out."""
    return [messages.OP_DELETE, id_, messages.TYPE_CARD, tag, 0]


class Stuck:
    """A partition of which nothing can be cleared any more."""

    def __init__(self, inner):
        self.readblocks, self.ioctl = inner.readblocks, inner.ioctl

    def writeblocks(self, block, buf, offset=0):
        pass


class Door:
    """A door with face on, a notice, and a card for each of residents 3 (id 7) and 4 (id 8)."""

    gate_kind = Gate

    def __init__(self, path):
        self.flash = Flash(path, SECTORS)
        self.events = []
        self.seconds = 1000
        self.worn = ()
        self.is_proved = True  # whether the module gives a verdict on liveness
        self.start()
        self.apply(
            [messages.OP_NOTICE, 1, NOTICE],
            [messages.OP_SETTING, messages.SETTING_FACE, 1],
            [messages.OP_PUT, 7, messages.TYPE_CARD, CARD, 0, 0, 0, 3, 0, 0, 0, 0],
            [messages.OP_PUT, 8, messages.TYPE_CARD, OTHER_CARD, 0, 0, 0, 4, 0, 0, 0, 0],
        )

    def start(self):
        """The supply comes back."""
        self.flash.off()
        self.events = []
        self.counters = Counters(self.flash.partition(*COUNTERS))
        self.credentials = Credentials(self.flash.partition(*STATE), self.flash.partition(*CREDENTIALS))
        self.uses = self.credentials.uses = PassUses(self.flash.partition(*PASSES))
        self.clock = DoorClock(None, self.counters)
        self.clock.set(NOW)
        self.register = Register(Copies(self.flash.partition(*CONSENTS)))
        self.templates = self.vault()
        stores = (self.register, self.templates, self.credentials)
        who = (DOOR, 5, PIN_KEY)
        tries = Lockout(self.counters, 0, self.seconds)
        self.gate = self.gate_kind(stores, tries, self.clock, who, self.record, self.now, self.is_proved)
        stores = (self.clock, self.credentials, Journal)
        self.session = Session(Keys(), 5, *stores, None, None, self.gate)

    def vault(self):
        parts = [self.flash.partition(*KEYS), self.flash.partition(*TEMPLATES)]
        for at, sectors in enumerate((KEYS, TEMPLATES)):
            if sectors[0] in self.worn:
                parts[at] = Stuck(parts[at])
        try:
            return Templates(*parts, WRAP, DOOR)
        except OSError:
            return None  # as altgate.provisioned does

    def vault_is_worn(self, *sectors):
        """From the next start on nothing can be cleared in the partitions that begin at these sectors."""
        self.worn = sectors

    def now(self):
        return self.seconds

    def record(self, kind, reason, method, credential, resident, detail):
        self.events.append((kind, reason, credential, resident, detail))

    def taken(self, name, fields):
        """A sealed message from the host, to be awaited. Raises OSError as the session does."""
        topic, fields = topics.topic(DOOR, name), dict(fields)
        fields[messages.EPOCH] = self.session.epoch
        return self.session.take(topic, bytes(cose.seal(DOWN_KEY, topic.encode(), fields)))

    def take(self, name, fields):
        """The same, where nothing else goes on."""
        asyncio.run(self.taken(name, fields))

    def state(self, base, *operations):
        return {
            messages.BASE_VERSION: base,
            messages.NEW_VERSION: base + 1,
            messages.OPERATIONS: list(operations),
            messages.IS_SNAPSHOT: False,
        }

    async def applied(self, *operations):
        """A change of state, sealed and all."""
        version = self.credentials.version
        await self.taken(topics.DOWN_STATE, self.state(version, *operations))
        assert self.credentials.version == version + 1

    def apply(self, *operations):
        """The same, where nothing else goes on."""
        asyncio.run(self.applied(*operations))

    def give(self, resident=3, credential=7, tag=CARD, number=123456):
        """Say yes, and have it acknowledged; the consent."""
        self.gate.give(resident, credential, tag)
        consent = self.register.of(resident).consent
        assert self.gate.acknowledged(consent, messages.CONSENT_GIVEN, number)
        return consent

    def enrol(self, resident=3, vector=VECTOR):
        asyncio.run(self.gate.enrol(resident, bytearray(vector)))
        consent = self.register.of(resident).consent
        assert self.gate.acknowledged(consent, messages.CONSENT_ENROLLED, 0)

    def lease(self):
        """The host answers, if it is asked."""
        question = self.gate.lease_question()
        return question is not None and self.gate.lease_answer(*question)

    def say_yes(self, resident=3, credential=7, tag=CARD, vector=VECTOR, number=123456):
        consent = self.give(resident, credential, tag, number)
        self.enrol(resident, vector)
        self.lease()
        assert self.gate.look_refusal(resident) == reasons.NONE, self.gate.look_refusal(resident)
        return consent

    def spoil(self, first, count):
        """Clear a bit in the middle of each of these sectors' first pages."""
        for block in range(count):
            self.flash.partition(first, count).writeblocks(block, b"\0", 40)
