"""What a stock MicroPython image runs after boot.py. It must not end: behind its end there is a prompt."""

import gc

try:
    # The door needs all the memory: no name keeps anything of the loader.
    __import__("loader").load()
    gc.collect()
    import main  # noqa: F401 - the slot's, which runs the door
except Exception as error:
    print("altgate: loader: %s" % type(error).__name__)

import time  # noqa: E402

import machine  # noqa: E402

time.sleep(2)
machine.reset()
