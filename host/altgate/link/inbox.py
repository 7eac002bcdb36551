"""What the host does with a message from a door: check, store, answer. Knows nothing of MQTT."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cbor2
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.consent import lease, records
from altgate.errors import BadMessage
from altgate.ledger import chain
from altgate.link import consents, renewals, sealed, starts, state
from altgate.link.orders import Answer, Orders
from altgate.protocol import limits, messages, reasons, topics, update
from altgate.registry import doors, enrolments
from altgate.registry.models import Door, Event, Resident
from altgate.registry.site import Site

log = logging.getLogger(__name__)
AHEAD = 64  # generations that a door may be ahead of a register that was put back: more than thirty years
VERSION_BITS = 62  # room for what follows it, in a column of 63
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


@dataclass(frozen=True)
class _Message:
    """A message whose seal was good, and what it touches. is_proved: its door has answered for it since."""

    site: Site
    session: Session
    door: Door
    orders: Orders
    content: dict[int, Any]
    data: bytes
    is_proved: bool = False


def receive(site: Site, orders: Orders, topic: str, data: bytes) -> tuple[Door, list[Answer]]:
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
            if data == topics.STATUS_STUCK:
                log.warning("door %r (%s) cannot open its flash and stays locked", door.name, door.door_id)
            return door, []
        if name == topics.UP_ENROL:
            row = enrolments.take(site, session, door, data)
            return door, [(topics.DOWN_ADMISSION, row.admission)] if row.admission else []
        handler = _HANDLERS.get(name)
        if handler is None:
            raise BadMessage(reasons.UNKNOWN_TOPIC, "not a message that a door sends")
        content = _opened(site, door, name, topic, data)
        answers = handler(_Message(site, session, door, orders, content, data))
    return door, answers


def _opened(site: Site, door: Door, name: str, topic: str, data: bytes) -> dict[int, Any]:
    """The content of a message under the keys in use; of a hello under those it names. Raises BadMessage."""
    generation = door.generation
    if name == topics.UP_HELLO:
        said = sealed.claimed(data, messages.GENERATION)
        if said is not None and 0 <= said <= min(generation + AHEAD, renewals.LAST):
            generation = said
    content = sealed.open_sealed(doors.link_key(site, door, "up", generation), topic, data)
    if name == topics.UP_HELLO and content.get(messages.GENERATION) != generation:
        raise BadMessage(reasons.BAD_SHAPE, "another generation than that of its keys")
    return content


def _hello(message: _Message) -> list[Answer]:
    content, door = message.content, message.door
    boot = sealed.number(content, messages.BOOT)
    epoch = sealed.octets(content, messages.EPOCH, limits.EPOCH_BYTES)
    nonce = sealed.octets(content, messages.NONCE, limits.NONCE_BYTES)
    version = sealed.number(content, messages.STATE_VERSION, VERSION_BITS)
    acked = sealed.number(content, messages.JOURNAL_ACKED)
    dropped = sealed.counts(content, messages.BAD_INPUT)
    generation = sealed.number(content, messages.GENERATION, 16)
    mark = _mark(content)
    firmware, build = sealed.text(content, messages.FIRMWARE), sealed.text(content, messages.BUILD)
    if generation < door.generation:
        starts.note_old_keys(message.site, message.session, door, boot, epoch, generation)
        return []
    if not message.is_proved and starts.is_doubtful(message.session, door, boot, epoch):
        return [message.orders.doubts.ask(door, epoch, content)]
    # Everything else is checked: from here on the message changes something.
    starts.note(message.site, message.session, door, boot, epoch, acked)
    if epoch == door.epoch:
        message.orders.ask_again(door)
    else:
        message.orders.restarted(door)
    door.boot, door.epoch, door.last_hello_at = boot, epoch, now_s()
    door.firmware, door.build = firmware, build
    _check_mark(message, mark)
    enrolments.heard(message.session, door)
    if generation > door.generation:
        renewals.adopt(message.site, message.session, door, generation)
    _note_dropped(door, dropped)
    starts.catch_up(message.site, message.session, door, acked, version)
    _applied(message.session, door, version)
    welcome = {messages.NONCE: nonce, messages.EPOCH: epoch, messages.TIME: now_s()}
    renewal = renewals.offer(message.site, message.session, door)
    return [(topics.DOWN_WELCOME, welcome), _ack(message), *([renewal] if renewal else [])]


def _mark(content: dict[int, Any]) -> bytes | None:
    """The checkpoint that a door was given last, None where it has none; raises BadMessage."""
    if messages.CHECKPOINT not in content:
        return None
    return sealed.octets(content, messages.CHECKPOINT, limits.CHECKPOINT_BYTES)


def _check_mark(message: _Message, mark: bytes | None) -> None:
    """Record, once, that a door was given a checkpoint which this register does not hold: it was put back or
    written anew."""
    if mark is None or chain.holds(message.session, mark):
        return
    door, length = message.door, int.from_bytes(mark[:4], "big")
    subject = f"record {length} {mark[4:10].hex()}"
    told = select(Event).where(Event.actor == door.door_id, Event.subject == subject)
    if message.session.scalars(told).first():
        return
    log.warning(
        "door %r (%s) was told of a register of %s records, and this one does not have them as they were: it "
        "was restored from a backup or altered. What doors and managers did since then is missing here",
        door.name,
        door.door_id,
        length,
    )
    action = starts.REGISTER_WENT_BACK
    chain.record_action(message.session, message.site.vault, door.door_id, action, subject)
    # Numbers of changes may have been given twice since then, so everything is sent again.
    state.rebase(message.session, door, max(door.applied_version or 0, door.state_version))


def _note_dropped(door: Door, dropped: dict[int, int]) -> None:
    """Keep what a door says that it threw away, and say in the log where more of its flash is damaged."""
    before = cbor2.loads(door.dropped) if door.dropped else {}
    if dropped.get(reasons.DAMAGED, 0) > before.get(reasons.DAMAGED, 0):
        log.warning(
            "door %r (%s) found %s damaged places in its flash: they grant nothing. If the number grows, "
            "replace the board",
            door.name,
            door.door_id,
            dropped[reasons.DAMAGED],
        )
    door.dropped = cbor2.dumps(dropped, canonical=True)


def _applied(session: Session, door: Door, version: int) -> None:
    door.applied_version = version
    if version > door.state_version:
        state.rebase(session, door, version)


def _ack(message: _Message) -> Answer:
    """down/ack: what is on the disk once this is sent, and the register's checkpoint for the door to keep."""
    message.session.flush()
    door = message.door
    answer = {messages.EPOCH: door.epoch, messages.SEQUENCE: door.acked_sequence}
    return topics.DOWN_ACK, answer | {messages.CHECKPOINT: chain.checkpoint(message.session)}


