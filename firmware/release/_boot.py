"""The first and only program of a release image. MicroPython runs it without Ctrl-C, and it never returns.

``entry`` is firmware/main.py. Whatever ends it, the board starts anew.
"""

try:
    import entry  # noqa: F401
finally:
    import machine

    machine.reset()
