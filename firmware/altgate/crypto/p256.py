"""The curve P-256 (FIPS 186-5, SP 800-186): keys, ECDH and ECDSA with SHA-256, in slices.

Whatever multiplies a point is a generator: each step takes one window of four bits, so that a door can go on
between two of them. Its value is the result: ``yield from``, ``finish`` or ``await slices``. Scalars have 32
bytes and points 65, ``04 | X | Y`` (SEC 1, 2.3.3), all big-endian; a signature is ``r | s``, 64 bytes.

Side channels. With a secret scalar the same point operations follow each other whatever its value; a random
multiple of the order is added to it, the point gets a random projective Z, and an inversion is a power by a
public exponent, of a blinded value. Nothing else is claimed: bytecode over integers of any length is not
constant in time, a table's entry is fetched by blinded secret digits, integers stay in the heap until their
place is used again, and power and field of the board can be measured.
"""

from os import urandom

from altgate.crypto.consteq import consteq
from altgate.crypto.hmac256 import hmac256

_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
_SCALAR = 32
_POINT = 65
_SIGNATURE = 64
_BLIND = 8
# Windows of four bits in a scalar with a blind of 64 bits, and in one of at most twice the order.
_SECRET_WINDOWS = 80
_PUBLIC_WINDOWS = 65


def generate():
    """Generator: a new key pair ``(d, public)``, d uniform over 1 to n-1.

    As good as ``os.urandom``, which on an ESP32 is truly random only while a radio is on.
    """
    d = _random(_N).to_bytes(_SCALAR, "big")
    return d, (yield from public_key(d))


def public_key(d):
    """Generator: the public point of d; raises ValueError for a d outside 1 to n-1."""
    point = yield from _secret_multiple(_scalar(d), _GX, _GY)
    return b"\x04" + point[0].to_bytes(_SCALAR, "big") + point[1].to_bytes(_SCALAR, "big")


def shared(d, public):
    """Generator: X of the ECDH point (SP 800-56A, 5.7.1.2), 32 bytes.

    Raises ValueError for a d outside 1 to n-1, and for a public that is no point of the curve in 65 bytes.
    """
    x, y = _point(public)
    point = yield from _secret_multiple(_scalar(d), x, y)
    return point[0].to_bytes(_SCALAR, "big")


def sign(d, digest):
    """Generator: the signature of a SHA-256 digest, its nonce by RFC 6979.

    Raises ValueError for a d outside 1 to n-1, and for a digest of other than 32 bytes.
    """
    number = _scalar(d)
    if not _is_octets(digest, _SCALAR):
        raise ValueError("a SHA-256 digest has 32 bytes")
    z = int.from_bytes(digest, "big") % _N
    r = s = 0
    for nonce in _nonces(d, z.to_bytes(_SCALAR, "big")):
        r = (yield from _secret_multiple(nonce, _GX, _GY))[0] % _N
        blind = _random(_N)
        inverse = yield from _inverse(nonce * blind % _N, _N)
        s = inverse * ((blind * z + blind * r % _N * number) % _N) % _N
        if r and s:
            break
    return r.to_bytes(_SCALAR, "big") + s.to_bytes(_SCALAR, "big")


def verify(public, digest, signature):
    """Generator: whether the signature of a SHA-256 digest is the key's (FIPS 186-5, 6.4.2).

    Raises ValueError for a public that is no point of the curve in 65 bytes; whatever else is malformed makes
    it False.
    """
    x, y = _point(public)
    if not (_is_octets(digest, _SCALAR) and _is_octets(signature, _SIGNATURE)):
        return False
    r, s = int.from_bytes(signature[:_SCALAR], "big"), int.from_bytes(signature[_SCALAR:], "big")
    if not (0 < r < _N and 0 < s < _N):
        return False
    inverse = yield from _inverse(s, _N)
    of_base = _odd(int.from_bytes(digest, "big") * inverse % _N)
    of_public = _odd(r * inverse % _N)
    sum_ = yield from _multiply(((of_base, (_GX, _GY, 1)), (of_public, (x, y, 1))), _PUBLIC_WINDOWS)
    # Infinity comes out as 0, which is no r.
    found = (yield from _affine(sum_))[0] % _N
    return consteq(found.to_bytes(_SCALAR, "big"), signature[:_SCALAR])


