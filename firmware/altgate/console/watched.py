"""Checks for which somebody stands at the door, with a service key at its cable (protocol.service).

Loaded for one check and forgotten after it. A card that is shown for one is decided as any other, and only
the check of the strike opens anything. Each ends by itself.
"""

import asyncio
import time

from altgate.console.service import until, way_in
from protocol import messages, reasons, service


async def _card(door, seconds):
    return await _shown(way_in(door, "card"), seconds)


async def _scanner(door, seconds):
    return await _shown(way_in(door, "qr"), seconds)


async def _shown(way, seconds):
    """Whether something is shown there; it is decided as ever, and who showed it is not told."""
    seen, submit = [], way.submit

    async def noted(claim):
        seen.append(claim)
        return await submit(claim)

    way.submit = noted
    try:
        await until(lambda: seen, seconds * 1000)
    finally:
        way.submit = submit
    return [reasons.DONE, seen[0].method, seen[0].fault] if seen else [reasons.TIMED_OUT]


async def _keys(door, seconds):
    pad = way_in(door, "pin").pad
    seen, pressed = [], pad.pressed

    def noted():
        seen.append(True)
        pressed()

    pad.pressed = noted
    try:
        await until(lambda: seen, seconds * 1000)
    finally:
        pad.pressed = pressed
    return [reasons.DONE if seen else reasons.TIMED_OUT]


async def _signals(door, seconds):
    signals = door.signals
    for sign, milliseconds in (
        (signals.refused, 1700), (lambda: signals.wait_for_next(1), 1300), (signals.acknowledged, 800),
    ):  # fmt: skip
        sign()
        await asyncio.sleep_ms(milliseconds)
    return [reasons.DONE]


async def _way_out(door, seconds):
    was = [0, 0, 0]  # pressed, opened, shut again

    def is_whole():
        was[0] |= door.contacts.exit.is_active
        was[1] |= door.contacts.door.is_active
        was[2] |= was[1] and not door.contacts.door.is_active
        return all(was)

    is_done = await until(is_whole, seconds * 1000)
    return [reasons.DONE if is_done else reasons.TIMED_OUT] + [int(one) for one in was]


async def strike(door):
    """Released as for somebody who may enter, and recorded as this."""
    usual_s = door.credentials.setting(messages.SETTING_RELEASE_S)
    began = time.ticks_ms()
    door.record(messages.KIND_SERVICE, reasons.GRANTED, detail=service.SCOPE_STRIKE)
    door.strike.release(usual_s)
    door.signals.granted()
    if not door.strike.is_released:
        return [reasons.SELF_TEST_FAILED, 0]
    # Somebody may have been let in meanwhile, and then it takes longer.
    is_shut = await until(lambda: not door.strike.is_released, (usual_s + service.CHECK_S) * 1000)
    took_s = (time.ticks_diff(time.ticks_ms(), began) + 500) // 1000
    return [reasons.DONE if is_shut else reasons.TIMED_OUT, took_s]


CHECKS = {
    service.CHECK_CARD: _card,
    service.CHECK_KEYS: _keys,
    service.CHECK_SCANNER: _scanner,
    service.CHECK_SIGNALS: _signals,
    service.CHECK_WAY_OUT: _way_out,
}
