"""The simulated board's settings and its control channel to the rig; the other sim modules build on it.

``ALTGATE_SIM`` names a JSON file (see `firmware/sim/rig`). Messages are JSON lines both ways over the
inherited descriptor ``control``. A message from the rig goes to the handler of each of its keys; a key that
nobody handles replaces the setting of that name, so ``{"air": [...]}`` needs no code here.
"""

import json
import os
import select

RESET = 75  # exit code: the rig starts the board again
POWER_CUT = 76  # exit code: the supply went away during a flash operation

_path = os.getenv("ALTGATE_SIM")
config = {}
if _path:
    with open(_path) as _file:
        config = json.load(_file)

handlers = {}
_control = open(config["control"], "r+b") if "control" in config else None
_listening = False
# Made ahead: a power cut can come while the collector holds the heap locked.
_ENDS = {RESET: SystemExit(RESET), POWER_CUT: SystemExit(POWER_CUT)}
_end = None


def end(code):
    """End the process with `code` (RESET or POWER_CUT); whatever catches that gets no further operation."""
    global _end
    _end = _ENDS[code]
    raise _end


def powered():
    """Raise SystemExit once the board has lost its supply or was reset."""
    if _end is not None:
        raise _end


def send_text(line):
    """Send one JSON line (without its newline) to the rig; waits at most 1 s for a rig that does not read."""
    powered()
    if _control is not None:
        send_bytes(_control, line.encode() + b"\n", 1000)


def send(message):
    """Send one message to the rig."""
    send_text(json.dumps(message))


def send_bytes(stream, data, timeout_ms):
    """Write `data`; return how much the stream took before it stood still for `timeout_ms`."""
    done, size = 0, len(data)
    view = memoryview(data)
    while done < size:
        count = stream.write(view[done:])
        if count:
            done += count
        elif not ready(stream, select.POLLOUT, timeout_ms):
            break
    return done


def ready(stream, flags, timeout_ms):
    """Whether `stream` becomes readable (POLLIN) or writable (POLLOUT) within `timeout_ms`."""
    poller = select.poll()
    poller.register(stream, flags)
    return bool(poller.poll(timeout_ms))


def handle(line):
    """Carry out one JSON line from the rig."""
    message = json.loads(line)
    for key in message:
        if key in handlers:
            handlers[key](message)
        elif key not in ("v", "how"):
            config[key] = message[key]


def poll(timeout_ms=0):
    """Carry out what the rig sent, for scripts without an asyncio loop."""
    while _control is not None and ready(_control, select.POLLIN, timeout_ms):
        line = _control.readline()
        while line and line[-1] != 10 and ready(_control, select.POLLIN, 1000):
            line += _control.readline() or b""
        if not line:
            return
        handle(line)
        timeout_ms = 0


async def _listen(asyncio):
    stream = asyncio.StreamReader(_control)
    while True:
        line = await stream.readline()
        if not line:
            # Whoever held the board is gone, and its supply with them.
            end(POWER_CUT)
        handle(line)


def start():
    """Listen to the rig from asyncio; works before the loop runs, and once."""
    global _listening
    if _control is not None and not _listening:
        _listening = True
        import asyncio

        asyncio.create_task(_listen(asyncio))


def shut_down(kind):
    """Tell the rig of a "soft" or "hard" reset and end the process."""
    send({"reset": kind})
    end(RESET)