def _event(message: _Message) -> list[Answer]:
    session, door = message.session, message.door
    sequence = sealed.number(message.content, messages.SEQUENCE)
    fields = {
        name: sealed.number(message.content, key, messages.DETAIL_BITS if key == messages.DETAIL else 32)
        for name, key in EVENT_FIELDS.items()
    }
    mark = _mark(message.content)
    same = select(Event).where(Event.door_id == door.door_id, Event.journal == door.journal)
    known = session.scalars(same.where(Event.sequence == sequence)).first()
    _check_mark(message, mark)
    if known is None:
        event = Event(
            door_id=door.door_id, journal=door.journal, sequence=sequence, message=message.data, **fields
        )
        chain.append(session, message.site.vault, event)
        session.flush()
        _warn_of_loss(session, door, event)
        told = _ends_consents(event)
        if told:
            log.warning(
                "door %r (%s) %s: it erases all templates, and the consents there end. Tell the residents; "
                "whoever wants face again says yes at the door once more",
                door.name,
                door.door_id,
                told,
            )
            doors.lose_board(message.site, session, door, is_told=True)
    elif any(getattr(known, name) != value for name, value in fields.items()):
        raise BadMessage(reasons.BAD_SHAPE, f"sequence {sequence} came before with other content")
    starts.count_on(session, door)
    is_state = fields["kind"] == messages.KIND_STATE and fields["boot"] == door.boot
    if is_state and (door.applied_version or 0) < fields["detail"] < 1 << VERSION_BITS:
        _applied(session, door, fields["detail"])
    return [_ack(message)] if door.epoch else []


