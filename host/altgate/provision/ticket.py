"""Installation tickets: what a laptop needs to make a bare board one door, and nothing that opens one.

A ticket is ``ALTGATE:1:`` + base32 of a CBOR array of its fields, encoded, and of the signature of the
building's CA over them. The text fits a file, a QR code, and what a hand scanner types.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from altgate.clock import now_s, to_text
from altgate.errors import BadMessage, Refused
from altgate.keys.authority import Authority
from altgate.plain_cbor import decode
from altgate.protocol import provisioning as p

PREFIX = "ALTGATE:1:"
SIGNED = b"altgate/ticket/1"
TEXT_MOST = 8192
_KINDS: dict[int, type] = {
    p.DOOR_ID: str,
    p.ZONE: int,
    p.BROKER_HOST: str,
    p.BROKER_PORT: int,
    p.BROKER_NAME: str,
    p.CA: bytes,
    p.CERTIFICATE: bytes,
    p.PRIVATE_KEY: bytes,
    p.ORIGIN: str,
    p.TICKET_ID: bytes,
    p.TICKET_SECRET: bytes,
    p.SERVER_KEY: bytes,
    p.EXPIRES: int,
    p.BUILDING: str,
    p.DOOR_NAME: str,
}
_ANOTHER = "ask the manager for another one: altgate ticket issue."


@dataclass(frozen=True)
class Ticket:
    """A ticket whose signature was checked. ``given`` is what the board gets of it."""

    given: bytes
    fields: dict[int, Any]

    def __repr__(self) -> str:
        return f"Ticket({self.fields[p.DOOR_ID]})"

    @property
    def ticket_id(self) -> bytes:
        """By which board and register name it."""
        return bytes(self.fields[p.TICKET_ID])

    @property
    def secret(self) -> bytes:
        """Opens the line of a board that waits with this ticket."""
        return bytes(self.fields[p.TICKET_SECRET])

    @property
    def door_id(self) -> str:
        """The door that the board is to become."""
        return str(self.fields[p.DOOR_ID])

    @property
    def door_name(self) -> str:
        """Its name for people."""
        return str(self.fields[p.DOOR_NAME])

    @property
    def building(self) -> str:
        """The building's name."""
        return str(self.fields[p.BUILDING])

    @property
    def expires(self) -> int:
        """Unix seconds."""
        return int(self.fields[p.EXPIRES])

    def authority(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the CA's certificate."""
        return hashlib.sha256(self.fields[p.CA]).hexdigest()[:16]

    def check_time(self) -> None:
        """Raise Refused for a ticket that has expired, by this computer's clock."""
        if now_s() > self.expires:
            raise Refused(
                f"The ticket for {self.door_name} expired at {to_text(self.expires)}: check this computer's "
                f"clock, or {_ANOTHER}"
            )


def encode(authority: Authority, fields: dict[int, Any]) -> str:
    """The text of a ticket with these fields."""
    given = cbor2.dumps(fields, canonical=True)
    signature = authority.signing_key().sign(SIGNED + given, ec.ECDSA(hashes.SHA256()))
    whole = cbor2.dumps([given, signature], canonical=True)
    return PREFIX + base64.b32encode(whole).decode().rstrip("=")


def read(text: str) -> Ticket:
    """The ticket in a text; raises Refused for one that is damaged or altered."""
    damaged = Refused(f"This is no ticket of altgate, or part of it is missing: copy it whole, or {_ANOTHER}")
    text = "".join(text.split())
    if not text.startswith(PREFIX) or len(text) > TEXT_MOST:
        raise damaged
    digits = text[len(PREFIX) :]
    try:
        given, signature = decode(base64.b32decode(digits + "=" * (-len(digits) % 8)))
        fields = decode(given)
        if {key: type(value) for key, value in fields.items()} != _KINDS:
            raise damaged
        key = x509.load_der_x509_certificate(fields[p.CA]).public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise damaged
        key.verify(signature, SIGNED + given, ec.ECDSA(hashes.SHA256()))
    except (BadMessage, binascii.Error, ValueError, TypeError, AttributeError):
        raise damaged from None
    except (UnsupportedAlgorithm, x509.InvalidVersion):
        # A certificate of some other kind than altgate's.
        raise damaged from None
    except InvalidSignature:
        raise Refused(
            f"The ticket was altered: its building's signature is not over what it says; {_ANOTHER}"
        ) from None
    return Ticket(given, fields)
