"""Runs the firmware from its image with every step of every task timed.

Each new longest step of a coroutine is printed as ``STEP name us``: the time between two of its awaits,
without what the simulator itself takes for the work of flash, UARTs, lamp and tone, and without the time in
which Linux had given this processor to another program.
"""

import asyncio
import time
from asyncio import core

import rom_image  # noqa: F401

import esp32
import machine
import neopixel
import uart

_longest = {}
_runs = []
_simulated_us = 0
_is_inside = False


_schedule = open("/proc/self/schedstat", "rb")


def _waited_us():
    """Microseconds that this process was ready and another one ran (proc_pid_schedstat, second number)."""
    _schedule.seek(0)
    return int(_schedule.read(64).split()[1]) // 1000


class Timed:
    """A coroutine whose steps are timed; asyncio sends and throws into it as into any other."""

    def __init__(self, coroutine):
        self._coroutine = coroutine
        self._name = repr(coroutine).split("'")[1]
        if self._name == "run":
            # The door's lasting tasks are all called run: their order of creation tells them apart.
            _runs.append(self)
            self._name = "run.%d" % len(_runs)

    def send(self, value):
        return self._step(self._coroutine.send, value)

    def throw(self, error):
        return self._step(self._coroutine.throw, error)

    def close(self):
        self._coroutine.close()

    def _step(self, step, value):
        global _simulated_us
        _simulated_us = 0
        waited_us = _waited_us()
        began = time.ticks_us()
        try:
            return step(value)
        finally:
            took = time.ticks_diff(time.ticks_us(), began) - _simulated_us
            if took > _longest.get(self._name, 0):
                took -= _waited_us() - waited_us
            if took > _longest.get(self._name, 0):
                _longest[self._name] = took
                print("STEP", self._name, took)


def _simulated(method):
    def timed(*arguments):
        global _simulated_us, _is_inside
        if _is_inside:
            return method(*arguments)
        _is_inside = True
        began = time.ticks_us()
        try:
            return method(*arguments)
        finally:
            _is_inside = False
            _simulated_us += time.ticks_diff(time.ticks_us(), began)

    return timed


def _create(coroutine):
    return _make(Timed(coroutine))


for chip, methods in (
    (esp32.Partition, ("readblocks", "writeblocks", "ioctl")),
    (uart.UART, ("any", "read", "write")),
    (neopixel.NeoPixel, ("write",)),
    (machine.PWM, ("freq", "duty_u16")),
):
    for name in methods:
        setattr(chip, name, _simulated(getattr(chip, name)))
_make = core.create_task
core.create_task = asyncio.create_task = _create

import main  # noqa: F401
