"""A signed image of the firmware, taken over the serial line while the door goes on opening.

Imported only then. Nothing of the door is erased for it: an image without the release key's signature is not
taken here at all. What was begun is kept while the line is lost, and goes on where it stood.
"""

import asyncio
import time

from altgate import rooms
from altgate.console.line import Bad, check
from altgate.crypto import cbor
from altgate.store.counters import KEY_SECURITY, KEY_UPDATE
from altgate.update import Unfit, Update, running
from protocol import messages, reasons, update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEEP_S = 600  # what was begun, without a word
QUIET_MS = 2000  # nobody claims for so long, and the board starts anew
_LOOK_MS = 100


class _Held:
    """The update that was begun, and when something of it came last."""

    new: "Any" = None
    heard_ms: "Any" = 0
    waiter: "Any" = None


async def begin(door, content):
    """Judge a manifest and its signature, and make room for their image; raises Bad.

    What was begun with the same goes on: state() says where.
    """
    try:
        given: Any = cbor.decode(content)
    except cbor.CborError:
        raise Bad(reasons.BAD_CBOR)
    if type(given) is not list or [type(part) for part in given] != [bytes, bytes]:
        raise Bad(reasons.BAD_SHAPE)
    _heard()
    if _Held.new and _Held.new.is_of(*given):
        return
    _Held.new = None
    label = running()
    if label is None:
        # A board that was not started by the loader would not find it.
        raise Bad(reasons.OTHER_LAYOUT)
    new = Update(label, door.counters.get(KEY_SECURITY))
    is_told = False
    try:
        for _ in new.begin(given[0], given[1], True):
            if new.is_judged and not is_told:
                is_told = True
                door.record(messages.KIND_UPDATE, detail=update.event_detail(new.digest, update.EVENT_BEGUN))
            await _step(door)
    except Unfit as error:
        raise Bad(error.reason)
    _Held.new = new
    _heard()


async def state(door, arguments):
    """Answer: code slot that runs, security number below which nothing is taken, where the next bytes go."""
    check(arguments, ())
    return [
        reasons.DONE, running() or "", door.counters.get(KEY_SECURITY),
        _Held.new.next if _Held.new else 0,
    ]  # fmt: skip


async def write(door, arguments):
    """Take bytes of the image at an offset; answer: where the next go."""
    check(arguments, (int, bytes))
    _heard()
    return [reasons.DONE, _unfit(_begun().write, *arguments)]


async def finish(door, arguments):
    """Check the whole, and have the next start try it, as soon as nobody is at the door."""
    check(arguments, ())
    new = _begun()
    is_told = False
    try:
        for _ in new.finish():
            if new.is_whole and not is_told:
                is_told = True
                door.record(messages.KIND_UPDATE, detail=update.event_detail(new.digest, update.EVENT_TAKEN))
                door.counters.put(KEY_UPDATE, new.number)
            await _step(door)
    except Unfit as error:
        raise Bad(error.reason)
    _Held.new = None
    asyncio.create_task(_restart(door))
    return [reasons.DONE]


def _begun():
    if _Held.new is None:
        raise Bad(reasons.BAD_SHAPE)
    return _Held.new


def _unfit(act, *arguments):
    try:
        return act(*arguments)
    except Unfit as error:
        raise Bad(error.reason)


async def _step(door):
    """Let others in between two steps, and nobody who claims wait for the flash."""
    await asyncio.sleep_ms(0)
    while any(way.is_claiming for way in door.ways_in):
        await asyncio.sleep_ms(_LOOK_MS)


async def _restart(door):
    quiet_ms = 0
    while quiet_ms < QUIET_MS:
        await asyncio.sleep_ms(_LOOK_MS)
        is_busy = door.strike.is_released or any(way.is_claiming for way in door.ways_in)
        quiet_ms = 0 if is_busy else quiet_ms + _LOOK_MS
    import machine

    door.strike.secure()
    machine.reset()


def _heard():
    _Held.heard_ms = time.ticks_ms()
    if _Held.waiter is None:
        _Held.waiter = asyncio.create_task(_forget())


async def _forget():
    """Give the memory back once nobody goes on with it."""
    while time.ticks_diff(time.ticks_ms(), _Held.heard_ms) < KEEP_S * 1000:
        await asyncio.sleep(1)
    _Held.new = _Held.waiter = None
    rooms.forget(
        "altgate.console.updating", "altgate.update", "altgate.slots", "altgate.release_key",
        "altgate.crypto.lms", "protocol.update",
    )  # fmt: skip
