"""What a door is given: its keys, its certificate, and where its broker and network are."""

import secrets
from dataclasses import dataclass

import cbor2
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.keys.authority import ends_at, issue
from altgate.protocol import limits, provisioning
from altgate.registry import doors
from altgate.registry.models import Building, Door
from altgate.registry.site import Site


@dataclass(frozen=True)
class Network:
    """The broker's address and the Wi-Fi; an empty SSID where the board needs none."""

    broker_host: str
    broker_port: int
    ssid: str
    password: str

    def __repr__(self) -> str:
        return f"Network({self.broker_host}:{self.broker_port}, {self.ssid})"


@dataclass(frozen=True)
class Given:
    """What a board is given: ``payload`` is CBOR. The rest is for the register once the board has it."""

    payload: bytes
    generation: int
    sealed_journal_key: bytes
    certificate_until: int


def build(site: Site, session: Session, door: Door, network: Network) -> Given:
    """The payload; makes a new client certificate, whose name is the door's id, and a key for the journal.
    Changes nothing in the register."""
    authority = site.authority()
    identity = issue(authority, door.door_id, days=limits.CERTIFICATE_DAYS)
    broker_name = session.scalars(select(Building)).one().broker_name
    journal_key = secrets.token_bytes(limits.DOOR_KEY_BYTES)
    generation = _generation(door)
    payload = cbor2.dumps(
        {
            provisioning.DOOR_ID: door.door_id,
            provisioning.DOOR_KEY: doors.key(site, door),
            provisioning.ZONE: door.zone,
            provisioning.ZONE_KEY: doors.zone_key(site, session, door.zone),
            provisioning.BROKER_HOST: network.broker_host,
            provisioning.BROKER_PORT: network.broker_port,
            provisioning.BROKER_NAME: broker_name,
            provisioning.CA: authority.certificate,
            provisioning.CERTIFICATE: identity.certificate,
            provisioning.PRIVATE_KEY: identity.key,
            provisioning.WIFI_SSID: network.ssid,
            provisioning.WIFI_PASSWORD: network.password,
            provisioning.TIME: now_s(),
            # Another board of this door speaks under keys of its own: what went before means nothing there.
            provisioning.GENERATION: generation,
            provisioning.JOURNAL_KEY: journal_key,
        },
        canonical=True,
    )
    sealed = doors.seal_journal_key(site, door, journal_key)
    return Given(payload, generation, sealed, ends_at(identity.certificate))


def _generation(door: Door) -> int:
    # A renewal that is under way may be in use there already.
    return door.generation + 1 + bool(door.sealed_renewal) if door.provisioned_at else 0


def mark_done(site: Site, session: Session, door: Door, given: Given) -> None:
    """Expect a board with an empty journal and an empty state from now on, and with what it was given."""
    door.generation, door.sealed_renewal = given.generation, None
    door.certificate_until, door.sealed_journal_key = given.certificate_until, given.sealed_journal_key
    if door.provisioned_at:
        door.journal += 1
        # What was said at the board before this one died with it.
        doors.lose_board(site, session, door)
    door.acked_sequence, door.boot, door.epoch, door.applied_version = 0, None, None, None
    door.provisioned_at = now_s()
    site.record(session, "door provisioned", door.door_id)
