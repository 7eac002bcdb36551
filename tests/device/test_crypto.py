"""The door's own cryptography against published vectors, `cryptography` and `cbor2`."""

import json
import random
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives import cmac, hashes, hmac
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SCRIPTS = Path(__file__).parent / "scripts"
SEED = 20261124
ROUNDS = 300
both = pytest.mark.parametrize("interpreter", ["micropython", "cpython"])


def answers(device, interpreter, questions):
    lines = "".join(json.dumps([name, *[part.hex() for part in parts]]) + "\n" for name, *parts in questions)
    done = device.run(SCRIPTS / "crypto_answers.py", heap="256k", interpreter=interpreter, stdin=lines)
    return [bytes.fromhex(line) for line in done.stdout.splitlines()]


def h(text):
    return bytes.fromhex(text)


AES_KEY = h("2b7e151628aed2a6abf7158809cf4f3c")
VECTORS = [
    # RFC 4231, case 2
    (("hmac", b"Jefe", b"what do ya want for nothing?"),
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    # RFC 5869, case 1
    (("hkdf", b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), bytes([42])),
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    # RFC 4493, examples 1 and 2
    (("cmac", AES_KEY, b""), "bb1d6929e95937287fa37d129b756746"),
    (("cmac", AES_KEY, h("6bc1bee22e409f96e93d7e117393172a")), "070a16b46b4d4144f79bdd9dd04a287c"),
    # NXP AN10922, 2.2.1
    (("diversify", h("00112233445566778899aabbccddeeff"), h("04782e21801d803042f54e585020416275")),
     "a8dd63a3b89d54b37ca802473fda9175"),
    # Recorded exchanges with NTAG 424 DNA cards; RndB is the decrypted reply of the card
    (("session", bytes(16), h("13c5db8a5930439fc3def9a4c675360f"), h("b9e2fc789b64bf237cccaa20ec7e6e48")),
     "1309c877509e5a215007ff0ed19ca5644c6626f5e72ea694202139295c7a7fc7"),
    (("session", bytes(16), h("b98f4c50cf1c2e084fd150e33992b048"), h("91517975190dcea6104948efa3085c1b")),
     "7a93d6571e4b180fca6ac90c9a7488d4fc4af159b62e549b5812394cab1918cc"),
]


@both
def test_published_vectors(device, interpreter):
    found = answers(device, interpreter, [question for question, _ in VECTORS])
    assert [value.hex() for value in found] == [expected for _, expected in VECTORS]


def hmac_case(rng):
    key, text = rng.randbytes(rng.randrange(1, 100)), rng.randbytes(rng.randrange(300))
    code = hmac.HMAC(key, hashes.SHA256())
    code.update(text)
    return ("hmac", key, text), code.finalize()


def hkdf_case(rng):
    ikm, salt, info = (rng.randbytes(rng.randrange(low, 80)) for low in (1, 0, 0))
    length = rng.randrange(1, 200)
    return ("hkdf", ikm, salt, info, bytes([length])), HKDF(hashes.SHA256(), length, salt, info).derive(ikm)


def cmac_case(rng):
    key, text = rng.randbytes(rng.choice((16, 32))), rng.randbytes(rng.randrange(100))
    code = cmac.CMAC(algorithms.AES(key))
    code.update(text)
    return ("cmac", key, text), code.finalize()


def siv_case(rng):
    key, text = rng.randbytes(64), rng.randbytes(rng.choice((1, 15, 16, 17, 512, rng.randrange(1, 600))))
    associated = [rng.randbytes(rng.randrange(1, 40)) for _ in range(rng.randrange(5))]
    return ("siv", key, text, *associated), AESSIV(key).encrypt(text, associated)


def value(rng, depth):
    kinds = 8 if depth else 6
    pick = rng.randrange(kinds)
    if pick < 2:
        number = rng.getrandbits(rng.randrange(1, 65))
        return number if rng.random() < 0.6 else -1 - number
    if pick == 2:
        return rng.randbytes(rng.randrange(40) if rng.random() < 0.9 else 300)
    if pick == 3:
        return "".join(rng.choice("aZ9 üß€語😀") for _ in range(rng.randrange(20)))
    if pick < 6:
        return rng.choice((True, False, None))
    if pick == 6:
        return [value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return ordered({rng.randrange(-300, 70000): value(rng, depth - 1) for _ in range(rng.randrange(6))})


def ordered(mapping):
    """RFC 8949, 4.2.1 sorts bytewise; cbor2's canonical form sorts shorter keys first (4.2.3)."""
    return dict(sorted(mapping.items(), key=lambda pair: cbor2.dumps(pair[0])))


def cbor_case(rng):
    data = cbor2.dumps(ordered({1: value(rng, 4), -1: value(rng, 3), 24: value(rng, 2)}))
    return ("recode", data), data


def message_case(rng):
    """Maps as messages have them: without negative keys the two orders are one."""
    members = [value(rng, 0) for _ in range(rng.randrange(20))]
    data = cbor2.dumps({rng.randrange(1, 70000): member for member in members}, canonical=True)
    return ("recode", data), data


@both
@pytest.mark.parametrize("case", [hmac_case, hkdf_case, cmac_case, siv_case, cbor_case, message_case])
def test_agrees_with_an_independent_library(device, interpreter, case):
    rng = random.Random(SEED)
    pairs = [case(rng) for _ in range(ROUNDS)]
    found = answers(device, interpreter, [question for question, _ in pairs])
    for (question, expected), answer in zip(pairs, found, strict=True):
        assert answer == expected, question


@both
def test_refusals(device, interpreter):
    done = device.run(SCRIPTS / "crypto_refusals.py", heap="256k", interpreter=interpreter)
    assert done.stdout == "refused\n"


def test_mutated_input_raises_only_its_own_errors(device):
    done = device.run(SCRIPTS / "crypto_fuzz.py", heap="256k", args=[str(SEED), "20000"])
    print(done.stdout)
    assert f"seed {SEED} rounds 20000" in done.stdout
