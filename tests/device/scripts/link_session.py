"""A door's side of the conversation, on real stores: commands on standard input, answers printed as hex.

Arguments: flash file, folder for files. The first line is the provisioning content.
"""

import asyncio
import binascii
import sys

import norflash
from altgate.access.lockout import Lockout
from altgate.consent.gate import Gate
from altgate.consent.register import Register
from altgate.link.keys import LinkKeys
from altgate.link.session import Session
from altgate.store.clock import DoorClock
from altgate.store.copies import Copies
from altgate.store.counters import Counters
from altgate.store.credentials import Credentials
from altgate.store.identity import parse
from altgate.store.journal import Journal
from altgate.ticks import monotonic_s
from altgate.vault.templates import Templates
from protocol import messages, reasons


class Partition:
    """A range of the flash, as esp32.Partition gives it."""

    def __init__(self, chip, sector, count):
        self._chip, self._sector, self._count = chip, sector, count

    def info(self):
        return 1, 0x40, 0, self._count * 4096, "test", False

    def readblocks(self, block, buf, offset=0):
        self._chip.read((self._sector + block) * 4096 + offset, buf)

    def writeblocks(self, block, buf, offset=0):
        self._chip.program((self._sector + block) * 4096 + offset, buf)

    def ioctl(self, op, arg=0):
        if op == 4:
            return self._count
        return self._chip.erase((self._sector + arg) * 4096)


class Forgetful(Credentials):
    """Credentials that cannot be written when they are told so."""

    fails = 0

    async def keep(self, draft):
        if self.fails:
            self.fails -= 1
            raise OSError(28)
        await super().keep(draft)


BOOT = 1
chip = norflash.NorFlash(sys.argv[1], 32 * 4096)
counters = Counters(Partition(chip, 6, 2))
journal = Journal(Partition(chip, 0, 6), None, counters)
clock = DoorClock(None, counters)
credentials = Forgetful(Partition(chip, 20, 4), Partition(chip, 24, 8))
identity = parse(binascii.unhexlify(sys.stdin.readline().strip()))
templates = Templates(Partition(chip, 8, 2), Partition(chip, 10, 4), bytes(64), identity.door_id)


def record(kind, reason, method, credential, resident, detail):
    journal.append(BOOT, 0, clock.quality, kind, reason, method, credential, resident, detail)


register = Register(Copies(Partition(chip, 14, 6)))
gate = Gate(
    (register, templates, credentials), Lockout(counters, 0, monotonic_s()), clock,
    (identity.door_id, BOOT, bytes(32)), record, monotonic_s, True,
)  # fmt: skip
unlocked = []
session = Session(
    LinkKeys(identity, Partition(chip, 31, 1)), BOOT, clock, credentials, journal, lambda: unlocked.append(1),
    lambda: reasons.DONE, gate,
)  # fmt: skip

session.epoch = b"e" * 16


def show(message):
    print(message[0], binascii.hexlify(message[1]).decode())


def take(topic, payload):
    try:
        for answer in asyncio.run(session.take(topic, payload)):
            show(answer)
    except OSError:
        print("again")


def consents():
    for row in gate.owed():
        show(session.consent(row))


def events():
    for event in map(journal.read, range(1, journal.head + 1)):
        print(event.kind, event.reason, event.credential, event.resident, event.detail)


def lease():
    question = session.lease_question()
    if question:
        show(question)


# What is not heard from the host, but done at the door.
AT_THE_DOOR = {
    "give": lambda resident, id_, tag: gate.give(int(resident), int(id_), binascii.unhexlify(tag)),
    "enrol": lambda resident: asyncio.run(gate.enrol(int(resident), bytearray(range(1, 197)))),
    "pin": lambda resident, pin: gate.set_pin(int(resident), pin),
    "has_pin": lambda resident: print(gate.pin_state(int(resident))[0]),
    "withdraw": lambda resident: print(gate.withdraw(int(resident))),
    "look": lambda resident: print(gate.look_refusal(int(resident))),
    "named": lambda number: print(gate.named(int(number))),
    "has": lambda consent: print(templates.has(binascii.unhexlify(consent))),
    "events": events,
    "consents": consents,
    "lease": lease,
    "back": gate.reconnected,
}


while True:
    words = sys.stdin.readline().split()
    if not words:
        break
    if words[0] == "hello":
        show(session.hello({}))
    elif words[0] == "event":
        journal.append(1, 5, 0, messages.KIND_ENTRY, reasons.GRANTED, messages.METHOD_CARD, 7, 3, 9)
        show(session.event(journal.head))
    elif words[0] == "take":
        take(words[1], binascii.unhexlify(words[2]))
    elif words[0] == "fail":
        credentials.fails = int(words[1])
    elif words[0] in AT_THE_DOOR:
        AT_THE_DOOR[words[0]](*words[1:])
    elif words[0] == "find":
        print(credentials.find(int(words[1]), binascii.unhexlify(words[2])))
    print("end", len(unlocked), clock.quality, journal.acknowledged, sum(session.bad_input.values()))
