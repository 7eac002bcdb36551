"""Answers questions about P-256 from standard input, a JSON list a line: [function, hexadecimal parts...].

An answer is hexadecimal, or ``ValueError``; any other exception ends the script. A folder in argv[1] has
another p256.py, which is asked instead of the firmware's.
"""

import json
import sys
from binascii import hexlify, unhexlify

if len(sys.argv) > 1:
    sys.path.insert(0, sys.argv[1])
    import p256
else:
    from altgate.crypto import p256
from altgate.crypto import csr

FUNCTIONS = {
    "public": lambda d: p256.finish(p256.public_key(d)),
    "shared": lambda d, public: p256.finish(p256.shared(d, public)),
    "sign": lambda d, digest: p256.finish(p256.sign(d, digest)),
    "verify": lambda *given: (b"no", b"yes")[p256.finish(p256.verify(*given))],
    "der": p256.der,
    "raw": p256.raw,
    "request": lambda d, public, name: p256.finish(csr.request(d, public, name.decode())),
    "private_key": csr.private_key,
}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        print(hexlify(FUNCTIONS[name](*[unhexlify(text) for text in arguments])).decode())
    except ValueError:
        print("ValueError")
