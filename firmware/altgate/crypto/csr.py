"""Certificate requests (PKCS #10, RFC 2986) and private keys (RFC 5915) of P-256, in DER."""

from hashlib import sha256

from altgate.crypto import p256

_SEQUENCE, _SET, _INTEGER, _BITS, _OCTETS, _UTF8 = 0x30, 0x31, 0x02, 0x03, 0x04, 0x0C
_NAME_BYTES = 64
_CURVE = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"  # prime256v1 (RFC 5480, 2.1.1.1)
_EC_KEY = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"  # id-ecPublicKey (RFC 5480, 2.1.1)
_SIGNED_WITH = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"  # ecdsa-with-SHA256 (RFC 5758, 3.2)
_COMMON_NAME = b"\x06\x03\x55\x04\x03"  # id-at-commonName (RFC 5280, A.1)


def request(d, public, common_name):
    """Generator (as in p256): a CertificationRequest for ``CN=common_name``, signed by its own key.

    Raises ValueError for a d that is no private key, for a public of other than 65 bytes, and for a name
    that is empty or over 64 bytes of UTF-8 (RFC 5280, A.1, which some readers take to count bytes).
    """
    text = common_name.encode()
    if not 0 < len(text) <= _NAME_BYTES:
        raise ValueError("a common name has 1 to 64 bytes")
    name = _tlv(_SET, _tlv(_SEQUENCE, _COMMON_NAME, _tlv(_UTF8, text)))
    key = _tlv(_SEQUENCE, _tlv(_SEQUENCE, _EC_KEY, _CURVE), _public_bits(public))
    asked = _tlv(_SEQUENCE, _tlv(_INTEGER, b"\x00"), _tlv(_SEQUENCE, name), key, _tlv(0xA0))
    signature = yield from p256.sign(d, sha256(asked).digest())
    return _tlv(_SEQUENCE, asked, _tlv(_SEQUENCE, _SIGNED_WITH), _tlv(_BITS, b"\x00", p256.der(signature)))


def private_key(d, public) -> bytes:
    """An ECPrivateKey with its curve and public key, as ``load_cert_chain`` of ``tls`` takes it."""
    if len(d) != 32:
        raise ValueError("a private key has 32 bytes")
    version, octets = _tlv(_INTEGER, b"\x01"), _tlv(_OCTETS, d)
    return _tlv(_SEQUENCE, version, octets, _tlv(0xA0, _CURVE), _tlv(0xA1, _public_bits(public)))


def _public_bits(public) -> bytes:
    if len(public) != 65:
        raise ValueError("a public key has 65 bytes")
    return _tlv(_BITS, b"\x00", public)


def _tlv(tag, *parts) -> bytes:
    """One value in DER: its tag, its length in the shortest form (up to 65,535), its content."""
    content = b"".join(parts)
    length = len(content)
    head = (tag, length) if length < 0x80 else (tag, 0x81, length)
    if length > 0xFF:
        head = (tag, 0x82, length >> 8, length & 0xFF)
    return bytes(head) + content
