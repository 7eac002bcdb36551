"""What P-256 costs a door, as JSON: heap of its import, and time and heap of each operation's steps.

Memory is collected between two steps and outside their time: when a door collects is its own choice.
"""

import gc
import json
import os
import time

# A running door has these.
from altgate.crypto import consteq, hmac256  # noqa: F401

RUNS = 25


def imported(load):
    gc.collect()
    before = gc.mem_alloc()
    load()
    gc.collect()
    return gc.mem_alloc() - before


def load_p256():
    global p256
    from altgate.crypto import p256


def load_csr():
    global csr
    from altgate.crypto import csr


def run(call, fastest):
    """Run an operation once; ``fastest`` gets the least microseconds of each step.

    Returns the most bytes above those before that were in use at a step's end, the same once garbage was
    collected, and the operation's value.
    """
    gc.collect()
    base = gc.mem_alloc()
    peak = live = at = 0
    steps = call()
    value = None
    while steps:
        began = time.ticks_us()
        try:
            next(steps)
        except StopIteration as end:
            value, steps = end.value, None
        took = time.ticks_diff(time.ticks_us(), began)
        if at == len(fastest):
            fastest.append(took)
        fastest[at] = min(fastest[at], took)
        at += 1
        peak = max(peak, gc.mem_alloc() - base)
        gc.collect()
        live = max(live, gc.mem_alloc() - base)
    return peak, live, value


result = {"import": imported(load_p256), "import_csr": imported(load_csr)}
digest = os.urandom(32)
d, public = p256.finish(p256.generate())
signature = p256.finish(p256.sign(d, digest))
result["operations"] = operations = {}
for name, call, expected in (
    ("generate", p256.generate, None),
    ("shared", lambda: p256.shared(d, public), None),
    ("sign", lambda: p256.sign(d, digest), signature),
    ("verify", lambda: p256.verify(public, digest, signature), True),
    ("request", lambda: csr.request(d, public, "0a1b2c3d"), None),
):
    fastest, peak, live = [], 0, 0
    for _ in range(RUNS):
        got = run(call, fastest)
        peak, live = max(peak, got[0]), max(live, got[1])
        assert expected is None or got[2] == expected
    operations[name] = {"steps_us": fastest, "peak": peak, "live": live}
print(json.dumps(result))
