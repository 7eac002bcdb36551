"""Answers questions from standard input, a JSON list a line: [function, hexadecimal arguments...]."""

import json
import sys
from binascii import hexlify, unhexlify

from altgate.crypto import card_keys, cbor, cmac, hkdf, hmac256, siv


def recode(data):
    return cbor.encode(cbor.decode(data))


def siv_round(key, text, *associated):
    sealed = siv.seal(key, text, associated)
    assert siv.open_(key, sealed, associated) == text
    for at in (0, 15, len(sealed) - 1):
        broken = bytearray(sealed)
        broken[at] ^= 1
        for data, bound in ((broken, associated), (sealed, associated + (b"",))):
            try:
                siv.open_(key, data, bound)
            except siv.SivError:
                continue
            raise AssertionError("a forged text was opened")
    return sealed


FUNCTIONS = {
    "hmac": hmac256.hmac256,
    "hkdf": lambda ikm, salt, info, length: hkdf.hkdf(ikm, salt, info, int.from_bytes(length, "big")),
    "cmac": cmac.cmac,
    "siv": siv_round,
    "diversify": card_keys.diversify,
    "card_key": lambda key, uid, slot: card_keys.card_key(key, uid, slot[0]),
    "session": lambda key, a, b: b"".join(card_keys.session_keys(key, a, b)),
    "recode": recode,
}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(hexlify(FUNCTIONS[name](*[unhexlify(text) for text in arguments])).decode())
