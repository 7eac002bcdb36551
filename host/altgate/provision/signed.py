"""Texts that a building hands to its installers: a prefix, and base32 of what its CA has signed.

The base32 is of a CBOR array of the fields, encoded, and of the signature of the CA whose certificate is
among them. Such a text fits a file, a QR code, and what a hand scanner types.
"""

import base64
import binascii
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from altgate.errors import BadMessage, Refused
from altgate.keys.authority import Authority
from altgate.plain_cbor import decode
from altgate.protocol import provisioning as p

TEXT_MOST = 8192


def write(authority: Authority, prefix: str, label: bytes, fields: dict[int, Any]) -> str:
    """The text with these fields; ``label`` is what its signature is for."""
    given = cbor2.dumps(fields, canonical=True)
    signature = authority.signing_key().sign(label + given, ec.ECDSA(hashes.SHA256()))
    whole = cbor2.dumps([given, signature], canonical=True)
    return prefix + _spelled(whole)


def _spelled(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=")


def read(
    text: str, prefix: str, label: bytes, kinds: dict[int, type], what: str, another: str
) -> tuple[bytes, dict[int, Any]]:
    """The fields in a text, encoded and decoded; ``kinds`` is the type of each.

    Raises Refused where it is damaged or altered; the sentence calls it ``what`` and ends with ``another``.
    """
    damaged = Refused(f"This is no {what} of altgate, or part of it is missing: copy it whole, or {another}")
    text = "".join(text.split())
    if not text.startswith(prefix) or len(text) > TEXT_MOST:
        raise damaged
    digits = text[len(prefix) :]
    try:
        raw = base64.b32decode(digits + "=" * (-len(digits) % 8))
        if _spelled(raw) != digits:
            # Bits that mean nothing are zero, so that a text that was altered anywhere is another one.
            raise damaged
        given, signature = decode(raw)
        fields = decode(given)
        if {key: type(value) for key, value in fields.items()} != kinds:
            raise damaged
        key = x509.load_der_x509_certificate(fields[p.CA]).public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise damaged
        key.verify(signature, label + given, ec.ECDSA(hashes.SHA256()))
    except (BadMessage, binascii.Error, ValueError, TypeError, AttributeError):
        raise damaged from None
    except (UnsupportedAlgorithm, x509.InvalidVersion):
        # A certificate of some other kind than altgate's.
        raise damaged from None
    except InvalidSignature:
        raise Refused(
            f"The {what} was altered: its building's signature is not over what it says; {another}"
        ) from None
    return given, fields
