"""What any client has on its heap that speaks MQTT over mutual TLS in asyncio, without being one.

Settings as one line of JSON on standard input, and JSON printed, as of link_own.py.
"""

import asyncio
import binascii
import gc
import json
import socket
import sys
import tls

CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05floor"


async def main():
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(raw("ca"))
    context.load_cert_chain(raw("certificate"), raw("private_key"))
    bare = socket.socket()
    bare.connect(socket.getaddrinfo("127.0.0.1", settings["port"])[0][-1])
    link = context.wrap_socket(bare, server_hostname="localhost")
    link.write(CONNECT)
    if link.read(4) != b"\x20\x02\x00\x00":
        raise ValueError("the broker refused")
    gc.collect()
    print(json.dumps({"us": 0, "us_simulated": 0, "in_use": gc.mem_alloc()}))


def raw(name):
    return binascii.unhexlify(settings.pop(name))


settings = json.loads(sys.stdin.readline())
asyncio.run(main())
