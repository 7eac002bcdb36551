"""Says hello to a server on localhost with the key and the certificate of standard input, a JSON object."""

import json
import socket
import sys
from binascii import unhexlify

import tls
from altgate.crypto import csr, p256

given = json.loads(sys.stdin.read())
d = unhexlify(given["d"])
context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(unhexlify(given["authority"]))
context.load_cert_chain(unhexlify(given["certificate"]), csr.private_key(d, p256.finish(p256.public_key(d))))
plain = socket.socket()
plain.connect(socket.getaddrinfo("127.0.0.1", given["port"])[0][-1])
secure = context.wrap_socket(plain, server_hostname="localhost")
secure.write(b"hello")
assert secure.read(5) == b"known"
secure.close()
print("heard")
