"""Many TLS connections in one life: sockets and memory stay, and the loop is never held up for long.

Settings as JSON on stdin: port, ca, certificate, private_key (hex), times. Prints memory and stalls as JSON.
"""

import asyncio
import binascii
import gc
import json
import sys
import time

from altgate.link import mqtt
from processor import own_ms

settings = json.loads(sys.stdin.readline())
ca, certificate, key = (binascii.unhexlify(settings[name]) for name in ("ca", "certificate", "private_key"))
ups, free, longest = [], [], [0]


async def on_message(topic, payload, retain):
    return True


def on_up(session_present):
    ups.append(1)
    # As a broken line would look to the client.
    client._failure = OSError(104)


async def watch():
    while True:
        began = own_ms()
        await asyncio.sleep_ms(5)
        longest[0] = max(longest[0], time.ticks_diff(own_ms(), began) - 5)


async def main():
    tasks = [asyncio.create_task(watch()), asyncio.create_task(client.run())]
    while len(ups) < settings["times"]:
        await asyncio.sleep_ms(20)
        if len(ups) > 10 * len(free):
            gc.collect()
            free.append(gc.mem_free())
    for task in tasks:
        task.cancel()
    print(json.dumps({"free": free, "stall_ms": longest[0], "counts": client.counts}))


PAIR = certificate, key
config = mqtt.Config(
    "localhost", settings["port"], "localhost", "door", ca, lambda: PAIR, "t/status", b"offline", 5,
    ("t/down",),
)  # fmt: skip
client = mqtt.Client(config, on_message, on_up, lambda reason: None)
client.backoff_min_ms = client.backoff_max_ms = 30
asyncio.run(main())
