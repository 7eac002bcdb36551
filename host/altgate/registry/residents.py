"""Residents: a name and a unit here, a pseudonym everywhere else."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.consent import links, records
from altgate.errors import Refused
from altgate.protocol import limits
from altgate.registry import credentials, households, passes
from altgate.registry.models import Credential, Pass, Resident
from altgate.registry.site import Site


def find(session: Session, who: str) -> Resident:
    """The resident with this name or pseudonym; raises Refused for none, or for more than one."""
    people = [r for r in present(session) if who in (r.name, str(r.pseudonym))]
    if not people:
        raise Refused(f"No resident is called {who!r}: see altgate resident list.")
    if len(people) > 1:
        raise Refused(
            f"{len(people)} residents are called {who!r}: give the number from altgate resident list."
        )
    return people[0]


def present(session: Session) -> list[Resident]:
    """All residents who were not removed, by unit."""
    people = select(Resident).where(Resident.removed_at.is_(None))
    return list(session.scalars(people.order_by(Resident.unit, Resident.name)))


def add(site: Site, session: Session, name: str, unit: str) -> Resident:
    """Register a resident, in the household of their unit.

    Raises Refused for an empty name or a unit that is not 1 to 5 digits.
    """
    if not name.strip():
        raise Refused("A resident needs a name: give one.")
    if not (unit.isascii() and unit.isdigit() and len(unit) <= limits.UNIT_DIGITS_MAX):
        raise Refused(f"Unit {unit!r} cannot be typed at a door: write 1 to {limits.UNIT_DIGITS_MAX} digits.")
    # A door reads the unit as a number: 012 and 12 are the same keys to it.
    unit = str(int(unit))
    pseudonym = 0
    while not pseudonym or session.get(Resident, pseudonym) is not None:
        pseudonym = secrets.randbits(32)
    resident = Resident(
        pseudonym=pseudonym,
        name=name,
        unit=unit,
        personal_number=_personal_number(session),
        created_at=now_s(),
        actor=site.actor,
    )
    session.add(resident)
    session.flush()
    households.ensure(site, session, unit)
    site.record(session, "resident added", str(pseudonym))
    return resident


def _personal_number(session: Session) -> int:
    """Six random digits that nobody has or had; the first is no zero, so that it is a number to a door."""
    lowest = int("1".ljust(limits.PERSONAL_NUMBER_DIGITS, "0"))
    while True:
        number = lowest + secrets.randbelow(9 * lowest)
        if session.scalars(select(Resident).where(Resident.personal_number == number)).first() is None:
            return number


def remove(site: Site, session: Session, resident: Resident) -> None:
    """End every consent and credential of a resident, and take them off the list."""
    records.forget(site, session, resident)
    links.forget(session, resident)
    held = select(Credential).where(
        Credential.resident == resident.pseudonym, Credential.revoked_at.is_(None)
    )
    for credential in session.scalars(held).all():
        credentials.revoke(site, session, credential)
    given = select(Pass).where(Pass.resident == resident.pseudonym, Pass.revoked_at.is_(None))
    for one in session.scalars(given).all():
        passes.revoke(site, session, one)
    resident.removed_at = now_s()
    households.end_if_empty(session, resident.unit)
    site.record(session, "resident removed", str(resident.pseudonym))
