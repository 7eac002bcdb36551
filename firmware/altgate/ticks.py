"""Seconds that never go back while the door runs."""

import time

_ticks = [time.ticks_ms(), 0]


def monotonic_s():
    """Whole seconds since the start; the port's ticks wrap after days, so they are folded in."""
    now = time.ticks_ms()
    _ticks[1] += time.ticks_diff(now, _ticks[0])
    _ticks[0] = now
    return _ticks[1] // 1000
