"""Which certificate and keys a door uses next, as connections come and go; argument: path of a flash file.

The uplink and the keys are the door's own; client and session only say what happens.
"""

import sys

from altgate.link import mqtt, uplink
from altgate.link.keys import LinkKeys
from vault_flash import blank

OLD, NEW = (0, ("old", "key")), (1, ("new", "key"))


class Time:
    now = 0

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, later, earlier):
        return later - earlier


class Who:
    door_id, door_key, generation, certificate, private_key = "0a1b2c3d", bytes(32), 0, "old", "key"


class Session:
    is_welcomed = False

    def __init__(self, keys):
        self.keys = keys

    def hello(self, counts):
        self.is_welcomed = False
        return "altgate/0a1b2c3d/up/hello", b""


class Client:
    is_up, begun_anew = False, 0

    def bad_input(self):
        return {}

    def send(self, *given, retain=False):
        return True

    def reconnect(self):
        self.begun_anew += 1


class Nothing:
    """A journal that owes nothing, and a gate that has nothing to say."""

    head = acknowledged = 0

    def reconnected(self):
        pass


def pass_(seconds):
    time.now += 1000 * seconds
    link._give_up_waiting()


time = uplink.time = Time()
keys = LinkKeys(Who, blank(sys.argv[1], 1).partition(0, 1))
session, client = Session(keys), Client()
link = uplink.Uplink(session, Nothing(), Nothing())
link.attach(client)
keys._held[:] = [NEW, OLD]
keys.lost()
# A broker that is out of reach says nothing about a certificate, one that refuses does.
for reason, generation in (
    (mqtt.UNREACHABLE, 1), (mqtt.NO_MEMORY, 1), (mqtt.CLOSED, 0), (mqtt.UNREACHABLE, 0), (mqtt.REFUSED, 1),
    (mqtt.CLOSED, 0),
):  # fmt: skip
    client.on_refused(reason)
    assert keys.generation == generation, reason
# On a connection under the old one nobody answers: the newest is tried again, and not before its time.
client.is_up = True
link.on_up(False)
pass_(59)
assert client.begun_anew == 0
pass_(2)
assert client.begun_anew == 1
link.on_down(mqtt.ASKED_FOR)
assert keys.generation == 1
# Whoever is answered stays.
link.on_up(False)
session.is_welcomed = True
pass_(3600)
assert client.begun_anew == 1
# With one certificate alone there is nothing to try.
del keys._held[1:]
session.is_welcomed = False
pass_(3600)
assert client.begun_anew == 1
print("ok")
