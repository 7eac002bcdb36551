"""What cannot be asked from outside: random numbers, nonces that are out of range, types, and slices."""

import asyncio
import os
import sys

from altgate.crypto import csr, p256

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DIGEST = bytes(range(32))


def number(value):
    return value.to_bytes(32, "big")


def steps_of(steps):
    """``(how many steps, value)`` of a generator."""
    count = 0
    try:
        while True:
            next(steps)
            count += 1
    except StopIteration as end:
        return count, end.value


def refused(call):
    try:
        call()
    except ValueError:
        return
    raise AssertionError("not refused")


def check_generate():
    pairs = [p256.finish(p256.generate()) for _ in range(4)]
    assert len({d for d, _ in pairs}) == 4
    for d, public in pairs:
        assert type(d) is bytes and len(d) == 32 and len(public) == 65
        assert p256.finish(p256.public_key(d)) == public
        signature = p256.finish(p256.sign(d, DIGEST))
        assert p256.finish(p256.verify(public, DIGEST, signature)) is True
    (d, public), (d2, public2) = pairs[:2]
    assert p256.finish(p256.shared(d, public2)) == p256.finish(p256.shared(d2, public))


def check_draws_outside_are_drawn_again():
    drawn = [bytes(32), number(ORDER), b"\xff" * 32, number(ORDER - 1)]
    given = []

    def urandom(count):
        given.append(drawn.pop(0) if drawn else os.urandom(count))
        return given[-1]

    p256.urandom = urandom
    try:
        d, _ = p256.finish(p256.generate())
    finally:
        p256.urandom = os.urandom
    assert d == number(ORDER - 1) and not drawn


def check_secret_scalars_are_blinded():
    """The digits of a secret scalar differ from one run to the next, and so does the point's Z."""
    seen = []
    multiply = p256._multiply

    def watched(terms, windows):
        seen.append(terms)
        return multiply(terms, windows)

    p256._multiply = watched
    try:
        for _ in range(3):
            p256.finish(p256.sign(number(7), DIGEST))
    finally:
        p256._multiply = multiply
    scalars = {terms[0][0] for terms in seen}
    assert len(seen) == len(scalars) == len({terms[0][1][2] for terms in seen}) == 3
    assert len({scalar % ORDER for scalar in scalars}) == 1 and all(scalar & 1 for scalar in scalars)


def check_steps_do_not_depend_on_the_secret():
    for call in (p256.public_key, lambda d: p256.sign(d, DIGEST)):
        counts = {steps_of(call(number(d)))[0] for d in (1, 2, 3, 1 << 255, ORDER - 1, ORDER // 2)}
        assert len(counts) == 1 and counts.pop() > 80


def check_nonces_outside_are_passed_over():
    """RFC 6979, 3.2, h.3: each candidate outside 1 to n-1 is followed by another K and V."""
    genuine, calls, spoiled = p256.hmac256, [], {5: b"\xff" * 32, 8: bytes(32), 11: number(ORDER)}

    def hmac256(key, *parts):
        code = spoiled.get(len(calls) + 1) or genuine(key, *parts)
        calls.append((key, b"".join(parts), code))
        return code

    p256.hmac256 = hmac256
    try:
        signature = p256.finish(p256.sign(number(9), DIGEST))
    finally:
        p256.hmac256 = genuine
    # Four before the first candidate, three candidates with the two codes after each, and the good one.
    assert len(calls) == 14
    for at in (4, 7, 10):
        (key, _, value), (key2, text, code), (key3, text3, value3) = calls[at : at + 3]
        assert key2 == key and text == value + b"\x00" and key3 == code and text3 == value
        assert calls[at + 3][:2] == (code, value3)
    nonce = calls[-1][2]
    assert signature[:32] == number(int.from_bytes(p256.finish(p256.public_key(nonce))[1:33], "big") % ORDER)
    assert p256.finish(p256.verify(p256.finish(p256.public_key(number(9))), DIGEST, signature))


def check_types():
    d = number(5)
    public = p256.finish(p256.public_key(d))
    signature = p256.finish(p256.sign(d, DIGEST))
    secret = p256.finish(p256.shared(d, public))
    for kind in (bytes, bytearray, memoryview):
        given = [kind(part) for part in (public, DIGEST, signature)]
        assert p256.finish(p256.verify(*given)) is True
        assert p256.raw(kind(p256.der(kind(signature)))) == signature
        assert p256.finish(p256.shared(kind(d), kind(public))) == secret
    for odd in (None, 5, "x" * 64, [0] * 64, (), 1.5, b"", signature[:-1], signature + b"\x00"):
        assert p256.finish(p256.verify(public, DIGEST, odd)) is False
        assert p256.finish(p256.verify(public, odd, signature)) is False
        for call in (
            lambda: p256.finish(p256.verify(odd, DIGEST, signature)),
            lambda: p256.finish(p256.shared(d, odd)),
            lambda: p256.finish(p256.shared(odd, public)),
            lambda: p256.finish(p256.public_key(odd)),
            lambda: p256.finish(p256.sign(odd, DIGEST)),
            lambda: p256.finish(p256.sign(d, odd)),
            lambda: p256.der(odd),
            lambda: p256.raw(odd),
        ):
            refused(call)
    for name in ("", "x" * 65, "ü" * 33):
        refused(lambda: p256.finish(csr.request(d, public, name)))
    refused(lambda: p256.finish(csr.request(d, public[1:], "door")))
    refused(lambda: csr.private_key(d[1:], public))
    refused(lambda: csr.private_key(d, public[1:]))


async def check_slices():
    """Another task has a turn at every step."""
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep_ms(0)

    task = asyncio.create_task(other())
    d, public = await p256.slices(p256.generate())
    signature = await p256.slices(p256.sign(d, DIGEST))
    assert await p256.slices(p256.verify(public, DIGEST, signature)) is True
    task.cancel()
    counted = steps_of(p256.public_key(d))[0] + steps_of(p256.sign(d, DIGEST))[0]
    counted += steps_of(p256.verify(public, DIGEST, signature))[0]
    assert turns >= counted, (turns, counted)
    try:
        await p256.slices(p256.shared(d, bytes(65)))
    except ValueError:
        return
    raise AssertionError("not refused")


check_generate()
check_draws_outside_are_drawn_again()
check_secret_scalars_are_blinded()
check_steps_do_not_depend_on_the_secret()
check_nonces_outside_are_passed_over()
check_types()
# Turns of a task are counted where asyncio has sleep_ms.
if sys.implementation.name == "micropython":
    asyncio.run(check_slices())
print("held")