def _ends_consents(event: Event) -> str:
    """What a door tells by an event with which all consents there end; empty for any other event."""
    if (event.kind, event.reason) == (messages.KIND_CEREMONY, reasons.DAMAGED):
        return "found its list of consents damaged"
    if (event.kind, event.detail) == (messages.KIND_WINDOW, update.WINDOW_OPENED):
        return "opens a maintenance window and is no door any more"
    if (event.kind, event.detail) == (messages.KIND_RESET, update.RESET_BEGUN):
        return "is reset to its factory state and is no door any more"
    return ""


def _warn_of_loss(session: Session, door: Door, event: Event) -> None:
    """Say in the log what is missing before a new event, and what the door itself says it lost."""
    name = f"door {door.name!r} ({door.door_id})"
    if event.kind == messages.KIND_GAP:
        log.warning("%s lost %s events: its journal was full or damaged", name, event.detail)
    before = select(func.max(Event.sequence)).where(
        Event.door_id == door.door_id, Event.journal == door.journal, Event.sequence < event.sequence
    )
    # A journal that was taken over from an older one begins behind what was acknowledged in that.
    last = max(session.scalar(before) or 0, door.acked_sequence)
    if last + 1 != event.sequence:
        log.warning(
            "%s: events %s to %s are missing and not acknowledged until they come",
            name,
            last + 1,
            (event.sequence or 0) - 1,
        )


def _reply(message: _Message) -> list[Answer]:
    content, door = message.content, message.door
    hello = message.orders.doubts.answered(door, sealed.number(content, messages.REQUEST))
    if hello is not None:
        is_there = content.get(messages.RESULT) == reasons.DONE
        return _hello(replace(message, content=hello, is_proved=True)) if is_there else []
    if content.get(messages.EPOCH, door.epoch) != door.epoch:
        raise BadMessage(reasons.STALE_EPOCH, "a reply of an earlier boot")
    if messages.STATE_VERSION in content:
        _applied(message.session, door, sealed.number(content, messages.STATE_VERSION, VERSION_BITS))
    message.orders.take(message.session, door, content)
    return []


def _consent(message: _Message) -> list[Answer]:
    session, door = message.session, message.door
    said = consents.said(message.content)
    may_answer = records.take(message.site, session, door, said, message.data)
    if not may_answer or not door.epoch:
        return []
    return [consents.recorded(door, said, session.get_one(Resident, said.resident))]


def _lease(message: _Message) -> list[Answer]:
    door = message.door
    nonce = sealed.octets(message.content, messages.NONCE, limits.NONCE_BYTES)
    held = sealed.octets(message.content, messages.CONSENTS, consents.HASH_BYTES)
    why = lease.refusal(message.session, door, held)
    if why:
        log.warning("no lease for door %r (%s): %s", door.name, door.door_id, why)
    return [] if why or not door.epoch else [consents.leased(door, nonce, held)]


Handler = Callable[[_Message], list[Answer]]
_HANDLERS: dict[str, Handler] = {
    topics.UP_HELLO: _hello,
    topics.UP_EVENT: _event,
    topics.UP_REPLY: _reply,
    topics.UP_CONSENT: _consent,
    topics.UP_LEASE: _lease,
}