def der(signature) -> bytes:
    """The signature as an ECDSA-Sig-Value (RFC 3279, 2.2.3); raises ValueError for other than 64 bytes."""
    if not _is_octets(signature, _SIGNATURE):
        raise ValueError("a P-256 signature has 64 bytes")
    content = b""
    for number in (signature[:_SCALAR], signature[_SCALAR:]):
        number = bytes(number).lstrip(b"\x00")
        if not number or number[0] & 0x80:
            number = b"\x00" + number
        content += bytes((2, len(number))) + number
    return bytes((0x30, len(content))) + content


def raw(der_signature) -> bytes:
    """The 64 bytes of an ECDSA-Sig-Value; raises ValueError for all but the one encoding (X.690, DER)."""
    if not isinstance(der_signature, (bytes, bytearray, memoryview)):
        raise ValueError("a signature is bytes")
    data = bytes(der_signature)
    r = _integer_at(data, 2)
    s = _integer_at(data, 4 + data[3]) if r else b""
    signature = r + s
    # What is not written back as it came was written in another way than DER's.
    if len(signature) != _SIGNATURE or der(signature) != data:
        raise ValueError("not an ECDSA-Sig-Value in DER")
    return signature


def finish(steps):
    """The value of a generator, run to its end at once."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value


async def slices(steps):
    """The value of a generator, with every other task's turn between two of its steps."""
    from asyncio import sleep_ms

    try:
        while True:
            next(steps)
            await sleep_ms(0)
    except StopIteration as end:
        return end.value


def _is_octets(value, length) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview)) and len(value) == length


def _integer_at(data, at) -> bytes:
    """The integer of at most 256 bits whose head is there, in 32 bytes; empty where none is."""
    if len(data) < at + 2 or data[at] != 2:
        return b""
    number = data[at + 2 : at + 2 + data[at + 1]].lstrip(b"\x00")
    return bytes(max(0, _SCALAR - len(number))) + number


def _random(bound) -> int:
    """Uniform over 1 to bound-1; a draw outside is drawn again."""
    while True:
        number = int.from_bytes(urandom(_SCALAR), "big")
        if 0 < number < bound:
            return number


def _scalar(d) -> int:
    number = int.from_bytes(d, "big") if _is_octets(d, _SCALAR) else 0
    if not 0 < number < _N:
        raise ValueError("not a private key of P-256")
    return number


def _point(public) -> tuple:
    """``(x, y)`` of a public key, fully validated (SP 800-56A, 5.6.2.3.3); the cofactor is 1."""
    if _is_octets(public, _POINT) and public[0] == 4:
        x, y = int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")
        if x < _P and y < _P and not (y * y - x * x * x + 3 * x - _B) % _P:
            return x, y
    raise ValueError("not a public key of P-256")


def _nonces(d, z):
    """Nonce after nonce (RFC 6979, 3.2); the first is good but for one in 2^32."""
    key, value = bytes(32), b"\x01" * 32
    for separator in (b"\x00", b"\x01"):
        key = hmac256(key, value, separator, d, z)
        value = hmac256(key, value)
    while True:
        value = hmac256(key, value)
        nonce = int.from_bytes(value, "big")
        if 0 < nonce < _N:
            yield nonce
        key = hmac256(key, value, b"\x00")
        value = hmac256(key, value)


def _inverse(value, modulus):
    """Generator: the inverse by Fermat's little theorem, the power in three parts."""
    yield
    exponent = modulus - 2
    high = pow(value, exponent >> 128, modulus)
    yield
    high = pow(high, 1 << 128, modulus)
    yield
    return high * pow(value, exponent & ((1 << 128) - 1), modulus) % modulus


