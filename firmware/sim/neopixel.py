"""The simulated lamp: what is written shows on the control channel."""

import simctl


class NeoPixel:
    """A chain of `n` lamps, each (red, green, blue) from 0 to 255."""

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin, self.n, self.bpp = pin, n, bpp
        self._colours = [(0,) * bpp] * n

    def __len__(self):
        return self.n

    def __setitem__(self, i, v):
        self._colours[i] = tuple(v)

    def __getitem__(self, i):
        return self._colours[i]

    def fill(self, v):
        """Give every lamp one colour."""
        for i in range(self.n):
            self[i] = v

    def write(self):
        """Show it."""
        simctl.send({"lamp": [list(colour) for colour in self._colours]})
