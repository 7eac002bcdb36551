"""What ends a door, for who has a service key: a maintenance window, a factory reset. Imported only then."""

import asyncio

from altgate import erasure, reset
from altgate.console.line import check
from protocol import reasons

ANSWER_MS = 300  # for the answer to reach the other end


async def window(door, arguments):
    """Arguments: whether to open it though the host lacks events. Answer: seconds that it will be open, how
    many events are lost with it or were owed."""
    check(arguments, (bool,))
    reason, owed = await reset.window(door, arguments[0])
    return _answer(door, reason, [erasure.WINDOW_S, owed])


async def factory(door, arguments):
    """Takes the board's button held down, too."""
    check(arguments, ())
    return _answer(door, await reset.by_line(door), [])


def _answer(door, reason, more):
    if reason == reasons.DONE:
        asyncio.create_task(_restart(door))
    return [reason] + more


async def _restart(door):
    await asyncio.sleep_ms(ANSWER_MS)
    reset.restart(door.strike)
