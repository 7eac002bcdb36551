"""Service tickets: what opens the serial line of one door for a while, and for how much.

A service ticket's text is ``ALTGATE:S:1:`` and what provision.signed makes of its fields. Whoever has it may
do at that door's cable what its scope says, until it expires; it opens no other door and nothing else.
"""

import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from altgate.clock import now_s, to_text
from altgate.errors import Refused
from altgate.keys.authority import Authority
from altgate.protocol import names, service
from altgate.protocol import provisioning as p
from altgate.provision import signed

PREFIX = "ALTGATE:S:1:"
SIGNED = b"altgate/service-ticket/1"
_KINDS: dict[int, type] = {
    p.DOOR_ID: str,
    p.DOOR_NAME: str,
    p.BUILDING: str,
    p.CA: bytes,
    p.SERVICE_WHO: bytes,
    p.SERVICE_KEY: bytes,
}
_WHO = f">{service.ID_BYTES}sIB"
_ANOTHER = "ask the manager for another one: altgate door service."
_KEY_BYTES = 32


@dataclass(frozen=True)
class Access:
    """The right to speak with one door on its serial line. ``key`` proves ``who``, which says how far."""

    door_id: str
    door_name: str
    building: str
    who: bytes
    key: bytes = field(repr=False)

    @property
    def service_id(self) -> bytes:
        """By which the audit names it."""
        return self.who[: service.ID_BYTES]

    @property
    def expires(self) -> int:
        """Unix seconds."""
        return int(struct.unpack(_WHO, self.who)[1])

    @property
    def scope(self) -> int:
        """Bits of protocol.service."""
        return self.who[-1]

    def scopes(self) -> list[str]:
        """The scope in words."""
        return [name for bit, name in names.SCOPES.items() if self.scope & bit]

    def check_time(self) -> None:
        """Raise Refused for one that has expired, by this computer's clock."""
        if now_s() > self.expires:
            raise Refused(
                f"The service ticket for {self.door_name} expired at {to_text(self.expires)}: check this "
                f"computer's clock, or {_ANOTHER}"
            )


def draw(scope: int, seconds: int) -> bytes:
    """What a new key is for: a service id, when it expires, and its scope."""
    return struct.pack(_WHO, secrets.token_bytes(service.ID_BYTES), now_s() + seconds, scope)


def scope_of(words: Iterable[str]) -> int:
    """The bits of scopes by name; raises Refused for one that there is not, and for none."""
    bits = {name: bit for bit, name in names.SCOPES.items()}
    scope = 0
    for word in words:
        if word not in bits:
            raise Refused(f"There is no scope {word!r}: choose from {', '.join(bits)}.")
        scope |= bits[word]
    if not scope:
        raise Refused(f"A service ticket needs a scope: choose from {', '.join(bits)}.")
    return scope


def encode(authority: Authority, access: Access) -> str:
    """The text of a service ticket."""
    fields = {
        p.DOOR_ID: access.door_id,
        p.DOOR_NAME: access.door_name,
        p.BUILDING: access.building,
        p.CA: authority.certificate,
        p.SERVICE_WHO: access.who,
        p.SERVICE_KEY: access.key,
    }
    return signed.write(authority, PREFIX, SIGNED, fields)


def read(text: str) -> Access:
    """What a service ticket's text gives; raises Refused for one that is damaged, altered or has expired."""
    _, held = signed.read(text, PREFIX, SIGNED, _KINDS, "service ticket", _ANOTHER)
    if len(held[p.SERVICE_WHO]) != service.WHO_BYTES or len(held[p.SERVICE_KEY]) != _KEY_BYTES:
        raise Refused(f"The service ticket is of another version of altgate; {_ANOTHER}")
    access = Access(
        held[p.DOOR_ID], held[p.DOOR_NAME], held[p.BUILDING], held[p.SERVICE_WHO], held[p.SERVICE_KEY]
    )
    access.check_time()
    return access
