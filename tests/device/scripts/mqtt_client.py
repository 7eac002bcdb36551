"""A door's MQTT client under test: settings as one JSON line on stdin, events as JSON lines on stdout.

Commands on stdin after the settings: {"send": count} numbers messages on, {"refuse": n} refuses the next n.
"""

import asyncio
import binascii
import json
import select
import sys

from altgate.link import mqtt

settings = json.loads(sys.stdin.readline())
state = {"next": 0, "left": 0, "refuse": 0}


def tell(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")


def raw(name):
    return binascii.unhexlify(settings.get(name, ""))


# One after the other, as often as one is refused.
PAIRS = [(raw("certificate"), raw("private_key"))]
if "other_certificate" in settings:
    PAIRS.insert(0, (raw("other_certificate"), raw("other_private_key")))
config = mqtt.Config(
    settings.get("host", "127.0.0.1"), settings["port"], settings.get("server_name", "localhost"),
    settings.get("client_id", "door"), raw("ca"), lambda: PAIRS[0],
    "t/status", b"offline", settings.get("keepalive_s", 2), ("t/down",),
)  # fmt: skip


async def on_message(topic, payload, retain):
    if state["refuse"]:
        state["refuse"] -= 1
        return False
    tell(got=str(payload[:32], "utf-8"), topic=topic, bytes=len(payload), retain=retain)
    return True


def on_up(session_present):
    tell(up=session_present)
    client.send("t/status", b"online", None, True)


async def main():
    poller = select.poll()
    poller.register(sys.stdin, select.POLLIN)
    task = asyncio.create_task(client.run())
    last = 0
    while not task.done():
        if poller.poll(0):
            line = sys.stdin.readline()
            if not line:
                break
            command = json.loads(line)
            if command.get("reconnect"):
                client.reconnect()
            if command.get("swap"):
                PAIRS.append(PAIRS.pop(0))
                client.reconnect()
            state["left"] += command.get("send", 0)
            state["refuse"] += command.get("refuse", 0)
        while state["left"] and client.send("t/up", b"%d" % state["next"], state["next"]):
            state["next"] += 1
            state["left"] -= 1
        refused = sum(client.counts.values())
        if refused != last:
            last = refused
            tell(counts=client.counts)
        await asyncio.sleep_ms(10)
    if task.done():
        await task


client = mqtt.Client(config, on_message, on_up, lambda reason: tell(down=reason))
client.on_acked = lambda token: tell(acked=token)


def on_refused(reason):
    PAIRS.append(PAIRS.pop(0))
    tell(refused=reason)


client.on_refused = on_refused
client.response_ms = settings.get("response_ms", 1500)
client.connect_ms = 3000
client.backoff_min_ms, client.backoff_max_ms = 50, 400
asyncio.run(main())
