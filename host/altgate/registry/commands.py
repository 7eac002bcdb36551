"""Requests to a door: put here by the CLI, sent by ``serve``, finished with a reason code."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.clock import now_s
from altgate.protocol import messages, reasons
from altgate.registry.models import Command, Door
from altgate.registry.site import Site

VERB_NAMES = {messages.VERB_UNLOCK: "unlock", messages.VERB_SELF_TEST: "self-test"}


def request(site: Site, session: Session, door: Door, verb: int, valid_s: int) -> int:
    """Ask for a command; it is never sent once ``valid_s`` seconds have passed. Returns its number."""
    command = Command(
        door=door.id, verb=verb, expires_at=now_s() + valid_s, created_at=now_s(), actor=site.actor
    )
    session.add(command)
    session.flush()
    site.record(session, f"{VERB_NAMES[verb]} requested", door.door_id)
    return command.id


def open_commands(session: Session) -> list[Command]:
    """Commands without a result yet, oldest first."""
    return list(session.scalars(select(Command).where(Command.result.is_(None)).order_by(Command.id)))


def finish(command: Command, result: int) -> None:
    """Record a result; the first one stays."""
    if command.result is None:
        command.result, command.finished_at = result, now_s()


def result(session: Session, number: int) -> int | None:
    """The reason code that ended a command, None while it runs."""
    return session.get_one(Command, number).result


def was_sent(session: Session, number: int) -> bool:
    """Whether the step that acts has left: then the door may have acted, whatever the result says."""
    return session.get_one(Command, number).is_sent


def give_up(session: Session, number: int) -> int:
    """Withdraw a command that got no answer; returns its result, which may have come in the meantime."""
    command = session.get_one(Command, number)
    finish(command, reasons.TIMED_OUT)
    return command.result if command.result is not None else reasons.TIMED_OUT
