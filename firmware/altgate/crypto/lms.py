"""Verification of LMS signatures (RFC 8554): SHA-256, 32 bytes, trees of height 5, 10 and 15, all widths.

One tree, no HSS. The public key is ``lms_public_key`` (56 bytes), the signature ``lms_signature`` of the
standard's section 3.3.
"""

from hashlib import sha256

from altgate.crypto.consteq import consteq

PUBLIC_KEY_BYTES = 56
_N = 32
# LMS_SHA256_M32_H5 ... H15: height (5.1). LMOTS_SHA256_N32_W1 ... W8: w, p, ls (4.1).
_HEIGHTS = {5: 5, 6: 10, 7: 15}
_WIDTHS = {1: (1, 265, 7), 2: (2, 133, 6), 3: (4, 67, 4), 4: (8, 34, 0)}
_SLICE = 63
_D_PBLC, _D_MESG, _D_LEAF, _D_INTR = b"\x80\x80", b"\x81\x81", b"\x82\x82", b"\x83\x83"


def verify(public_key, message, signature):
    """Whether the signature is of this message under this key; anything malformed is not.

    A generator that returns a bool and yields after each chain, and within one after 64 hashes.
    """
    for part in (public_key, message, signature):
        if not isinstance(part, (bytes, bytearray)):
            return False
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) < 8:
        return False
    height = _HEIGHTS.get(_u32(public_key, 0))
    width = _WIDTHS.get(_u32(public_key, 4))
    if not height or not width:
        return False
    path = 8 + _N * (width[1] + 1)
    q = signature[:4]
    leaf = (1 << height) + _u32(q, 0)
    if len(signature) != path + 4 + _N * height or leaf >> height != 1:
        return False
    if signature[4:8] != public_key[4:8] or signature[path : path + 4] != public_key[:4]:
        return False
    key_id = public_key[8:24]
    node = yield from _candidate(key_id + q, width, message, signature[8:path])
    node = sha256(key_id + leaf.to_bytes(4, "big") + _D_LEAF + node).digest()
    at = path + 4
    while leaf > 1:
        beside = signature[at : at + _N]
        pair = beside + node if leaf & 1 else node + beside
        leaf >>= 1
        at += _N
        node = sha256(key_id + leaf.to_bytes(4, "big") + _D_INTR + pair).digest()
    return consteq(node, public_key[24:])


def _candidate(name, width, message, signature):
    """Algorithm 4b from its step 3 on: the candidate for the one-time public key. ``name``: I and q;
    ``signature``: C and the chains' values."""
    w, chains, shift = width
    most = (1 << w) - 1
    total = sha256(name + _D_MESG + signature[:_N])
    total.update(message)
    digest = total.digest()
    checksum = 0
    for i in range(8 * _N // w):
        checksum += most - _coef(digest, i, w)
    digest += (checksum << shift & 0xFFFF).to_bytes(2, "big")
    ends = sha256(name + _D_PBLC)
    block = bytearray(name + bytes(3 + _N))
    for i in range(chains):
        block[20] = i >> 8
        block[21] = i & 0xFF
        value = signature[_N * (i + 1) : _N * (i + 2)]
        for j in range(_coef(digest, i, w), most):
            block[22] = j
            block[23:] = value
            value = sha256(block).digest()
            if j & _SLICE == 0:
                yield
        ends.update(value)
        yield
    return ends.digest()


def _coef(data, i, w):
    """The i-th value of ``w`` bits (3.1.3)."""
    return data[i * w >> 3] >> 8 - w * (i % (8 // w) + 1) & (1 << w) - 1


def _u32(data, at):
    return int.from_bytes(data[at : at + 4], "big")
