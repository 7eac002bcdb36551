"""Doors, their zones, and the numbered operations that change what a door knows."""

import secrets
from collections.abc import Iterator

import cbor2
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.consent import states
from altgate.errors import Refused
from altgate.keys import derive
from altgate.ledger import chain
from altgate.protocol import limits, messages, reasons
from altgate.registry import periods, settings, time_zone
from altgate.registry.models import (
    Building,
    Command,
    Consent,
    Door,
    DoorOperation,
    Notice,
    Schedule,
    Zone,
)
from altgate.registry.site import Site

ZONES = range(256)


def find(session: Session, name: str) -> Door:
    """The door with this id or name; raises Refused where there is none."""
    doors = select(Door).where(Door.removed_at.is_(None))
    door = session.scalars(doors.where((Door.door_id == name) | (Door.name == name))).first()
    if door is None:
        raise Refused(f"No door is called {name!r}: see altgate door list.")
    return door


def present(session: Session) -> list[Door]:
    """All doors that were not removed."""
    return list(session.scalars(select(Door).where(Door.removed_at.is_(None)).order_by(Door.id)))


def key(site: Site, door: Door) -> bytes:
    """The door's 32-byte key, of tags of credentials and passes: it outlives its boards."""
    return site.vault.open(f"door/{door.door_id}", door.sealed_key)


def board_key(site: Site, door: Door, generation: int | None = None) -> bytes:
    """The 32-byte key of the board that a door had in a generation; the one in use where none is given."""
    wanted = door.generation if generation is None else generation
    sealed = None
    for first, one in _board_keys(door):
        if first <= wanted:
            sealed = one
    return key(site, door) if sealed is None else site.vault.open(_board_purpose(door), sealed)


def add_board_key(site: Site, door: Door, generation: int, key: bytes) -> None:
    """Expect another board from a generation on."""
    kept = [one for one in _board_keys(door) if one[0] < generation]
    kept.append((generation, site.vault.seal(_board_purpose(door), key)))
    door.board_keys = cbor2.dumps(kept, canonical=True)


def _board_keys(door: Door) -> list[tuple[int, bytes]]:
    return [(first, sealed) for first, sealed in cbor2.loads(door.board_keys)] if door.board_keys else []


def _board_purpose(door: Door) -> str:
    return f"board/{door.door_id}"


def link_key(site: Site, door: Door, direction: str, generation: int | None = None) -> bytes:
    """The key of a door's MACs in one direction, ``up`` or ``down``; in the generation in use, or another."""
    number = door.generation if generation is None else generation
    return derive.link_key(board_key(site, door, number), direction, number)


def journal_key(site: Site, door: Door) -> bytes | None:
    """The first key of the journal on the board that was provisioned last; None where it has none."""
    if door.sealed_journal_key is None:
        return None
    return site.vault.open(f"journal/{door.door_id}", door.sealed_journal_key)


def seal_journal_key(site: Site, door: Door, key: bytes) -> bytes:
    """A journal's first key as the register keeps it."""
    return site.vault.seal(f"journal/{door.door_id}", key)


def zone_key(site: Site, session: Session, number: int) -> bytes:
    """The 16-byte card key of a zone."""
    zone = session.get_one(Zone, number)
    return site.vault.open(f"zone/{number}", zone.sealed_key)


def ensure_zone(site: Site, session: Session, number: int) -> None:
    """Make a zone and its card key, unless it is there."""
    if session.get(Zone, number) is None:
        sealed = site.vault.seal(f"zone/{number}", secrets.token_bytes(16))
        session.add(Zone(number=number, sealed_key=sealed, created_at=now_s(), actor=site.actor))
        session.flush()


def add(site: Site, session: Session, name: str, zone: int, door_id: str | None, legacy: bool) -> Door:
    """Register a door with a new key, and give it the notice and the schedules that are in force.

    Raises Refused for a name or id in use, or a zone above 255.
    """
    _check_new(session, name, zone, door_id)
    ensure_zone(site, session, zone)
    chosen = door_id or secrets.token_hex(limits.DOOR_ID_BYTES)
    sealed = site.vault.seal(f"door/{chosen}", secrets.token_bytes(limits.DOOR_KEY_BYTES))
    door = Door(
        door_id=chosen,
        name=name,
        zone=zone,
        sealed_key=sealed,
        created_at=now_s(),
        actor=site.actor,
        state_version=0,
        base_version=0,
        journal=1,
        acked_sequence=0,
        is_online=False,
    )
    session.add(door)
    session.flush()
    for operation in _first_operations(session):
        operate(site, session, door, operation)
    if legacy:
        change_settings(site, session, door, {settings.LEGACY_UID: 1})
    site.record(session, "door added", chosen)
    return door


