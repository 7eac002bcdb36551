"""What a stock MicroPython image runs first: nobody gets a prompt, and lock and face module are safe."""

import micropython

micropython.kbd_intr(-1)

from machine import Pin  # noqa: E402

from altgate import pins  # noqa: E402

Pin(pins.STRIKE, Pin.OUT, value=1 - pins.STRIKE_RELEASED)
Pin(pins.FACE_SUPPLY, Pin.OUT, value=1 - pins.FACE_SUPPLY_ON)
