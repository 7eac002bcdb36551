"""LMS on the door against the RFC's vectors, and against the library that the host signs with."""

import json
import random
import tomllib
from pathlib import Path

import pytest
from pyhsslms import pyhsslms

HERE = Path(__file__).parent
KEY_BYTES, U32 = 56, 4
# By type: height of the tree; chains of a one-time signature (RFC 8554, 5.1 and 4.1).
HEIGHTS, CHAINS = {5: 5, 6: 10, 7: 15}, {1: 265, 2: 133, 3: 67, 4: 34}
SEED = random.randrange(2**30)
MUTATIONS = 600
Case = tuple[bytes, bytes, bytes]  # public key, message, signature


def answers(device, cases: list[Case]) -> list[bool]:
    """What the door says of each."""
    lines = "".join(json.dumps([part.hex() for part in case]) + "\n" for case in cases)
    done = device.run(HERE / "scripts" / "crypto_lms.py", stdin=lines)
    found = [line.split()[0] == "1" for line in done.stdout.splitlines()]
    assert len(found) == len(cases)
    return found


def word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + U32], "big")


def levels(public_key: bytes, message: bytes, signature: bytes) -> list[Case]:
    """The signatures that an HSS signature of two levels is made of (RFC 8554, 6)."""
    assert word(public_key, 0) == 2 and word(signature, 0) == 1
    one_time = U32 + 32 * (CHAINS[word(signature, 2 * U32)] + 1)
    height = HEIGHTS[word(signature, 2 * U32 + one_time)]
    end = 2 * U32 + one_time + U32 + 32 * height
    below = signature[end : end + KEY_BYTES]
    return [
        (public_key[U32:], below, signature[U32:end]),
        (below, message, signature[end + KEY_BYTES :]),
    ]


def vectors() -> list[Case]:
    cases = tomllib.loads((HERE / "vectors" / "rfc8554.toml").read_text(encoding="utf-8"))["case"]
    rows = [[bytes.fromhex(case[name]) for name in ("public_key", "message", "signature")] for case in cases]
    return [level for row in rows for level in levels(*row)]


def test_the_vectors_of_the_standard(device):
    cases = vectors()
    assert answers(device, cases) == [True] * 4
    # Each is of its own message and key only.
    swapped = [(key, cases[at - 1][1], signature) for at, (key, _, signature) in enumerate(cases)]
    swapped += [(cases[at - 1][0], message, signature) for at, (_, message, signature) in enumerate(cases)]
    assert not any(answers(device, swapped))


@pytest.mark.parametrize("width", CHAINS)
def test_an_independent_library_signs_what_the_door_takes(device, width):
    key = pyhsslms.LmsPrivateKey(lmots_type=width.to_bytes(4, "big"))
    public, rng = key.publicKey().serialize(), random.Random(SEED)
    messages = [rng.randbytes(length) for length in (0, 1, 90, 512)]
    assert answers(device, [(public, message, key.sign(message)) for message in messages]) == [True] * 4


def mutated(rng: random.Random, case: Case) -> Case:
    """One of the three with a bit, a byte, a word or its length changed."""
    parts = [bytearray(part) for part in case]
    part = rng.choice(parts)
    at = rng.randrange(len(part))
    match rng.randrange(6):
        case 0:
            part[at] ^= 1 << rng.randrange(8)
        case 1:
            del part[at : at + rng.choice((1, 4, 32))]
        case 2:
            part[at:at] = rng.randbytes(rng.choice((1, 4, 32)))
        case 3:
            del part[at:]
        case 4:
            # A type or number at a place where one stands.
            at = rng.choice((0, 4, 4 + 4 + 32 * 35)) % len(part)
            part[at : at + 4] = rng.choice((0, 3, 5, 6, 7, 8, 2**32 - 1)).to_bytes(4, "big")
        case _:
            part[at : at + 32] = bytes(len(part[at : at + 32]))
    return bytes(parts[0]), bytes(parts[1]), bytes(parts[2])


def test_nothing_that_was_altered_is_taken(device):
    print("seed", SEED)
    rng = random.Random(SEED)
    key = pyhsslms.LmsPrivateKey(lmots_type=pyhsslms.lmots_sha256_n32_w8)
    public = key.publicKey().serialize()
    message = rng.randbytes(80)
    genuine = (public, message, key.sign(message))
    cases = [mutated(rng, rng.choice((genuine, *vectors()))) for _ in range(MUTATIONS)]
    cases = [case for case in cases if case not in (genuine, *vectors())]
    assert len(cases) > MUTATIONS * 0.9
    assert answers(device, [genuine]) == [True]
    assert not any(answers(device, cases))


def test_what_is_no_bytes_is_no_signature(device):
    device.run(
        "from altgate.crypto import lms\n"
        "def answer(*parts):\n"
        "    steps = lms.verify(*parts)\n"
        "    try:\n"
        "        while True:\n"
        "            next(steps)\n"
        "    except StopIteration as end:\n"
        "        return end.value\n"
        "for bad in (None, 5, 'text', [1], {}, ()):\n"
        "    for at in range(3):\n"
        "        parts = [bytes(56), b'', bytes(1292)]\n"
        "        parts[at] = bad\n"
        "        assert answer(*parts) is False, (bad, at)\n"
    )
