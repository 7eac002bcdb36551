"""Asking the door's P-256, and the same answers from `cryptography` and from plain arithmetic."""

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

SCRIPTS = Path(__file__).resolve().parent.parent / "device" / "scripts"
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CURVE = ec.SECP256R1()
PREHASHED = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
YES, NO, REFUSED = b"yes", b"no", "ValueError"
both = pytest.mark.parametrize("interpreter", ["micropython", "cpython"])


def answers(device, questions, interpreter="micropython", folder=()):
    """One answer a question: bytes, or REFUSED for a ValueError; raises AssertionError for any other."""
    lines = "".join(json.dumps([name, *[part.hex() for part in parts]]) + "\n" for name, *parts in questions)
    done = device.run(
        SCRIPTS / "crypto_p256_answers.py", heap="512k", interpreter=interpreter, stdin=lines, args=folder
    )
    found = [line if line == REFUSED else bytes.fromhex(line) for line in done.stdout.splitlines()]
    assert len(found) == len(questions)
    return found


def wrong(device, cases, **how):
    """The cases whose answer is another than the expected one; a case is ``(question, expected)``."""
    found = answers(device, [question for question, _ in cases], **how)
    return [(question, answer) for (question, expected), answer in zip(cases, found, strict=True)
            if answer != expected]  # fmt: skip


def b32(number):
    return number.to_bytes(32, "big")


def point(x, y):
    return b"\x04" + b32(x) + b32(y)


def octets(key):
    """The 65 bytes of a public key of `cryptography`."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def public_of(d):
    return octets(ec.derive_private_key(d, CURVE).public_key())


def xy(public):
    return int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")


def added(first, second):
    """The sum of two affine points that are not opposite, as FIPS 186 writes it."""
    (x1, y1), (x2, y2) = first, second
    rise, run = (3 * x1 * x1 - 3, 2 * y1) if first == second else (y2 - y1, x2 - x1)
    slope = rise * pow(run, -1, P) % P
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def times(scalar, at):
    """An affine point times 1 to n-2, one bit after the other."""
    total = at
    for bit in f"{scalar:b}"[1:]:
        total = added(total, total)
        if bit == "1":
            total = added(total, at)
    return total


def accepts(public, digest, signature):
    """What `cryptography` says of a signature ``r | s``."""
    halves = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public)
    try:
        key.verify(utils.encode_dss_signature(*halves), digest, PREHASHED)
    except InvalidSignature:
        return NO
    return YES


def verified(public, digest, signature):
    return ("verify", public, digest, signature), accepts(public, digest, signature)


def signed(d, nonce, z):
    """A signature by the textbook, with a nonce that is given."""
    r = xy(public_of(nonce))[0] % N
    return b32(r) + b32(pow(nonce, -1, N) * (z + r * d) % N)


def deterministic(d, digest):
    """The signature that `cryptography` makes by RFC 6979."""
    exact = ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
    made = utils.decode_dss_signature(ec.derive_private_key(d, CURVE).sign(digest, exact))
    return b"".join(map(b32, made))
