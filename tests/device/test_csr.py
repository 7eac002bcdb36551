"""The door's certificate requests and private keys, as `cryptography` and mbedTLS read them."""

import datetime
import json
import random
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from support.p256 import SCRIPTS, N, answers, b32, both, octets, public_of
from support.pki import Authority

SEED = 20261125


@both
def test_certificate_requests(device, interpreter):
    names = ["d", "door 0a1b2c3d", "Tür 3 — 大門", "x" * 64, "ü" * 32]
    d = random.Random(SEED).randrange(1, N)
    public = public_of(d)
    found = answers(device, [("request", b32(d), public, name.encode()) for name in names], interpreter)
    for name, encoded in zip(names, found, strict=True):
        asked = x509.load_der_x509_csr(encoded)
        assert asked.is_signature_valid and asked.public_bytes(serialization.Encoding.DER) == encoded
        assert [(one.oid, one.value) for one in asked.subject] == [(NameOID.COMMON_NAME, name)]
        utf8 = name.encode()
        assert asked.subject.public_bytes().endswith(bytes((0x0C, len(utf8))) + utf8)
        assert isinstance(asked.signature_hash_algorithm, hashes.SHA256)
        assert octets(asked.public_key()) == public
        assert list(asked.attributes) == [] and list(asked.extensions) == []
        assert asked.tbs_certrequest_bytes.endswith(b"\xa0\x00")
    (other,) = answers(device, [("request", b32(d), public_of(d - 1), b"door")], interpreter)
    assert not x509.load_der_x509_csr(other).is_signature_valid


@both
def test_private_keys(device, interpreter):
    for d in (1, random.Random(SEED).randrange(1, N)):
        (encoded,) = answers(device, [("private_key", b32(d), public_of(d))], interpreter)
        key = serialization.load_der_private_key(encoded, None)
        assert key.private_numbers().private_value == d and key.curve.name == "secp256r1"
        form = serialization.PrivateFormat.TraditionalOpenSSL
        assert key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption()) == encoded


def test_tls_with_a_certificate_issued_from_a_request(device, tmp_path):
    """The server asks for a certificate, and gets the one that was made from the door's request."""
    d = random.Random(SEED).randrange(1, N)
    (encoded,) = answers(device, [("request", b32(d), public_of(d), b"0a1b2c3d")])
    authority = Authority()
    certificate = issued(x509.load_der_x509_csr(encoded), authority).public_bytes(serialization.Encoding.DER)
    chain, key = authority.server().write(tmp_path, "server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(cadata=authority.pair.certificate_der)
    context.verify_mode = ssl.CERT_REQUIRED
    seen = []

    def serve(listener):
        with listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as secure:
            if secure.recv(5) == b"hello":
                seen.append(secure.getpeercert(True))
                secure.sendall(b"known")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        server = threading.Thread(target=serve, args=[listener])
        server.start()
        given = {
            "d": b32(d).hex(), "certificate": certificate.hex(), "port": listener.getsockname()[1],
            "authority": authority.pair.certificate_der.hex(),
        }  # fmt: skip
        done = device.run(SCRIPTS / "crypto_p256_tls.py", heap="512k", stdin=json.dumps(given))
        server.join()
    assert done.stdout == "heard\n" and seen == [certificate]


def issued(asked, authority):
    """A certificate of one day for what was asked."""
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(authority.pair.certificate.subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(authority.pair.key, hashes.SHA256())
    )
