"""20,000 mutations of messages and passes, most of them genuine in code or length: seed in argv[1]."""

import random
import sys
from binascii import b2a_base64

from altgate.crypto import cbor, cose, passes
from altgate.crypto.hmac256 import hmac256

SEED = int(sys.argv[1])
ROUNDS = int(sys.argv[2])
KEY, TOPIC, DOOR = bytes(range(32)), b"altgate/00000001/down/state", b"\x00\x00\x00\x01"
STATE = cbor.encode({1: 7, 2: bytes(16),
                     18: [[1, 5, 3, bytes(16), 0, -1, "12ü", None], [2, 300], [3, 1, True]]})
PASS = bytes([1]) + b"pass-id1" + b"\x00\x00\x00\x64\x00\x00\x00\xc8\x03\x02"
PASS += DOOR + bytes(16) + bytes(range(20))


def mutated(data, keep_length):
    data = bytearray(data)
    for _ in range(1 + random.getrandbits(2)):
        at = random.getrandbits(16) % len(data)
        way = random.getrandbits(2)
        if keep_length or way < 2:
            data[at] = random.getrandbits(8)
        elif way == 2 and len(data) > 1:
            data = data[:at] + data[at + 1 :]
        else:
            data = data[:at] + bytes([random.getrandbits(8)]) + data[at:]
        if not data:
            data.append(0)
    return bytes(data)


def try_cbor():
    data = mutated(STATE, False)
    assert cbor.encode(cbor.decode(data)) == data, "two encodings of one value"


def try_cose():
    """Genuine code over a mutated payload, or a mutated whole message."""
    if random.getrandbits(2):
        content = mutated(STATE, False)
        head = cbor.head(2, len(content))
        covered = b"\x84\x64MAC0\x43\xa1\x01\x05" + cbor.head(2, len(TOPIC)) + TOPIC + head + content
        data = b"\xd1\x84\x43\xa1\x01\x05\xa0" + head + content + b"\x58\x20" + hmac256(KEY, covered)
        cose.open_(KEY, TOPIC, data)
        return
    sealed = cose.seal(KEY, TOPIC, {1: 7})
    data = mutated(sealed, False)
    if data != sealed:
        try:
            cose.open_(KEY, TOPIC, data)
        except cose.CoseError:
            return
        raise AssertionError("a forged message was opened")


def try_pass():
    """A mutated content of the right length three times in four, else mutated text."""
    is_text = not random.getrandbits(2)
    raw = PASS if is_text else mutated(PASS, True)
    text = b"AG1:" + b2a_base64(raw).rstrip(b"=\n").replace(b"+", b"-").replace(b"/", b"_")
    passes.check(mutated(text, False) if is_text else text, KEY, DOOR)


random.seed(SEED)
refused = 0
for number in range(ROUNDS):
    try:
        (try_cbor, try_cose, try_pass)[number % 3]()
    except (cbor.CborError, cose.CoseError, passes.PassError):
        refused += 1
print("seed", SEED, "rounds", ROUNDS, "refused", refused)
