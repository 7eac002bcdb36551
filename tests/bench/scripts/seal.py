"""How long sealing and opening a template take, each the fastest and the median of many, as JSON."""

import json
import os
import time

from altgate.crypto import siv

ROUNDS = 300
LENGTH = 512
bound = (b"altgate/template/1", b"0a1b2c3d", bytes(4), bytes(32))
times = []
for _ in range(ROUNDS):
    key, template = os.urandom(siv.KEY_BYTES), os.urandom(LENGTH)
    began = time.ticks_us()
    sealed = siv.seal(key, template, bound)
    opened = siv.open_(key, sealed, bound)
    times.append(time.ticks_diff(time.ticks_us(), began))
    assert opened == template
times.sort()
print(json.dumps({"us": times[ROUNDS // 2], "p99_us": times[ROUNDS * 99 // 100]}))
