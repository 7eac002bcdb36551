"""Rights to speak with a door on its serial line. The register keeps nothing of them but the audit."""

import hashlib
import hmac

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.errors import Refused
from altgate.keys.derive import door_subkey
from altgate.protocol import provisioning
from altgate.provision import access as accesses
from altgate.provision.access import Access
from altgate.registry import doors
from altgate.registry.models import Building, Door
from altgate.registry.site import Site

HOUR_S = 3600
HOURS = range(1, 24 * 14 + 1)


def grant(site: Site, session: Session, door: Door, scope: int, hours: int = 1) -> Access:
    """A right to speak with a door's present board, recorded in the audit; raises Refused."""
    if hours not in HOURS:
        raise Refused(f"--hours {hours} is outside 1 to {HOURS.stop - 1}: choose a number within.")
    if not door.provisioned_at:
        raise Refused(f"{door.name} has no board yet: altgate ticket issue.")
    who = accesses.draw(scope, hours * HOUR_S)
    console_key = door_subkey(doors.board_key(site, door), "console")
    key = hmac.digest(console_key, provisioning.SERVICE + who, hashlib.sha256)
    building = session.scalars(select(Building)).one()
    access = Access(door.door_id, door.name, building.name, who, key)
    subject = f"{door.door_id} {access.service_id.hex()} {','.join(access.scopes())} {hours} h"
    site.record(session, "service granted", subject)
    return access


def text(site: Site, access: Access) -> str:
    """The service ticket by which somebody without the register has that right."""
    return accesses.encode(site.authority(), access)
