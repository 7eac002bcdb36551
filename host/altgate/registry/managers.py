"""Managers: the people whose names stand behind every change of the register."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.consent import states
from altgate.errors import Refused
from altgate.registry.models import Manager
from altgate.registry.site import SERVE, Site


def present(session: Session) -> list[Manager]:
    """All managers, the first one first."""
    return list(session.scalars(select(Manager).order_by(Manager.id)))


def check_name(name: str) -> None:
    """Raise Refused for an empty name, and for one that the audit gives to somebody else."""
    if not name.strip():
        raise Refused("A manager needs a name: give one.")
    if name.casefold().startswith(states.RESIDENT + ":"):
        raise Refused(f"{name!r} would read as a resident in the audit: choose another name.")
    if name.casefold() == SERVE:
        raise Refused(f"{name!r} is who the audit names where no manager acted: choose another name.")


def add(site: Site, session: Session, name: str) -> Manager:
    """Register a manager; raises Refused for an empty name and for one in use."""
    check_name(name)
    if any(one.name.casefold() == name.casefold() for one in present(session)):
        raise Refused(f"A manager is called {name!r} already: choose a name that tells them apart.")
    manager = Manager(name=name, created_at=now_s(), actor=site.actor)
    session.add(manager)
    session.flush()
    site.record(session, "manager added", name)
    return manager


def remove(site: Site, session: Session, name: str) -> None:
    """Take a manager off the register; their past changes keep their name. Raises Refused for the last."""
    managers = present(session)
    manager = next((one for one in managers if one.name == name), None)
    if manager is None:
        raise Refused(f"No manager is called {name!r}: see altgate manager list.")
    if len(managers) == 1:
        raise Refused(f"{name} is the only manager: add another with altgate manager add first.")
    site.record(session, "manager removed", name)
    session.delete(manager)
