"""Installation tickets: what a laptop needs to make a bare board one door, and nothing that opens one.

A ticket's text is ``ALTGATE:1:`` and what provision.signed makes of its fields.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from altgate.clock import now_s, to_text
from altgate.errors import Refused
from altgate.keys.authority import Authority
from altgate.protocol import provisioning as p
from altgate.provision import signed

PREFIX = "ALTGATE:1:"
SIGNED = b"altgate/ticket/1"
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
    return signed.write(authority, PREFIX, SIGNED, fields)


def read(text: str) -> Ticket:
    """The ticket in a text; raises Refused for one that is damaged or altered."""
    return Ticket(*signed.read(text, PREFIX, SIGNED, _KINDS, "ticket", _ANOTHER))
