"""An opened data directory: database, master key, certificates, and who is acting."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.errors import Refused, SiteUnusable
from altgate.keys.authority import (
    HOST,
    LOCAL_NAMES,
    Authority,
    create_authority,
    issue,
    revocation_list,
)
from altgate.keys.vault import Vault, write_private
from altgate.ledger import chain
from altgate.registry import database, time_zone
from altgate.registry.models import Building, Manager

DATABASE = "altgate.db"
MASTER = "master.key"
PKI = "pki"
PARTS = (PKI, MASTER, DATABASE)  # in the order in which a new building's move into place
AUTHORITY = "authority"
ISSUED = "issued"
CRL = "crl.pem"
UNFINISHED = ".unfinished"
SERVE = "altgate serve"  # as the actor of what no manager asked for


class Site:
    """One building's data directory. Every change goes through ``write`` and carries ``actor``."""

    def __init__(self, data: Path, actor: str | None = None) -> None:
        self.data = data
        if not (data / DATABASE).is_file():
            raise SiteUnusable(
                f"{data} holds no building: run altgate init, or name another place with --data."
            )
        self.vault = Vault.load(data / MASTER)
        self.engine = database.open_engine(data / DATABASE)
        database.migrate(self.engine)
        with self.read() as session:
            names = list(session.scalars(select(Manager.name).order_by(Manager.id)))
        if actor is not None and actor not in names:
            raise Refused(f"No manager is called {actor!r}: use one of {', '.join(names)}.")
        self._actor, self._managers = actor, names

    @property
    def actor(self) -> str:
        """The manager who acts; raises Refused where there are several and none was named."""
        if self._actor is None and len(self._managers) > 1:
            raise Refused(
                f"There are {len(self._managers)} managers: say who acts with --actor or ALTGATE_ACTOR, "
                f"one of {', '.join(self._managers)}."
            )
        return self._actor or self._managers[0]

    def check_actor(self) -> None:
        """Raise Refused as ``actor`` does, before something is done that cannot be undone."""
        _ = self.actor

    def close(self) -> None:
        """Close the database's connections."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one moment of the database."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that holds the write lock; commits at the end, changes nothing on any error."""
        engine = self.engine.execution_options(**{database.WRITE: True})
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def record(self, session: Session, action: str, subject: str) -> None:
        """Chain an action of the current actor."""
        chain.record_action(session, self.vault, self.actor, action, subject)

    def authority(self) -> Authority:
        """The building's CA."""
        folder = self.data / PKI
        certificate = (folder / "ca.der").read_bytes()
        key = self.vault.open(AUTHORITY, (folder / "ca.key.sealed").read_bytes())
        return Authority(certificate, key, folder / ISSUED)


def create(
    data: Path, name: str, origin: str, manager: str, broker_names: tuple[str, ...], zone: str = time_zone.UTC
) -> Site:
    """Set up a building in a data directory, all of it or nothing, however it is interrupted.

    zone: IANA name of the time zone that schedules are judged in.
    Raises Refused where there is one already, SiteUnusable where nothing can be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        _clear_unfinished(data)
        if any((data / part).exists() for part in PARTS):
            raise Refused(f"{data} already holds a building: use it, or name an empty place with --data.")
        draft = data / UNFINISHED
        draft.mkdir(mode=0o700)
        vault = Vault.create(draft / MASTER)
        _create_certificates(draft / PKI, vault, name, broker_names)
        building = Building(
            name=name,
            origin=origin,
            broker_name=broker_names[0],
            time_zone=zone,
            chain_length=0,
            chain_seal=chain.head_seal(vault, 0, chain.GENESIS),
            created_at=now_s(),
        )
        _create_database(draft / DATABASE, vault, building, manager)
        for part in PARTS:
            (draft / part).rename(data / part)
        draft.rmdir()
    except OSError as error:
        raise SiteUnusable(
            f"{data} cannot take a building ({error.strerror}): make it a directory that you may write to, "
            "or name another with --data."
        ) from None
    return Site(data)


def _clear_unfinished(data: Path) -> None:
    """Remove what an interrupted ``create`` left; of a building that was finished, nothing.

    The database moves last, so while it is in the draft, all that stands beside the draft came out of it.
    """
    draft = data / UNFINISHED
    if (draft / DATABASE).exists() and not (data / DATABASE).exists():
        (data / MASTER).unlink(missing_ok=True)
        if (data / PKI).exists():
            shutil.rmtree(data / PKI)
    if draft.exists():
        shutil.rmtree(draft)


def _create_database(path: Path, vault: Vault, building: Building, manager: str) -> None:
    """The database with the building and its first manager."""
    write_private(path, b"")
    engine = database.open_engine(path)
    database.migrate(engine)
    with Session(engine.execution_options(**{database.WRITE: True})) as session, session.begin():
        session.add(building)
        session.add(Manager(name=manager, created_at=now_s(), actor=manager))
        chain.record_action(session, vault, manager, "building created", building.name)
    engine.dispose()


def _create_certificates(folder: Path, vault: Vault, building: str, broker_names: tuple[str, ...]) -> None:
    """The CA (its key sealed), an empty revocation list, and PEM files for the broker and ``serve``."""
    folder.mkdir(mode=0o700)
    authority = create_authority(building, folder / ISSUED)
    write_private(folder / "ca.der", authority.certificate)
    write_private(folder / "ca.pem", authority.certificate_pem())
    write_private(folder / "ca.key.sealed", vault.seal(AUTHORITY, authority.key))
    write_private(folder / CRL, revocation_list(authority, {}, now_s()))
    identities = {
        "broker": issue(authority, broker_names[0], (*broker_names, *LOCAL_NAMES)),
        "host": issue(authority, HOST),
    }
    for name, identity in identities.items():
        write_private(folder / f"{name}.pem", identity.certificate_pem())
        write_private(folder / f"{name}.key", identity.key_pem())
