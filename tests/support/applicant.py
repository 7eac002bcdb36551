"""The board's side of an enrolment by ``cryptography``, for tests of the host; independent of both sides."""

import hashlib
import hmac
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from altgate.protocol import provisioning as p
from altgate.provision.ticket import Ticket, read
from altgate.registry import doors, enrolments
from altgate.registry.site import Site

OF_TICKET = (
    p.DOOR_ID, p.ZONE, p.BROKER_HOST, p.BROKER_PORT, p.BROKER_NAME, p.CA, p.ORIGIN, p.TICKET_ID,
    p.TICKET_SECRET, p.EXPIRES,
)  # fmt: skip
START = 1767225600


def _hkdf(secret: bytes, salt: bytes | None, info: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(secret)


class Applicant:
    """A board that has taken a ticket. ``key`` is its own; ``changes`` go into its request."""

    def __init__(self, ticket: Ticket, given: bytes | None = None, **changes: Any) -> None:
        self.ticket, fields = ticket, ticket.fields
        share, self.private = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        point = share.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        server = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), fields[p.SERVER_KEY])
        digest = hashlib.sha256(given or ticket.given).digest()
        agreed = share.exchange(ec.ECDH(), server)
        self.key = _hkdf(agreed, digest, b"altgate/board/1" + point + fields[p.SERVER_KEY], 32)
        called = changes.pop("common_name", ticket.door_id)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.private, SHA256())
        said = {
            p.DOOR_ID: ticket.door_id, p.TICKET_ID: ticket.ticket_id, p.GIVEN_HASH: digest, p.SHARE: point,
            p.REQUEST: request.public_bytes(Encoding.DER), p.HARDWARE_ID: "a17e9a7e0001", p.FIRMWARE: "0.1.0",
            p.BUILD: "development", p.BOARD_NAME: "of a test",
        }  # fmt: skip
        said |= {getattr(p, name): value for name, value in changes.items()}
        record = cbor2.dumps(said, canonical=True)
        mac = hmac.digest(_hkdf(self.key, None, b"altgate/enrol", 32), record, hashlib.sha256)
        self.request = cbor2.dumps([record, mac], canonical=True)

    def told(self, admission: bytes) -> dict[int, Any]:
        """What an admission holds; raises InvalidTag where it is for another board."""
        bound = [b"altgate/admission/1", self.ticket.door_id.encode(), self.ticket.ticket_id]
        content = AESSIV(_hkdf(self.key, None, b"altgate/admission/1", 64)).decrypt(admission, bound)
        told = cbor2.loads(content)
        assert isinstance(told, dict)
        return told

    def identity(self, admission: bytes) -> bytes:
        """The map that the door keeps then, encoded."""
        told = self.told(admission)
        del told[p.JOURNAL_KEY]
        key = self.private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        fields = {name: self.ticket.fields[name] for name in OF_TICKET} | told
        fields |= {p.DOOR_KEY: self.key, p.PRIVATE_KEY: key, p.WIFI_SSID: "", p.WIFI_PASSWORD: ""}
        return cbor2.dumps(fields | {p.TIME: START}, canonical=True)


def admitted(site: Site, door: str, is_replacing: bool = False) -> tuple[Applicant, bytes]:
    """A board that was made this door in the register, and its admission."""
    with site.write() as session:
        found = doors.find(session, door)
        broker = ("localhost", 8883)
        ticket = read(enrolments.issue_ticket(site, session, found, broker, 14, is_replacing))
        board = Applicant(ticket)
        row = enrolments.take(site, session, found, board.request)
        return board, enrolments.admit(site, session, found, row)
