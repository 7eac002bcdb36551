"""What a door says on its line to whoever has proved a service key: answers to protocol.service's verbs."""

import asyncio
import gc
import struct
import sys
import time

import altgate
from altgate import board, pins, rooms
from altgate.console.line import Bad, check
from altgate.crypto.hmac256 import hmac256
from protocol import messages, provisioning, reasons, service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOOK_MS = 20
_MARK_BYTES = 8  # of a knock's nonce: as much of it is remembered


class Desk:
    """``door``: app.Door."""

    def __init__(self, door):
        self._door = door
        self._scope = 0
        self._contents: Any = None  # until it is asked for
        self.has_left = False

    def hello(self):
        """A door keeps silent to whoever has proved nothing."""

    def psk(self, who):
        """The key of a service ticket that is good now, or of the ticket by which the board came; or None."""
        identity, clock = self._door.identity, self._door.clock
        if who == identity.ticket_id:
            expires, scope = identity.ticket_expires, service.SCOPE_INSTALLER
        elif len(who) == service.WHO_BYTES:
            expires, scope = struct.unpack(">IB", who[service.ID_BYTES :])
        else:
            return None
        if scope & ~service.SCOPE_ALL or clock.is_trusted and clock.now() > expires:
            return None
        if who == identity.ticket_id:
            return identity.ticket_secret
        return hmac256(identity.console_key, provisioning.SERVICE, who)

    def proved(self, nonce):
        """Whether a right knock is heard for the first time: somebody may have recorded it."""
        mark, known = nonce[:_MARK_BYTES], self._door.knocks
        if any(known[at : at + _MARK_BYTES] == mark for at in range(0, len(known), _MARK_BYTES)):
            return False
        self._door.knocks = (known + mark)[-service.KNOCKS * _MARK_BYTES :]
        return True

    def entered(self, who):
        """Somebody speaks under the key of ``who``: from now on its scope holds."""
        scope = who[-1] if len(who) == service.WHO_BYTES else service.SCOPE_INSTALLER
        # First of all: where it cannot be recorded, nothing is answered.
        self._door.record(messages.KIND_SERVICE, detail=scope)
        self._scope, self.has_left = scope, False
        self._contents = None

    async def take(self, said):
        """See line.Line."""
        if said[0] == provisioning.SAY_LEAVE:
            self.has_left = True
            return [provisioning.SAY_LEAVE]
        if said[0] != provisioning.SAY_ASK:
            if self._contents is None:
                from altgate.console.content import Contents

                self._contents = Contents(self._content, self._door.identity.certificate)
            return await self._contents.said(said)
        verb = said[1] if len(said) > 1 and type(said[1]) is int else 0
        scope, answer = _VERBS.get(verb, (0, None))
        if answer is None:
            raise Bad(reasons.UNKNOWN_VERB)
        if scope & ~self._scope:
            raise Bad(reasons.OUT_OF_SCOPE)
        if type(answer) is tuple:
            answer = _loaded(*answer)
        return [provisioning.SAY_ASK] + await answer(self._door, said[2:])

    async def _content(self, kind, content):
        if kind != provisioning.CONTENT_UPDATE:
            raise Bad(reasons.UNKNOWN_VERB)
        if not self._scope & service.SCOPE_UPDATE:
            raise Bad(reasons.OUT_OF_SCOPE)
        await _loaded("updating", "begin")(self._door, content)
        return self._contents.readable


async def _about(door, arguments):
    now = door.clock.now() if door.clock.is_trusted else 0
    return [
        reasons.DONE, board.hardware_id(), altgate.VERSION, altgate.BUILD, pins.BOARD, door.boot, now,
        door.clock.quality,
    ]  # fmt: skip


async def _check(door, arguments):
    check(arguments, (int, int))
    number, seconds = arguments
    if not 0 < number <= service.CHECK_LAST or not 0 <= seconds <= service.CHECK_S:
        raise Bad(reasons.UNKNOWN_VERB)
    if number < service.CHECK_READER:
        return await _tried("watched", lambda room: room.CHECKS[number](door, seconds))
    return await _tried("selftest", lambda room: room.CHECKS[number](door, seconds))


async def _check_strike(door, arguments):
    return await _tried("watched", lambda room: room.strike(door))


async def _tried(name, run):
    # What is loaded for a moment is loaded in a step of its own, into what room there is.
    await asyncio.sleep_ms(0)
    gc.collect()
    await asyncio.sleep_ms(0)
    name = "altgate.console." + name
    try:
        __import__(name)
        await asyncio.sleep_ms(0)
        return [reasons.DONE] + await run(sys.modules[name])
    except MemoryError:
        # What a small board has goes to those who want to enter; the rest of the check may still fit.
        return [reasons.DONE, reasons.NO_MEMORY]
    finally:
        rooms.forget(name)


def way_in(door, name):
    """The entry.channel.Channel of this name."""
    return [way for way in door.ways_in if way.name == name][0]


async def until(is_so, milliseconds):
    """Wait until that is so; False when time is up."""
    end = time.ticks_add(time.ticks_ms(), milliseconds)
    while not is_so():
        if time.ticks_diff(end, time.ticks_ms()) <= 0:
            return False
        await asyncio.sleep_ms(LOOK_MS)
    return True


def _loaded(room, name):
    """What is asked for so rarely that it is loaded then."""
    module = "altgate.console." + room
    gc.collect()
    try:
        __import__(module)
    except MemoryError:
        raise Bad(reasons.NO_MEMORY)
    return getattr(sys.modules[module], name)


# verb: (scope that it takes, coroutine of the door and the arguments; it may raise Bad), or where it is found
_VERBS = {
    service.VERB_ABOUT: (0, _about),
    service.VERB_CHECK: (service.SCOPE_CHECK, _check),
    service.VERB_CHECK_STRIKE: (service.SCOPE_STRIKE, _check_strike),
    service.VERB_UPDATE: (service.SCOPE_UPDATE, ("updating", "state")),
    service.VERB_UPDATE_BYTES: (service.SCOPE_UPDATE, ("updating", "write")),
    service.VERB_UPDATE_FINISH: (service.SCOPE_UPDATE, ("updating", "finish")),
    service.VERB_WINDOW: (service.SCOPE_WINDOW, ("maintenance", "window")),
    service.VERB_RESET: (service.SCOPE_RESET, ("maintenance", "factory")),
}
