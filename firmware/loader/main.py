"""What a stock MicroPython image runs after boot.py.

Behind its end there is a prompt, and whoever has that can read all of the flash: so it ends only where the
page of the wrapping key was zeroed (altgate/erasure.py).
"""

import gc

IS_WITHOUT_KEYS = False
try:
    # The door needs all the memory: no name keeps anything of the loader.
    __import__("loader").load()
    gc.collect()
    import main  # noqa: F401 - the slot's, which runs the door
    from esp32 import Partition

    page = bytearray(80)
    Partition.find(Partition.TYPE_DATA, label="keys")[0].readblocks(0, page)
    IS_WITHOUT_KEYS = page == bytes(80)
except Exception as error:
    print("altgate: loader: %s" % type(error).__name__)

if IS_WITHOUT_KEYS:
    import os
    import sys

    import vfs

    # As MicroPython's own start leaves it behind.
    vfs.mount(Partition.find(Partition.TYPE_DATA, label="vfs")[0], "/")
    os.chdir("/")
    sys.path += ["", "/lib"]
else:
    import time

    import machine

    time.sleep(2)
    machine.reset()
