"""The firmware's main.py for schedules of faults: with short waits, and a witness of what it kept and heard.

In its working folder: ``witness`` gets a line for each event that the journal numbered, each acknowledgement
that it took, each change of a consent and of the state's version, and each start; ``orders`` has what
somebody does at the door, a line each; ``plants.json`` faults to plant.
"""

import gc
import json
import os
import sys

import micropython

micropython.kbd_intr(-1)
gc.threshold(4096)

from altgate.link import mqtt, uplink  # noqa: E402
from planting import plant  # noqa: E402
from protocol import limits, messages, reasons  # noqa: E402

POLL_MS = 20
with open("plants.json") as file:
    for module, old, new in json.load(file):
        plant(module, old, new)
# What takes tens of seconds in a building takes less than one here.
limits.KEEPALIVE_S = 1
mqtt.Client.connect_ms, mqtt.Client.response_ms = 3000, 1000
mqtt.Client.backoff_min_ms, mqtt.Client.backoff_max_ms, mqtt.Client.settled_ms = 30, 200, 300
uplink.RESEND_MS = uplink.CONSENT_RESEND_MS = 500
witness = open("witness", "ab")  # noqa: SIM115 - as long as the firmware runs
orders = open("orders", "rb")  # noqa: SIM115
orders.seek(os.stat("orders")[6])


def note(*words):
    """One line; it is in the file when this returns."""
    witness.write((" ".join([str(word) for word in words]) + "\n").encode())


def watch(owner, name, after):
    """Have ``after(self, result, arguments)`` called behind a method of a class."""
    original = getattr(owner, name)

    def watched(self, *arguments):
        result = original(self, *arguments)
        after(self, result, arguments)
        return result

    setattr(owner, name, watched)


from altgate import provisioned  # noqa: E402
from altgate.consent.register import Register  # noqa: E402
from altgate.link.session import Session  # noqa: E402
from altgate.store.credentials import Credentials  # noqa: E402
from altgate.store.journal import Journal  # noqa: E402

watch(Journal, "__init__", lambda self, _, __: note("start", self.head, self.acknowledged))
watch(Journal, "_write", lambda self, sequence, event: note("event", sequence, *event))
watch(Journal, "acknowledge", lambda self, _, __: note("acked", self.acknowledged))
watch(Credentials, "_take", lambda self, _, __: note("version", self.version))


def unlocked(_, result, arguments):
    """A command that opened, by the number of its request."""
    if result == reasons.DONE:
        note("unlocked", arguments[0][messages.REQUEST])


watch(Session, "_unlocked", unlocked)


def consents(self, _, __):
    """All rows as they lie in flash now."""
    rows = ["%s:%d:%d" % (row.consent.hex(), row.state, row.acked) for row in self._rows]
    note("consents", *rows)


watch(Register, "_keep", consents)
watch(Register, "__init__", consents)


async def follow(gate):
    """Do what the file of orders says, as somebody at the door."""
    while True:
        words = orders.readline().decode().split()
        if not words:
            await provisioned_sleep(POLL_MS)
            continue
        try:
            if words[0] == "give" and gate._credentials.notice:
                gate.give(int(words[1]), int(words[2]), bytes.fromhex(words[3]))
            elif words[0] == "withdraw":
                gate.withdraw(int(words[1]))
            elif words[0] == "enrol" and gate.enrol_refusal(int(words[1])) == reasons.NONE:
                await gate.enrol(int(words[1]), bytearray(196))
            elif words[0] == "face":
                note("face", gate.open_refusal(int(words[1])))
        except Exception as error:
            sys.print_exception(error)
            note("failed", words[0], type(error).__name__)


import asyncio  # noqa: E402

provisioned_sleep = asyncio.sleep_ms
connection = provisioned.Provisioned.connection
provisioned.Provisioned.connection = lambda self, ways_in: connection(self, ways_in) + [follow(self.gate)]

from altgate import app  # noqa: E402

app.run()
