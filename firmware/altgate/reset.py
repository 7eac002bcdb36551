"""The ways to a bare board: its button held down, and what somebody with a service key asks for on its line.

Imported only then. Each records what is to come and has the next start erase everything (altgate.erasure).
"""

import asyncio
import time

from altgate import board, erasure, pins
from protocol import messages, reasons, update

HOLD_S = 10
TELL_S = 3  # for the host to hear of it
LOOK_MS = 50
_EVENTS = {
    erasure.FACTORY: (messages.KIND_RESET, update.RESET_BEGUN),
    erasure.WINDOW: (messages.KIND_WINDOW, update.WINDOW_OPENED),
}


async def button(door, pin, watchdog):
    """The board's button is down: warn, and reset the board where it stays so for HOLD_S.

    door: app.Door. Raises OSError where the flash refuses to keep that it is to be done.
    """
    if await is_held(pin, door.signals, watchdog):
        await begin(door, erasure.FACTORY)
        restart(door.strike)


async def is_held(pin, signals, watchdog):
    """Whether the button stays down for HOLD_S; red and a tone twice a second, faster towards the end."""
    print("altgate: factory reset in %d s: let the button go to cancel" % HOLD_S)
    began_ms, shown_ms = time.ticks_ms(), 0
    while is_pressed(pin):
        watchdog.feed()
        now_ms = time.ticks_ms()
        held_ms = time.ticks_diff(now_ms, began_ms)
        if held_ms >= HOLD_S * 1000:
            return True
        if time.ticks_diff(now_ms, shown_ms) >= 0:
            each_ms = 250 if held_ms < HOLD_S * 700 else 100
            signals.resetting(each_ms)
            shown_ms = time.ticks_add(now_ms, 2 * each_ms)
        await asyncio.sleep_ms(LOOK_MS)
    print("altgate: factory reset cancelled")
    return False


def is_pressed(pin):
    """Whether the board's button is down."""
    return pin.value() == pins.RESET_BUTTON_PRESSED


async def by_line(door):
    """Factory reset by somebody who also holds the board's button; a code of protocol.reasons."""
    pin = board.reset_button()
    if not is_pressed(pin):
        return reasons.BUTTON_NOT_HELD
    await begin(door, erasure.FACTORY)
    return reasons.DONE


async def window(door, is_now):
    """Open a maintenance window at the next start, which is to come at once: ``(reason, events owed)``.

    Not while the host lacks events, unless ``is_now``: they go with all the rest, and a gap is told instead.
    """
    # That somebody speaks on the line is an event itself.
    owed = await _owed(door)
    if owed and not is_now:
        return reasons.EVENTS_OWED, owed
    return reasons.DONE, await begin(door, erasure.WINDOW)


async def begin(door, why):
    """Record it, give the host a moment to hear of it, and have the next start do it; returns how many
    events it did not get. Raises OSError."""
    kind, detail = _EVENTS[why]
    try:
        door.record(kind, detail=detail)
    except OSError as error:
        # Worn: what is to be erased is erased all the same.
        print("altgate: journal: %s" % type(error).__name__)
    owed = await _owed(door)
    erasure.ask(door.counters, why, owed)
    return owed


async def _owed(door):
    """How many events the host has not acknowledged TELL_S from now; sooner where there are none."""
    journal = door.journal
    for _ in range(TELL_S * 1000 // LOOK_MS):
        if not door.uplink or journal.acknowledged >= journal.head:
            break
        await asyncio.sleep_ms(LOOK_MS)
    return journal.head - journal.acknowledged


def restart(strike):
    """Start anew, locked."""
    import machine

    strike.secure()
    machine.reset()
