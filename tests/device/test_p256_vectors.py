"""The door's P-256 against published vectors and `cryptography`."""

import hashlib
import random
import re

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils

from support.p256 import (
    CURVE,
    NO,
    PREHASHED,
    REFUSED,
    YES,
    N,
    answers,
    b32,
    both,
    deterministic,
    octets,
    point,
    public_of,
    wrong,
)

SEED = 20261125
ROUNDS = 40
# What is wrong in a record of the key agreement's validity, by its number.
SOUND, THEIRS_INVALID, OWN_INVALID, OWN_CHANGED, AGREED_CHANGED = (0, 13), (1, 2), (5, 6), 7, 8


def section(path, begin, end):
    """The records between two headings of a file of vectors, each a dict of its ``name = value`` lines."""
    with cryptography_vectors.open_vector_file(f"asymmetric/{path}", "r") as file:
        text = file.read().split(begin)[-1].split(end)[0]
    parts = re.split(r"\r?\n(?:\r?\n)+", text)
    return [dict(re.findall(r"^(\w+) = (.*?)\s*$", part, re.M)) for part in parts if "=" in part]


def number(record, name):
    return int(record[name], 16)


@both
def test_signatures_of_published_vectors(device, interpreter):
    """RFC 6979, A.2.5, with SHA-256."""
    d = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    cases = [
        (("sign", b32(d), hashlib.sha256(text).digest()), bytes.fromhex(r + s))
        for text, r, s in (
            (b"sample", "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
             "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"),
            (b"test", "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
             "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"),
        )
    ]  # fmt: skip
    assert wrong(device, [*cases, (("public", b32(d)), public_of(d))], interpreter=interpreter) == []


@both
def test_nist_signatures(device, interpreter):
    """CAVP, FIPS 186-3: SigVer, and what SigGen has signed."""
    records = section("ECDSA/FIPS_186-3/SigVer.rsp", "[P-256,SHA-256]", "[P-256,SHA-384]")
    made = section("ECDSA/FIPS_186-3/SigGen.txt", "[P-256,SHA-256]", "[P-256,SHA-384]")
    cases = []
    for record in records + made:
        public = point(number(record, "Qx"), number(record, "Qy"))
        digest = hashlib.sha256(bytes.fromhex(record["Msg"])).digest()
        signature = b32(number(record, "R")) + b32(number(record, "S"))
        expected = YES if record.get("Result", "P").startswith("P") else NO
        cases.append((("verify", public, digest, signature), expected))
    assert [expected for _, expected in cases].count(NO) >= 9 and len(cases) == 30
    assert wrong(device, cases, interpreter=interpreter) == []


@both
def test_nist_public_keys(device, interpreter):
    """CAVP, FIPS 186-3: PKV, coordinates out of range and points off the curve; and KeyPair."""
    cases = []
    for record in section("ECDSA/FIPS_186-3/PKV.rsp", "[P-256]", "[P-384]"):
        x, y = number(record, "Qx"), number(record, "Qy")
        if max(x, y) >> 256:
            # These do not fit 65 bytes: one that is cut off must not pass either.
            cases.append((("shared", b32(1), point(x % 2**256, y % 2**256)), REFUSED))
        else:
            expected = b32(x) if record["Result"].startswith("P") else REFUSED
            cases.append((("shared", b32(1), point(x, y)), expected))
    assert [expected for _, expected in cases].count(REFUSED) == 8 and len(cases) == 12
    pairs = section("ECDSA/FIPS_186-3/KeyPair.rsp", "[P-256]", "[P-384]")
    pairs = [record for record in pairs if "d" in record]
    assert len(pairs) == 10
    for one in pairs:
        cases.append((("public", b32(number(one, "d"))), point(number(one, "Qx"), number(one, "Qy"))))
    assert wrong(device, cases, interpreter=interpreter) == []


@both
@pytest.mark.parametrize("role", ["init", "resp"])
def test_nist_key_agreement(device, interpreter, role):
    """CAVP, SP 800-56A: validity of ECC static unified, where each kind of fault has to be noticed."""
    path = f"ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax"
    records = [one for one in section(path, "[EC - SHA256]", "[ED - SHA384]") if "Result" in one]
    assert len(records) == 30
    questions = []
    for record in records:
        d = b32(number(record, "dsIUT"))
        theirs = point(number(record, "QsCAVSx"), number(record, "QsCAVSy"))
        own = point(number(record, "QsIUTx"), number(record, "QsIUTy"))
        questions += [("shared", d, theirs), ("shared", b32(1), own), ("public", d)]
    found = iter(answers(device, questions, interpreter))
    kinds = []
    for record, agreed, own_x, public in zip(records, found, found, found, strict=True):
        kind = int(re.search(r"\((\d+) - ", record["Result"])[1])
        kinds.append(kind)
        is_own = public == point(number(record, "QsIUTx"), number(record, "QsIUTy"))
        is_agreed = agreed == b32(number(record, "Z"))
        assert (agreed == REFUSED) == (kind in THEIRS_INVALID), record
        assert (own_x == REFUSED) == (kind in OWN_INVALID), record
        assert (is_own and is_agreed) == (kind in SOUND), record
        assert is_own or kind in (*OWN_INVALID, OWN_CHANGED), record
    assert {*kinds} == {*SOUND, *THEIRS_INVALID, *OWN_INVALID, OWN_CHANGED, AGREED_CHANGED}


@both
def test_agrees_with_an_independent_library(device, interpreter):
    """Keys, ECDH, deterministic signatures and verification, with random keys and digests."""
    rng = random.Random(SEED)
    cases = []
    for _ in range(ROUNDS):
        d, digest = rng.randrange(1, N), rng.randbytes(32)
        key, peer = ec.derive_private_key(d, CURVE), ec.generate_private_key(CURVE)
        public = octets(key.public_key())
        exact = deterministic(d, digest)
        random_nonce = b"".join(map(b32, utils.decode_dss_signature(key.sign(digest, PREHASHED))))
        cases += [
            (("public", b32(d)), public),
            (("shared", b32(d), octets(peer.public_key())), key.exchange(ec.ECDH(), peer.public_key())),
            (("sign", b32(d), digest), exact),
            (("verify", public, digest, random_nonce), YES),
            (("verify", public, digest, exact), YES),
        ]  # fmt: skip
    assert wrong(device, cases, interpreter=interpreter) == []
