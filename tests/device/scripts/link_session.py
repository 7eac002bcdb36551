"""A door's side of the conversation, on real stores: commands on standard input, answers printed as hex.

Arguments: flash file, folder for files. The first line is the provisioning content.
"""

import asyncio
import binascii
import sys

import norflash
from altgate.link.session import Session
from altgate.store.clock import DoorClock
from altgate.store.counters import Counters
from altgate.store.credentials import Credentials
from altgate.store.identity import parse
from altgate.store.journal import Journal
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

    def ioctl(self, op, arg):
        self._chip.erase((self._sector + arg) * 4096)


chip = norflash.NorFlash(sys.argv[1], 10 * 4096)
journal = Journal(Partition(chip, 0, 6))
clock = DoorClock(None, Counters(Partition(chip, 6, 2)))
credentials = Credentials(sys.argv[2] + "/state.bin")
unlocked = []
session = Session(
    parse(binascii.unhexlify(sys.stdin.readline().strip())), 1, clock, credentials, journal,
    lambda: unlocked.append(1), lambda: reasons.DONE,
)  # fmt: skip


def show(message):
    print(message[0], binascii.hexlify(message[1]).decode())


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
        for answer in asyncio.run(session.take(words[1], binascii.unhexlify(words[2]))):
            show(answer)
    elif words[0] == "find":
        print(credentials.find(int(words[1]), binascii.unhexlify(words[2])))
    print("end", len(unlocked), clock.quality, journal.acknowledged, sum(session.bad_input.values()))