def _first_operations(session: Session) -> Iterator[list[object]]:
    """What every door of the building has to know from the start."""
    notice = session.scalars(select(Notice).order_by(Notice.version.desc())).first()
    if notice:
        yield [messages.OP_NOTICE, notice.version, notice.sha256]
    in_use = select(Schedule).where(Schedule.removed_at.is_(None)).order_by(Schedule.number)
    for at, schedule in enumerate(session.scalars(in_use).all()):
        if at == 0:
            zone = session.scalars(select(Building)).one().time_zone
            yield [messages.OP_TIME_ZONE, time_zone.pack(time_zone.table(zone, now_s()))]
        yield [messages.OP_SCHEDULE, schedule.number, periods.pack_lines(schedule.periods)]


def _check_new(session: Session, name: str, zone: int, door_id: str | None) -> None:
    if not name.strip():
        raise Refused('A door needs a name: give one, such as "Front door".')
    if zone not in ZONES:
        raise Refused(f"Zone {zone} does not exist: choose 0 to 255.")
    if any(name in (door.name, door.door_id) for door in present(session)):
        raise Refused(f"A door is called {name!r} already: choose another name.")
    if door_id is None:
        return
    if len(door_id) != 2 * limits.DOOR_ID_BYTES or not set(door_id) <= set("0123456789abcdef"):
        raise Refused(
            f"{door_id!r} is not a door id: write 8 lowercase hexadecimal digits, or leave --id out."
        )
    if session.scalars(select(Door).where(Door.door_id == door_id)).first():
        raise Refused(f"The door id {door_id} was used before: choose another, or leave --id out.")


def remove(site: Site, session: Session, door: Door) -> None:
    """Take a door off the register; its key stays sealed, so that its past events can be checked."""
    door.removed_at = now_s()
    door.is_online = False
    waiting = select(Command).where(Command.door == door.id, Command.result.is_(None))
    for command in session.scalars(waiting):
        command.result, command.finished_at = reasons.TIMED_OUT, now_s()
    lose_board(site, session, door)
    site.record(session, "door removed", door.door_id)


def lose_board(site: Site, session: Session, door: Door, is_told: bool = False) -> None:
    """End every consent that lives on a door's present board, which is removed or replaced by another, or of
    which the door itself told that its list of them is damaged (``is_told``).

    Whether that board erased its templates is unknown from then on, and the record says so.
    """
    if is_told:
        action, actor, by = states.ACTION_DAMAGED, door.door_id, states.DOOR
    else:
        action, actor, by = states.ACTION_LOST, site.actor, states.MANAGER + site.actor
    unconfirmed = select(Consent).where(
        Consent.door == door.id, Consent.erased_at.is_(None), Consent.lost_at.is_(None)
    )
    for consent in session.scalars(unconfirmed.order_by(Consent.id)).all():
        record = chain.record_action(session, site.vault, actor, action, consent.consent.hex())
        states.lose(consent, by, record.received_at)
        if is_told:
            # Should the list be read again one day, nothing in it may hold that has ended here.
            end: list[object] = [messages.OP_END_CONSENT, consent.consent, messages.CONSENT_REVOKED]
            operate(site, session, door, end, actor)


def operate(
    site: Site, session: Session, door: Door, operation: list[object], actor: str | None = None
) -> None:
    """Append one operation to a door's numbered list; ``actor`` where it is not the manager who acts."""
    door.state_version += 1
    session.add(
        DoorOperation(
            door=door.id,
            version=door.state_version,
            operation=cbor2.dumps(operation, canonical=True),
            created_at=now_s(),
            actor=actor or site.actor,
        )
    )


def change_settings(site: Site, session: Session, door: Door, changes: settings.Values) -> None:
    """Change settings of a door; raises Refused for none and for a value out of bounds."""
    if not changes:
        options = ", ".join(setting.option for setting in settings.ALL)
        raise Refused(f"There is nothing to change: give one of {options}.")
    for setting, value in changes.items():
        setting.check(value)
    before = settings.wanted(session, door)
    for setting, value in changes.items():
        if before[setting] != value:
            operate(site, session, door, [messages.OP_SETTING, setting.number, value])
            site.record(session, setting.sentence(value), door.door_id)