def _affine(point):
    """Generator: ``(x, y)``; both are 0 for infinity."""
    x, y, z = point
    inverse = yield from _inverse(z, _P)
    square = inverse * inverse % _P
    return x * square % _P, y * square * inverse % _P


def _secret_multiple(scalar, x, y):
    """Generator: affine multiple of a point by a secret scalar, both blinded."""
    z = _random(_P)
    square = z * z % _P
    blind = int.from_bytes(urandom(_BLIND), "big")
    blinded = _odd(scalar + blind * _N)
    point = x * square % _P, y * square * z % _P, z
    return (yield from _affine((yield from _multiply(((blinded, point),), _SECRET_WINDOWS))))


def _odd(scalar) -> int:
    """An odd scalar of the same effect, as the order is odd: no window is then zero."""
    return (scalar, scalar + _N)[~scalar & 1]


def _multiply(terms, windows):
    """Generator: the sum of odd scalars times points, all at once (Straus, called Shamir's trick).

    An odd scalar is a sum of odd digits d of -15 to 15, each of four bits: d = 2v - 15, where v is the four
    bits above the lowest one of its place. A bit put on top makes the highest digit positive.
    """
    tables = []
    for scalar, point in terms:
        tables.append((scalar | 1 << 4 * windows, (yield from _odd_multiples(point))))
    total = 1, 1, 0
    for place in range(4 * windows - 3, 0, -4):
        for _ in range(4):
            total = _double(total)
        for scalar, table in tables:
            total = _add(total, _entry(table, scalar >> place & 15))
        yield
    return total


def _odd_multiples(point):
    """Generator: the point times 1, 3 to 15, each ``X | Y | Z``: as integers they took six times the heap."""
    twice = _double(point)
    table = bytearray()
    for _ in range(8):
        if table:
            point = _add(point, twice)
        for number in point:
            table.extend(number.to_bytes(_SCALAR, "big"))
        yield
    return memoryview(table)


def _entry(table, v) -> tuple:
    """The point times 2v - 15; the lower half of the digits has the upper one's points, mirrored."""
    at = 96 * (v & 7 ^ (7, 0)[v >> 3])
    y = int.from_bytes(table[at + 32 : at + 64], "big")
    x, z = int.from_bytes(table[at : at + 32], "big"), int.from_bytes(table[at + 64 : at + 96], "big")
    return x, (_P - y, y)[v >> 3], z


def _double(point) -> tuple:
    """Jacobian, ``(x / z^2, y / z^3)``; infinity, with z = 0, stays itself (dbl-2001-b for a = -3)."""
    x, y, z = point
    delta = z * z % _P
    gamma = y * y % _P
    beta = x * gamma % _P
    alpha = 3 * (x - delta) * (x + delta) % _P
    x = (alpha * alpha - 8 * beta) % _P
    return x, (alpha * (4 * beta - x) - 8 * gamma * gamma) % _P, 2 * y * z % _P


def _add(first, second) -> tuple:
    """Any two points, Jacobian, also equal, opposite or at infinity (Cohen, Miyaji, Ono 1998)."""
    x, y, z = first
    x2, y2, z2 = second
    if not z:
        return second
    if not z2:
        return first
    square, square2 = z * z % _P, z2 * z2 % _P
    x, y = x * square2 % _P, y * (z2 * square2 % _P) % _P
    across, up = (x2 * square - x) % _P, (y2 * (z * square % _P) - y) % _P
    if not across:
        return (1, 1, 0) if up else _double(first)
    square = across * across % _P
    cube, x = across * square % _P, x * square % _P
    x3 = (up * up - cube - 2 * x) % _P
    return x3, (up * (x - x3) - y * cube) % _P, z * z2 % _P * across % _P
