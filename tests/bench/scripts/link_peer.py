"""Messages of 100 bytes at QoS 1 through chumicro-mqtt, which keeps what is on its way in RAM only.

Settings as one line of JSON on standard input, and JSON printed, as of link_own.py. It is driven as fast as
it goes: by a loop that never rests, with as many messages on their way as its queue has places.
"""

import binascii
import gc
import json
import sys
import time

from chumicro_mqtt import MQTTClient
from chumicro_mqtt.client import ProtocolState
from chumicro_sockets.sockets_factory import fixed_connector_factory
from chumicro_timing import ticks_ms

TOPIC = "altgate/0a1b2c3d/up/event"
ON_THEIR_WAY = 20


def raw(name):
    return binascii.unhexlify(settings.pop(name, ""))


def context():
    if "ca" not in settings:
        return None
    import ssl

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(cadata=raw("ca"))
    made.load_cert_chain(raw("certificate"), raw("private_key"))
    return made


def tick():
    now = ticks_ms()
    if client.check(now):
        client.handle(now)
    if client.last_error:
        raise client.last_error


def on_publish(topic, payload):
    global acked
    acked += 1


def publish(count):
    """Send so many and see them acknowledged; returns microseconds."""
    sent = 0
    began = time.ticks_us()
    while acked < count:
        while sent < count and sent - acked < ON_THEIR_WAY:
            client.publish(TOPIC, b"%0100d" % sent, qos=1)
            sent += 1
        tick()
    return time.ticks_diff(time.ticks_us(), began)


settings = json.loads(sys.stdin.readline())
acked = 0
client = MQTTClient(
    transport_factory=fixed_connector_factory("localhost", settings["port"], ssl_context=context()),
    client_id="peer", clean_session=False, will_topic="peer/status", will_message=b"offline", will_qos=1,
    will_retain=True,
)  # fmt: skip
client.on_publish = on_publish
client.subscribe("peer/down", 1)
client.connect()
while client.state != ProtocolState.CONNECTED:
    tick()
gc.collect()
us = publish(settings["count"])
gc.collect()
print(json.dumps({"us": us, "us_simulated": 0, "in_use": gc.mem_alloc()}))
