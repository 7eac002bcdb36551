"""The revocation list that the broker reads, so that a removed door's certificate stops working."""

from pathlib import Path

from cryptography import x509
from sqlalchemy import select

from altgate.clock import now_s
from altgate.errors import SiteUnusable
from altgate.keys.authority import revocation_list
from altgate.keys.vault import replace_private
from altgate.registry.models import Door, RevokedCertificate
from altgate.registry.site import CRL, PKI, Site


def refresh(site: Site) -> Path:
    """Write the list anew with every certificate of every removed door, and those that were revoked one by
    one; returns its path.

    Raises SiteUnusable where it cannot be written.
    """
    path = site.data / PKI / CRL
    authority = site.authority()
    # The write lock keeps two lists in the order of what they say.
    with site.write() as session:
        doors = session.scalars(select(Door).where(Door.removed_at.is_not(None)))
        removed = {door.door_id: door.removed_at or 0 for door in doors}
        revoked = {serial: removed[name] for serial, name in authority.serials(set(removed))}
        for one in session.scalars(select(RevokedCertificate)):
            revoked.setdefault(int(one.serial, 16), one.revoked_at)
        try:
            replace_private(path, revocation_list(authority, revoked, max(_number(path) + 1, now_s())))
        except OSError as error:
            raise SiteUnusable(
                f"{path} cannot be written ({error.strerror}), so removed doors keep their certificates: "
                "make room or give access, then start altgate serve, which writes it again."
            ) from None
    return path


def _number(path: Path) -> int:
    """The number of the list that is there, 0 for none."""
    if not path.exists():
        return 0
    present = x509.load_pem_x509_crl(path.read_bytes())
    return present.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
