"""Verifies what comes on standard input, a JSON list of hexadecimal key, message and signature a line.

Prints ``0`` or ``1`` for each; with the argument "times" also its longest step in microseconds.
"""

import json
import sys
import time
from binascii import unhexlify

from altgate.crypto import lms

for line in sys.stdin:
    steps = lms.verify(*[unhexlify(text) for text in json.loads(line)])
    longest, answer = 0, None
    while answer is None:
        began = time.ticks_us() if "times" in sys.argv else 0
        try:
            next(steps)
        except StopIteration as end:
            answer = end.value
        if "times" in sys.argv:
            longest = max(longest, time.ticks_diff(time.ticks_us(), began))
    print(int(answer), longest)
