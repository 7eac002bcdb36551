"""The door's P-256 at its edges: what it must refuse, and that a check which is gone is noticed."""

import hashlib
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils

from conftest import ROOT
from support.p256 import (
    CURVE,
    NO,
    REFUSED,
    SCRIPTS,
    YES,
    N,
    P,
    accepts,
    added,
    b32,
    both,
    deterministic,
    octets,
    point,
    public_of,
    signed,
    times,
    verified,
    wrong,
    xy,
)

SOURCE = ROOT / "firmware" / "altgate" / "crypto" / "p256.py"
SEED = 20261125


def exceptional_scalars():
    """Small, large and round scalars, and what is none; several times each, as every run is blinded anew."""
    scalars = {*range(1, 20), *(N - k for k in range(1, 20)), *(1 << k for k in range(0, 256, 17)), N // 2}
    cases = [(("public", b32(d)), public_of(d)) for d in sorted(scalars) for _ in range(6)]
    peer = ec.generate_private_key(CURVE).public_key()
    for d in (1, 2, 3, N - 2, N - 1, N // 2):
        agreed = ec.derive_private_key(d, CURVE).exchange(ec.ECDH(), peer)
        cases.append((("shared", b32(d), octets(peer)), agreed))
        for digest in (bytes(32), b32(1), b32(N), b"\xff" * 32):
            cases.append((("sign", b32(d), digest), deterministic(d, digest)))
    for d in (bytes(32), b32(N), b32(N + 1), b"\xff" * 32, b"", b32(1)[1:], b"\x00" + b32(1)):
        for name, *rest in (("public",), ("sign", b32(1)), ("shared", octets(peer))):
            cases.append(((name, d, *rest), REFUSED))
    return cases + [(("sign", b32(1), bytes(size)), REFUSED) for size in (0, 31, 33, 64)]


def right_side(x):
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    return (x * x * x - 3 * x + b) % P


def root(square):
    """A square root modulo p; None where there is none."""
    found = pow(square, (P + 1) // 4, P)
    return found if found * found % P == square % P else None


# On the curve: points with a coordinate so small that it stays under 2^256 with the prime added to it.
SMALL_X = (0, root(right_side(0)))
SMALL_Y = (0xD7325D7646CD60D80A92738CEB345F844CFFAF35841022CAB176F692DE8DE1D7, 5)


def invalid_points():
    """Infinity, other forms, points off the curve and on its twist, coordinates that are not reduced."""
    good = public_of(5)
    x, y = xy(good)
    twisted = [(at, root(-right_side(at))) for at in range(1, 40) if root(right_side(at)) is None]
    assert len(twisted) > 10 and all(at_y is not None for _, at_y in twisted)
    points = [
        b"", b"\x00", bytes(65), b"\x04" + bytes(64), good[:-1], good + b"\x00", good[1:],
        b"\x02" + good[1:33], b"\x03" + good[1:33],
        *(bytes([form]) + good[1:] for form in (0, 2, 3, 5, 6, 7)),
        *(point(*at) for at in ((x, y ^ 1), (x ^ 1, y), (y, x), (x, 0), (0, y), (P, y), (x, P), (0, P))),
        point(SMALL_X[0] + P, SMALL_X[1]), point(SMALL_Y[0], SMALL_Y[1] + P), *(point(*at) for at in twisted),
    ]  # fmt: skip
    cases = [(("shared", b32(1), point(*at)), b32(at[0])) for at in (SMALL_X, SMALL_Y)]
    digest = hashlib.sha256(b"").digest()
    for at in points:
        cases.append((("shared", b32(3), at), REFUSED))
        cases.append((("verify", at, digest, deterministic(5, digest)), REFUSED))
    return cases


def altered_signatures():
    """Every byte of a signature changed, and every byte of the digest; other keys; other lengths."""
    digest = hashlib.sha256(b"altered").digest()
    good, public = deterministic(77, digest), public_of(77)
    cases = [(("verify", public, digest, good), YES), (("verify", public_of(78), digest, good), NO)]
    for at in range(64):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        cases.append(verified(public, digest, bytes(bad)))
        bad = bytearray(digest)
        bad[at % 32] ^= 0x80 >> at % 8
        cases.append(verified(public, bytes(bad), good))
    assert [expected for _, expected in cases].count(YES) == 1
    cases += [(("verify", public, digest, bad), NO) for bad in (b"", good[:-1], good + b"\x00", bytes(64))]
    return cases + [(("verify", public, bad, good), NO) for bad in (b"", digest[:-1], digest + b"\x00")]


def signatures_out_of_range():
    """r and s at and over their bounds, each where the sum would be right if only the range were ignored."""
    d, digest = 77, hashlib.sha256(b"range").digest()
    public, z = public_of(d), int.from_bytes(digest, "big")
    good = deterministic(d, digest)
    r, s = good[:32], good[32:]
    cases = []
    for odd in (0, N, N + 1, 2**256 - 1):
        cases += [verified(public, digest, b32(odd) + s), verified(public, digest, r + b32(odd))]
    for first in (0, N):
        for second in (0, N):
            cases.append(verified(public, digest, b32(first) + b32(second)))
            cases.append(verified(public, bytes(32), b32(first) + b32(second)))
        # With a digest of zero the sum is infinity, whose X must not pass for an r of zero.
        cases += [verified(public, empty, b32(first) + b32(1)) for empty in (bytes(32), b32(N))]
    cases.append(verified(public, digest, r + b32(N - int.from_bytes(s, "big"))))
    assert [expected for _, expected in cases].count(YES) == 1  # the last one: low and high s are both good
    # s so small that s + n fits 32 bytes: the digest is chosen for it.
    chosen = b32((5 * 1000 - xy(public_of(1000))[0] * d) % N)
    of_nonce = b32(xy(public_of(1000))[0] % N)
    cases += [(("verify", public, chosen, of_nonce + b32(5 + over)), NO if over else YES) for over in (0, N)]
    # R with X between n and p, so that r = X - n: the key is chosen for it.
    x = next(at for at in range(N, P) if root(right_side(at)))
    at, low = (x, root(right_side(x))), x - N
    key = added(times(pow(low, -1, N) * 9 % N, at), times(-pow(low, -1, N) * z % N, xy(public_of(1))))
    for first, expected in ((low, YES), (x, NO)):
        cases.append((("verify", point(*key), digest, b32(first) + b32(9)), expected))
    assert all(accepts(*question[1:]) == expected for question, expected in cases)
    return cases


def signatures_with_equal_terms():
    """Digest and r so that both terms are the same point, opposite ones, or multiples of each other."""
    cases = []
    for nonce in range(2, 12):
        r = xy(public_of(nonce))[0] % N
        for d in (1, 2, 3, N - 2, N - 1):
            for z in (r, 2 * r % N, -r % N, r * pow(2, -1, N) % N, 0, N - 1):
                signature = signed(d, nonce, z)
                if any(signature[32:]):
                    cases.append(verified(public_of(d), b32(z), signature))
        # The key is -G and the digest is r: the sum is infinity.
        cases.append(verified(public_of(N - 1), b32(r), b32(r) + b32(nonce)))
    answers_ = [expected for _, expected in cases]
    assert answers_.count(NO) == 10 and answers_.count(YES) > 250
    return cases


def der_cases():
    """Encodings of signatures, right and wrong."""
    cases = []
    pairs = (1, 1), (0, 0), (127, 128), (255, 256), (N - 1, N - 1), (2**256 - 1, 1), (1 << 247, 1 << 248)
    for r, s in pairs:
        signature, encoded = b32(r) + b32(s), utils.encode_dss_signature(r, s)
        cases += [(("der", signature), encoded), (("raw", encoded), signature)]
    for bad in (
        "", "30", "3000", "3006", "300302010100", "3003020101", "30060201010201", "3006020101",
        "3106020101020101", "300602010102010100", "30070201010201010000", "3005020101020101",
        "3006020101030101", "3006030101020101", "308106020101020101", "30800201010201010000",
        "300702810101020101", "300702020001020101", "30070201010202007f", "3006020180020101",
        "30060201010201ff", "300402000200", "30050200020101", "3009020101020101020101",
        "3026022100" + "00" * 31 + "01020101", "3027022201" + "00" * 33 + "020101",
        "3026022101" + "00" * 32 + "020101", "300602010102ff01", "300602ff01020101", "30ff020101020101",
    ):  # fmt: skip
        cases.append((("raw", bytes.fromhex(bad)), REFUSED))
    cases += [(("der", bytes(size)), REFUSED) for size in (0, 63, 65)]
    rng = random.Random(SEED)
    for _ in range(4000):
        r, s = (rng.getrandbits(rng.choice((8, 255, 256))) for _ in "rs")
        given = bytearray(utils.encode_dss_signature(r, s))
        for _ in range(rng.randrange(3)):
            given[rng.choice((0, 1, 2, 3, 4, rng.randrange(len(given))))] = rng.getrandbits(8)
        end = rng.choice((len(given), rng.randrange(len(given))))
        given = bytes(given[:end]) + bytes(rng.choice((0, 0, 1)))
        cases.append((("raw", given), raw(given)))
    assert 500 < [expected for _, expected in cases].count(REFUSED) < 3500
    return cases


def raw(encoded):
    """What `cryptography` reads, where writing it again gives the same."""
    try:
        r, s = utils.decode_dss_signature(encoded)
    except ValueError:
        return REFUSED
    is_exact = min(r, s) >= 0 and not max(r, s) >> 256 and utils.encode_dss_signature(r, s) == encoded
    return b32(r) + b32(s) if is_exact else REFUSED


CASES = [
    exceptional_scalars, invalid_points, altered_signatures, signatures_out_of_range,
    signatures_with_equal_terms, der_cases,
]  # fmt: skip


@both
@pytest.mark.parametrize("cases", CASES)
def test_edges(device, interpreter, cases):
    assert wrong(device, cases(), interpreter=interpreter) == []


# A check of the module, what it is without it, and the cases that must notice.
BROKEN = {
    "on the curve": (" and not (y * y - x * x * x + 3 * x - _B) % _P", "", invalid_points),
    "X under p": ("x < _P and y < _P", "y < _P", invalid_points),
    "Y under p": ("x < _P and y < _P", "x < _P", invalid_points),
    "form of a point": (" and public[0] == 4", "", invalid_points),
    "r above 0": ("0 < r < _N", "r < _N", signatures_out_of_range),
    "s under n": ("0 < s < _N", "0 < s", signatures_out_of_range),
    "X modulo n": ("_affine(sum_))[0] % _N", "_affine(sum_))[0]", signatures_out_of_range),
    "comparison": ("return consteq(found", "return True or consteq(found", altered_signatures),
    "equal points": ("if up else _double(first)", "", signatures_with_equal_terms),
    "opposite points": ("(1, 1, 0) if up else ", "", signatures_with_equal_terms),
    "infinity": ("    if not z:\n        return second\n", "", altered_signatures),
    "d above 0": ("0 < number < _N:\n        raise", "number < _N:\n        raise", exceptional_scalars),
    "d under n": ("0 < number < _N:\n        raise", "0 < number:\n        raise", exceptional_scalars),
    "even scalars": ("[~scalar & 1]", "[0]", exceptional_scalars),
    "one encoding": (" or der(signature) != data", "", der_cases),
}  # fmt: skip


@pytest.mark.parametrize("check", BROKEN)
def test_a_module_without_a_check_is_noticed(device, tmp_path, check):
    whole, broken, cases = BROKEN[check]
    source = SOURCE.read_text(encoding="utf-8")
    assert source.count(whole) == 1
    (tmp_path / "p256.py").write_text(source.replace(whole, broken), encoding="utf-8")
    assert wrong(device, cases(), folder=[str(tmp_path)])


@both
def test_rules_that_cannot_be_asked_from_outside(device, interpreter):
    done = device.run(SCRIPTS / "crypto_p256_rules.py", heap="512k", interpreter=interpreter)
    assert done.stdout == "held\n"
