"""How people compare the key of a board: on the label, on the laptop and in the register alike."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from altgate.errors import BadMessage, ProvisionFailed
from altgate.plain_cbor import decode
from altgate.protocol import provisioning as p


def of_key(public_key: bytes) -> str:
    """Of a DER SubjectPublicKeyInfo: 16 hexadecimal digits of its SHA-256, in fours."""
    digits = hashlib.sha256(public_key).hexdigest()[:16]
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


def of_certificate(data: bytes) -> str:
    """Of the key in a DER certificate; raises ProvisionFailed for anything else."""
    try:
        key = x509.load_der_x509_certificate(data).public_key()
    except ValueError:
        raise ProvisionFailed(
            "The door's certificate is not one: flash this version's firmware and repeat."
        ) from None
    return of_key(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def of_request(data: bytes) -> str:
    """Of the key in a board's request to be admitted; raises ProvisionFailed for anything else."""
    try:
        record = decode(decode(data)[0])
        key = x509.load_der_x509_csr(record[p.REQUEST]).public_key()
        return of_key(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (BadMessage, ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise ProvisionFailed(
            "The board's request is not one: flash this version's firmware and repeat."
        ) from None
