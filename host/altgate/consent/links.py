"""A resident's own page: a link from the manager opens it once, a cookie keeps it open in that browser.

Neither is kept here, only its SHA-256: 32 random bytes need no slower hash, and finding a hash in the table
tells no time that would help to guess one.
"""

import hashlib
import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.consent import states
from altgate.errors import Refused
from altgate.ledger import chain
from altgate.registry.models import PageSession, Resident, ResidentLink
from altgate.registry.site import Site

HOURS = 72
HOURS_MAX = 24 * 30
SESSION_S = 30 * 86400


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def make(site: Site, session: Session, resident: Resident, hours: int = HOURS) -> str:
    """The token of a new link; unused ones of this resident stop working. Raises Refused for bad hours."""
    if not 1 <= hours <= HOURS_MAX:
        raise Refused(f"--hours {hours} is outside 1 to {HOURS_MAX}: choose a number between.")
    unused = ResidentLink.resident == resident.pseudonym, ResidentLink.used_at.is_(None)
    session.execute(delete(ResidentLink).where(*unused))
    token = secrets.token_urlsafe(32)
    session.add(
        ResidentLink(
            resident=resident.pseudonym,
            token_hash=_hash(token),
            expires_at=now_s() + hours * 3600,
            created_at=now_s(),
            actor=site.actor,
        )
    )
    site.record(session, "page link made", str(resident.pseudonym))
    return token


def redeem(site: Site, session: Session, token: str) -> tuple[Resident, str, int]:
    """``(resident, cookie, expires_at)`` of a link used for the first time; needs a session that writes.

    It ends that resident's page in every other browser, so that a lost phone is answered by a new link.
    Raises Refused for a link that is unknown, used, expired or replaced.
    """
    link = session.scalars(select(ResidentLink).where(ResidentLink.token_hash == _hash(token))).first()
    if link is None:
        raise Refused("This link is not valid: ask the manager for a new one.")
    if link.used_at is not None:
        raise Refused("This link was used already: ask the manager for a new one.")
    if link.expires_at <= now_s():
        raise Refused("This link has expired: ask the manager for a new one.")
    resident = session.get_one(Resident, link.resident)
    if resident.removed_at is not None:
        raise Refused("This link is not valid: ask the manager for a new one.")
    link.used_at = now_s()
    session.execute(delete(PageSession).where(PageSession.resident == resident.pseudonym))
    cookie, expires_at = secrets.token_urlsafe(32), now_s() + SESSION_S
    session.add(
        PageSession(
            resident=resident.pseudonym,
            cookie_hash=_hash(cookie),
            expires_at=expires_at,
            created_at=now_s(),
        )
    )
    who = str(resident.pseudonym)
    chain.record_action(session, site.vault, f"{states.RESIDENT}:{who}", "page opened", who)
    return resident, cookie, expires_at


def of_cookie(session: Session, cookie: str) -> Resident | None:
    """The resident whose page is open under this cookie, None for any other or an expired one."""
    opened = session.scalars(select(PageSession).where(PageSession.cookie_hash == _hash(cookie))).first()
    if opened is None or opened.expires_at <= now_s():
        return None
    resident = session.get_one(Resident, opened.resident)
    return resident if resident.removed_at is None else None


def end_session(session: Session, cookie: str) -> None:
    """Close the page that is open under this cookie; does nothing for any other."""
    session.execute(delete(PageSession).where(PageSession.cookie_hash == _hash(cookie)))


def forget(session: Session, resident: Resident) -> None:
    """Stop every link and close every page of a resident who leaves."""
    session.execute(delete(ResidentLink).where(ResidentLink.resident == resident.pseudonym))
    session.execute(delete(PageSession).where(PageSession.resident == resident.pseudonym))
