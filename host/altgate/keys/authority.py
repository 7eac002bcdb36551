"""The building's own certificate authority: P-256, one level, for the broker, the host and each door."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from altgate.clock import now_s

VALID_DAYS = 20 * 365  # ends before 2050, so that every date is a UTCTime (RFC 5280, 4.1.2.5)
BACKDATE = timedelta(days=1)
HOST = "altgate-host"  # the host's own name, in its certificate and at the broker
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key, both DER. SEC1 for the key: mbedTLS and OpenSSL both read it."""

    certificate: bytes
    key: bytes

    def certificate_pem(self) -> bytes:
        return x509.load_der_x509_certificate(self.certificate).public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        key = load_der_private_key(self.key, None)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True)
class Authority(Identity):
    """The CA. ``issued`` is the file that lists its certificates, a line each: hexadecimal serial, name."""

    issued: Path

    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """The CA's private key, for one signature."""
        key = load_der_private_key(self.key, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the CA's key is not an EC key")
        return key

    def note(self, serial: int, name: str) -> None:
        """List a certificate; it is on the disk on return, so that whatever was handed out can be revoked."""
        descriptor = os.open(self.issued, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"{serial:x} {' '.join(name.split())}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def serials(self, names: set[str]) -> list[tuple[int, str]]:
        """Serial and name of every certificate that was issued to one of these names."""
        lines = self.issued.read_text(encoding="utf-8").splitlines()
        listed = [line.partition(" ") for line in lines]
        return [(int(serial, 16), name) for serial, _, name in listed if name in names]


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _key_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def create_authority(building: str, issued: Path) -> Authority:
    """A new CA, valid from a day before now; nothing it issues starts later than itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    start = datetime.now(UTC).replace(microsecond=0) - BACKDATE
    name = _name(f"{building} door authority")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate.public_bytes(Encoding.DER), _key_der(key), issued)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def issue(
    authority: Authority, common_name: str, server_names: tuple[str, ...] = (), days: int | None = None
) -> Identity:
    """A new key with its certificate; as certify()."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Identity(certify(authority, common_name, key.public_key(), server_names, days), _key_der(key))


def certify(
    authority: Authority, common_name: str, public_key: ec.EllipticCurvePublicKey,
    server_names: tuple[str, ...] = (), days: int | None = None,
) -> bytes:  # fmt: skip
    """A certificate, DER, for a client, or for a server where names are given; the CA notes it first.

    It carries the CA's own dates: a door whose clock is behind can then still connect and ask for the time.
    ``days``: from now on, for one that is judged by those who know the time.
    """
    ca = x509.load_der_x509_certificate(authority.certificate)
    ca_key = authority.signing_key()
    until = ca.not_valid_after_utc
    if days is not None:
        until = min(until, datetime.fromtimestamp(now_s(), UTC) + timedelta(days=days))
    serial = x509.random_serial_number()
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server_names else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(ca.subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(ca.not_valid_before_utc)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    if server_names:
        names = x509.SubjectAlternativeName([_general_name(name) for name in server_names])
        builder = builder.add_extension(names, critical=False)
    authority.note(serial, common_name)
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.DER)


def serial_of(certificate: bytes) -> int:
    """The serial number of a DER certificate."""
    return x509.load_der_x509_certificate(certificate).serial_number


def ends_at(certificate: bytes) -> int:
    """Unix seconds of the end of a DER certificate."""
    return int(x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp())


def revocation_list(authority: Authority, revoked: dict[int, int], number: int) -> bytes:
    """A PEM CRL (RFC 5280, 5) of these serials and the Unix seconds since when; ``number`` grows each time.

    It is valid as long as the CA: a list that ended sooner would lock out every door when nobody renews it.
    """
    ca = x509.load_der_x509_certificate(authority.certificate)
    ca_key = authority.signing_key()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(ca.not_valid_before_utc)
        .next_update(ca.not_valid_after_utc)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    for serial, since_s in revoked.items():
        entry = x509.RevokedCertificateBuilder().serial_number(serial)
        since = datetime.fromtimestamp(since_s, UTC)
        builder = builder.add_revoked_certificate(entry.revocation_date(since).build())
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM)
