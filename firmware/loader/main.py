"""What a stock MicroPython image runs after boot.py. It must not end: behind its end there is a prompt."""

try:
    from loader import run

    run()
except Exception as error:
    print("altgate: loader: %s" % type(error).__name__)

import time  # noqa: E402

import machine  # noqa: E402

time.sleep(2)
machine.reset()
