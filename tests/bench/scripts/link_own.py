"""Messages of 100 bytes at QoS 1 through the door's client.

Settings as one line of JSON on standard input: port, count, and in hexadecimal ca, certificate, private_key,
which are left out for plain TCP. With flash, the path of a flash file, each message is an event of the real
journal: it is stored, read back and sent, and marked in flash as acknowledged once the broker's PUBACK is
there. Without it they come from nowhere. It prints JSON; us_simulated is what the simulated flash took.
"""

import asyncio
import binascii
import gc
import json
import sys
import time

from altgate.link import mqtt

TOPIC = "altgate/0a1b2c3d/up/event"
CONNECT_S = 5


class Memory:
    """Stands in for a journal where the client alone is looked at."""

    head = acknowledged = 0

    def next(self):
        self.head += 1
        return b"%0100d" % self.head

    def acknowledge(self, sequence):
        self.acknowledged = sequence

    def simulated_us(self):
        return 0


def raw(name):
    return binascii.unhexlify(settings.pop(name, ""))


async def on_message(topic, payload, retain):
    return True


def on_up(session_present):
    room.set()


def on_down(reason):
    raise ValueError(reason)


def on_acked(sequence):
    global acked
    acked = sequence
    room.set()


async def publish(count):
    """Send so many and see them acknowledged; returns microseconds."""
    waiting, last = None, source.head + count
    began = time.ticks_us()
    while source.acknowledged < last:
        while waiting or source.head < last:
            waiting = waiting or source.next()
            if not client.send(TOPIC, waiting, source.head):
                break
            waiting = None
        room.clear()
        await room.wait()
        source.acknowledge(acked)
    return time.ticks_diff(time.ticks_us(), began)


async def main():
    task = asyncio.create_task(client.run())
    await asyncio.wait_for(room.wait(), CONNECT_S)
    gc.collect()
    simulated = source.simulated_us()
    us = await publish(settings["count"])
    simulated = source.simulated_us() - simulated
    gc.collect()
    print(json.dumps({"us": us, "us_simulated": simulated, "in_use": gc.mem_alloc()}))
    task.cancel()


settings = json.loads(sys.stdin.readline())
acked = 0
room = asyncio.Event()
if "flash" in settings:
    import link_journal

    source = link_journal.Stored(settings["flash"])
else:
    source = Memory()
PAIR = raw("certificate"), raw("private_key")
config = mqtt.Config(
    "127.0.0.1", settings["port"], "localhost", "own", raw("ca"), lambda: PAIR,
    "own/status", b"offline", 60, ("own/down",),
)  # fmt: skip
client = mqtt.Client(config, on_message, on_up, on_down)
client.on_acked = on_acked
asyncio.run(main())
