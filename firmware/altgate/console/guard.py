"""The serial line of a door: read in sips, and silent to whoever does not prove a key.

This much of it stays while nobody speaks. A line that could be a knock has the rest loaded, at most once a
second: a stranger on the cable gets no answer, no memory, and little of the door's time.
"""

import asyncio
import select
import sys
import time

from protocol import limits

SIP_BYTES = 32
REST_MS = 20  # between two sips, while nobody is known: at 115200 baud the port keeps a whole line meanwhile
DEAF_MS = 1000  # after a line that proved nothing
_OTHER = limits.CONSOLE_LINE_BYTES + 1


async def listen(door):
    """Heed the line until it ends. ``door``: app.Door; its ``caller`` is who was let in, or None."""
    source, poll = sys.stdin.buffer, select.poll()
    poll.register(source, select.POLLIN)
    line_in, byte, deaf_ms = asyncio.StreamReader(source), bytearray(1), time.ticks_ms()
    # What came of a line that may be one of ours, and how many bytes; _OTHER: it is not, up to its end.
    line, at = None, 0
    while await line_in.readinto(byte):
        for left in range(SIP_BYTES, 0, -1):
            code = byte[0]
            if code == 10 or code == 13:
                if line and time.ticks_diff(time.ticks_ms(), deaf_ms) >= 0:
                    if not await _is_answered(door, bytes(memoryview(line)[:at])):
                        deaf_ms = time.ticks_add(time.ticks_ms(), DEAF_MS)
                line, at = None, 0
            elif at < 3:
                at = at + 1 if code == b"AG "[at] else _OTHER
            elif at < limits.CONSOLE_LINE_BYTES:
                if line is None:
                    line = bytearray(limits.CONSOLE_LINE_BYTES)
                    line[:3] = b"AG "
                line[at] = code
                at += 1
            elif at < _OTHER:
                line, at = None, _OTHER
            if left == 1 or not any(poll.ipoll(0)) or not source.readinto(byte):
                break
        await asyncio.sleep_ms(0 if door.caller else REST_MS)


async def _is_answered(door, line):
    try:
        from altgate.console import caller

        return await caller.heard(door, line)
    except MemoryError:
        # A door that is short of it has better things to do.
        return False
