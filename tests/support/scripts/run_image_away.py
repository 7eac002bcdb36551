"""Runs the firmware from its image with a network that can hang, and with shorter waits for a bench.

While there is a file ``hang`` beside the board's settings, a name is found only after 10 s, by a thread that
waits outside the interpreter as in a resolver. The strike stays released for 0.2 s, so that a bench need not
wait between two releases; when it is released is as shipped. The door connects again within half a second,
always: a harder storm than the shipped door makes.
"""

import os
import time

import rom_image  # noqa: F401

from altgate.door.strike import Strike
from altgate.link import mqtt, transport
from altgate.link.uplink import Uplink

HANG_S = 10
RELEASE_S = 0.2
_flag = os.getenv("ALTGATE_SIM").rsplit("/", 1)[0] + "/hang"
_found, _release, _up = transport._resolve, Strike.release, Uplink.on_up


def _is_flagged():
    try:
        os.stat(_flag)
    except OSError:
        return False
    return True


def _resolve(slot, host, port):
    if _is_flagged():
        print("resolver: hangs")
        time.sleep(HANG_S)
    _found(slot, host, port)


def _briefly(strike, _seconds):
    _release(strike, RELEASE_S)


def _told(uplink, session_present):
    print("link: up")
    _up(uplink, session_present)


transport._resolve, Strike.release, Uplink.on_up = _resolve, _briefly, _told
mqtt.Client.backoff_max_ms = mqtt.Client.backoff_min_ms

import main  # noqa: F401
