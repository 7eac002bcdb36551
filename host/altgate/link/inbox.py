"""What the host does with a message from a door: check, store, answer. Knows nothing of MQTT."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.errors import BadMessage
from altgate.keys.derive import door_subkey
from altgate.ledger import chain
from altgate.link import sealed, state
from altgate.protocol import limits, messages, reasons, topics
from altgate.registry import commands, doors
from altgate.registry.models import Command, Door, Event
from altgate.registry.site import Site

Answer = tuple[str, dict[int, Any]]  # name of a topic below the door, and the fields
EVENT_FIELDS = {
    "boot": messages.BOOT,
    "kind": messages.KIND,
    "reason": messages.REASON,
    "method": messages.METHOD,
    "credential": messages.CREDENTIAL,
    "resident": messages.RESIDENT,
    "detail": messages.DETAIL,
    "time": messages.TIME,
    "time_quality": messages.TIME_QUALITY,
}


def receive(site: Site, topic: str, data: bytes) -> tuple[Door, list[Answer]]:
    """Handle one message; what it changes is on the disk when this returns the answers.

    Raises BadMessage for a message that is dropped; nothing is changed then.
    """
    try:
        door_id, name = topics.split(topic)
    except ValueError:
        raise BadMessage(reasons.UNKNOWN_TOPIC, "not a topic of a door") from None
    with site.write() as session:
        door = session.scalars(select(Door).where(Door.door_id == door_id, Door.removed_at.is_(None))).first()
        if door is None:
            raise BadMessage(reasons.UNKNOWN_TOPIC, f"door {door_id} is not on the register")
        if name == topics.UP_STATUS:
            door.is_online = data == topics.STATUS_ONLINE
            return door, []
        handler = _HANDLERS.get(name)
        if handler is None:
            raise BadMessage(reasons.UNKNOWN_TOPIC, "not a message that a door sends")
        content = sealed.open_sealed(door_subkey(doors.key(site, door), "up"), topic, data)
        answers = handler(site, session, door, content, data)
    return door, answers


def _hello(_site: Site, session: Session, door: Door, content: dict[int, Any], _data: bytes) -> list[Answer]:
    boot = sealed.number(content, messages.BOOT)
    epoch = sealed.octets(content, messages.EPOCH, limits.EPOCH_BYTES)
    nonce = sealed.octets(content, messages.NONCE, limits.NONCE_BYTES)
    version = sealed.number(content, messages.STATE_VERSION, 64)
    if door.boot is not None and (boot < door.boot or (boot == door.boot and epoch != door.epoch)):
        raise BadMessage(reasons.STALE_EPOCH, "a hello of an earlier boot")
    door.boot, door.epoch, door.last_hello_at = boot, epoch, now_s()
    door.firmware, door.build = sealed.text(content, messages.FIRMWARE), sealed.text(content, messages.BUILD)
    _applied(session, door, version)
    welcome = {messages.NONCE: nonce, messages.EPOCH: epoch, messages.TIME: now_s()}
    return [(topics.DOWN_WELCOME, welcome), _ack(door)]


def _applied(session: Session, door: Door, version: int) -> None:
    door.applied_version = version
    if version > door.state_version:
        state.rebase(session, door, version)


def _ack(door: Door) -> Answer:
    return topics.DOWN_ACK, {messages.EPOCH: door.epoch, messages.SEQUENCE: door.acked_sequence}


def _event(site: Site, session: Session, door: Door, content: dict[int, Any], data: bytes) -> list[Answer]:
    sequence = sealed.number(content, messages.SEQUENCE)
    fields = {
        name: sealed.number(content, key, messages.DETAIL_BITS if key == messages.DETAIL else 32)
        for name, key in EVENT_FIELDS.items()
    }
    same = select(Event).where(Event.door_id == door.door_id, Event.journal == door.journal)
    known = session.scalars(same.where(Event.sequence == sequence)).first()
    if known is None:
        event = Event(door_id=door.door_id, journal=door.journal, sequence=sequence, message=data, **fields)
        chain.append(session, site.vault, event)
        session.flush()
    elif any(getattr(known, name) != value for name, value in fields.items()):
        raise BadMessage(reasons.BAD_SHAPE, f"sequence {sequence} came before with other content")
    newer = same.where(Event.sequence > door.acked_sequence).order_by(Event.sequence)
    for event in session.scalars(newer):
        if event.sequence != door.acked_sequence + 1:
            break
        door.acked_sequence += 1
    is_state = fields["kind"] == messages.KIND_STATE and fields["boot"] == door.boot
    if is_state and fields["detail"] > (door.applied_version or 0):
        _applied(session, door, fields["detail"])
    return [_ack(door)] if door.epoch else []


def _reply(_site: Site, session: Session, door: Door, content: dict[int, Any], _data: bytes) -> list[Answer]:
    request = sealed.number(content, messages.REQUEST)
    result = sealed.number(content, messages.RESULT)
    if content.get(messages.EPOCH, door.epoch) != door.epoch:
        raise BadMessage(reasons.STALE_EPOCH, "a reply of an earlier boot")
    if messages.STATE_VERSION in content:
        _applied(session, door, sealed.number(content, messages.STATE_VERSION, 64))
    command = session.get(Command, request // 2)
    if command is None or command.door != door.id or command.result is not None:
        return []
    is_challenge = request % 2 == 0
    if not is_challenge or result != reasons.DONE:
        commands.finish(command, result)
        return []
    if command.expires_at < now_s():
        commands.finish(command, reasons.TIMED_OUT)
        return []
    challenge = sealed.octets(content, messages.CHALLENGE, limits.NONCE_BYTES)
    return [
        (
            topics.DOWN_COMMAND,
            {
                messages.EPOCH: door.epoch,
                messages.REQUEST: request + 1,
                messages.VERB: command.verb,
                messages.CHALLENGE: challenge,
            },
        )
    ]


Handler = Callable[[Site, Session, Door, dict[int, Any], bytes], list[Answer]]
_HANDLERS: dict[str, Handler] = {topics.UP_HELLO: _hello, topics.UP_EVENT: _event, topics.UP_REPLY: _reply}


def due_commands(site: Site) -> list[tuple[Door, Answer]]:
    """First steps of commands not sent yet: each asks its door for a challenge. Late ones end instead."""
    due: list[tuple[Door, Answer]] = []
    with site.write() as session:
        for command in commands.open_commands(session):
            door = session.get_one(Door, command.door)
            if command.expires_at < now_s():
                commands.finish(command, reasons.TIMED_OUT)
            elif not command.is_sent and door.epoch:
                command.is_sent = True
                due.append(
                    (
                        door,
                        (
                            topics.DOWN_COMMAND,
                            {
                                messages.EPOCH: door.epoch,
                                messages.REQUEST: 2 * command.id,
                                messages.VERB: messages.VERB_CHALLENGE,
                            },
                        ),
                    )
                )
    return due
