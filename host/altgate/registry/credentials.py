"""Cards, UID-only cards and PINs: rules, and the operations that take them to the doors."""

import secrets
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.errors import Refused
from altgate.keys.derive import credential_tag
from altgate.protocol import limits, messages
from altgate.registry import doors as door_registry
from altgate.registry import households
from altgate.registry.models import Credential, CredentialDoor, Door, Resident, Schedule
from altgate.registry.site import Site

TYPE_NAMES = {messages.TYPE_CARD: "card", messages.TYPE_LEGACY_UID: "legacy-uid", messages.TYPE_PIN: "pin"}
UID_BYTES = {messages.TYPE_CARD: (7,), messages.TYPE_LEGACY_UID: (4, 7, 10)}


@dataclass(frozen=True)
class Terms:
    """What a credential is bound to beside its dates.

    uses: how often each door accepts it, 0 for any number. is_dual: it opens only together with another
    credential of its resident. schedule: None for any hour.
    """

    uses: int = 0
    is_dual: bool = False
    schedule: Schedule | None = None

    @property
    def rule(self) -> int:
        """The code that doors and the register have for it."""
        return messages.RULE_DUAL if self.is_dual else messages.RULE_SINGLE

    def check(self) -> None:
        """Raise Refused for what a door could not keep to."""
        if not 0 <= self.uses <= limits.USES:
            raise Refused(f"--uses {self.uses} is outside 0 to {limits.USES}: choose 0 for any number.")
        if self.uses and self.is_dual:
            # Whether a first half that is never completed has spent a use, nobody would expect alike.
            raise Refused(
                "A credential with --dual cannot have a number of uses: leave out --uses, or bound it with "
                "--until."
            )


UNBOUND = Terms()


def find(session: Session, number: int) -> Credential:
    """A credential that is not revoked; raises Refused where there is none."""
    credential = session.get(Credential, number)
    if credential is None or credential.revoked_at:
        raise Refused(f"No credential {number} is in use: see altgate credential list.")
    return credential


def uid_value(kind: int, text: str) -> bytes:
    """A card's UID from hexadecimal digits, with or without colons; raises Refused for any other length."""
    try:
        value = bytes.fromhex(text.replace(":", "").replace(" ", ""))
    except ValueError:
        value = b""
    if len(value) not in UID_BYTES[kind]:
        sizes = " or ".join(str(2 * size) for size in UID_BYTES[kind])
        raise Refused(f"{text!r} is not the UID of such a card: write its {sizes} hexadecimal digits.")
    return value


def check_pin(pin: str) -> None:
    """Raise Refused for a PIN that is too short, too long, not digits, or one digit repeated."""
    if len(pin) < limits.PIN_DIGITS_MIN:
        raise Refused(
            f"The PIN is too short: choose at least {limits.PIN_DIGITS_MIN} digits, or use --generate."
        )
    if len(pin) > limits.PIN_DIGITS_MAX or not (pin.isascii() and pin.isdigit()):
        raise Refused(
            f"The PIN must be {limits.PIN_DIGITS_MIN} to {limits.PIN_DIGITS_MAX} digits: choose another."
        )
    if len(set(pin)) == 1:
        raise Refused("The PIN repeats one digit: choose another, or use --generate.")


def generate_pin() -> str:
    """Random digits, of the length that a short PIN may have."""
    pin = "0"
    while len(set(pin)) == 1:
        pin = "".join(secrets.choice("0123456789") for _ in range(limits.PIN_DIGITS_MIN))
    return pin


def add(
    site: Site,
    session: Session,
    kind: int,
    value: bytes,
    resident: Resident,
    doors: list[Door],
    validity: tuple[int, int],
    terms: Terms = UNBOUND,
) -> Credential:
    """Add a credential for these doors; raises Refused for duplicates, full doors and impossible terms."""
    terms.check()
    if not doors or len({door.id for door in doors}) != len(doors):
        raise Refused("Name each door once with --door: a credential without a door opens nothing.")
    if kind == messages.TYPE_PIN and len(doors) > 1:
        raise Refused("A PIN belongs to one door only: set another PIN for each other door.")
    if kind == messages.TYPE_CARD and len({door.zone for door in doors}) > 1:
        raise Refused("A card holds one zone's key: name doors of that zone, and use another card elsewhere.")
    fingerprint = site.vault.fingerprint("credential", _family(kind) + value)
    _check_new(session, kind, fingerprint, doors)
    credential = Credential(
        resident=resident.pseudonym,
        type=kind,
        fingerprint=fingerprint,
        not_before=validity[0],
        not_after=validity[1],
        rule=terms.rule,
        uses=terms.uses,
        schedule=terms.schedule.id if terms.schedule else None,
        created_at=now_s(),
        actor=site.actor,
    )
    session.add(credential)
    session.flush()
    household = households.of(session, resident).number
    for door in doors:
        tag = credential_tag(door_registry.key(site, door), kind, value)
        session.add(
            CredentialDoor(
                credential=credential.id, door=door.id, tag=tag, created_at=now_s(), actor=site.actor
            )
        )
        door_registry.operate(
            site,
            session,
            door,
            [
                messages.OP_PUT,
                credential.id,
                kind,
                tag,
                *validity,
                int(resident.unit),
                resident.pseudonym,
                household,
                terms.rule,
                terms.schedule.number if terms.schedule else 0,
                terms.uses,
            ],
        )
    session.flush()
    site.record(session, f"{TYPE_NAMES[kind]} added", str(credential.id))
    return credential


def _family(kind: int) -> bytes:
    """A UID is one card, whichever way it is read."""
    return b"pin" if kind == messages.TYPE_PIN else b"uid"


def _check_new(session: Session, kind: int, fingerprint: bytes, doors: list[Door]) -> None:
    for known in session.scalars(select(Credential).where(Credential.fingerprint == fingerprint)):
        if kind != messages.TYPE_PIN and known.revoked_at is None:
            raise Refused(f"This card is credential {known.id} already: revoke that one first.")
        if kind == messages.TYPE_PIN:
            if any(link.door != doors[0].id for link in known.doors):
                raise Refused("This PIN is or was in use at another door: choose another, or use --generate.")
            if known.revoked_at is None:
                raise Refused("This PIN is in use at this door already: choose another, or use --generate.")
    for door in doors:
        live = select(func.count()).select_from(CredentialDoor).join(Credential)
        count = session.scalar(live.where(CredentialDoor.door == door.id, Credential.revoked_at.is_(None)))
        if (count or 0) >= limits.CREDENTIALS:
            raise Refused(
                f"Door {door.name!r} holds {limits.CREDENTIALS} credentials already: revoke one first."
            )


def revoke(site: Site, session: Session, credential: Credential) -> None:
    """End a credential at all its doors."""
    credential.revoked_at = now_s()
    for link in credential.doors:
        door = session.get_one(Door, link.door)
        if door.removed_at is None:
            unit = int(session.get_one(Resident, credential.resident).unit)
            operation = [messages.OP_DELETE, credential.id, credential.type, link.tag, unit]
            door_registry.operate(site, session, door, operation)
    site.record(session, f"{TYPE_NAMES[credential.type]} revoked", str(credential.id))
