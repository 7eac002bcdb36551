"""Households: the residents of one unit, as a number that says nothing of it to a door."""

import secrets

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.registry.models import Household, Resident
from altgate.registry.site import Site


def of(session: Session, resident: Resident) -> Household:
    """The household of a resident who was not removed."""
    return session.scalars(_living(resident.unit)).one()


def ensure(site: Site, session: Session, unit: str) -> Household:
    """The household of a unit; made where nobody lives there yet."""
    found = session.scalars(_living(unit)).first()
    if found is not None:
        return found
    number = 0
    while not number or session.get(Household, number) is not None:
        number = secrets.randbits(32)
    made = Household(number=number, unit=unit, created_at=now_s(), actor=site.actor)
    session.add(made)
    session.flush()
    return made


def end_if_empty(session: Session, unit: str) -> None:
    """End a unit's household with its last resident: who moves in next is another, to the doors too."""
    session.flush()
    here = select(Resident).where(Resident.unit == unit, Resident.removed_at.is_(None))
    if session.scalars(here).first() is None:
        for household in session.scalars(_living(unit)):
            household.removed_at = now_s()


def _living(unit: str) -> Select[Household]:
    return select(Household).where(Household.unit == unit, Household.removed_at.is_(None))
