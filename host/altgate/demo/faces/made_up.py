"""Made-up vectors that behave like a face's: shots of one person are alike, two people's are not.

For tests that need a face and not a photo, and for a tour where no photo can be fetched.
"""

import random

VALUES = 192  # of a vector's 196 bytes, as MobileFaceNet gives them


class Face:
    """One made-up person; ``seed`` says which."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._values = [self._random.gauss(0, 40) for _ in range(VALUES)]

    def shot(self, noise: float = 18) -> bytes:
        """A new vector of this person, 196 signed bytes."""
        values = (int(value + self._random.gauss(0, noise)) for value in self._values)
        return bytes(max(-127, min(127, value)) & 0xFF for value in values) + bytes(4)

    def shots(self, count: int = 3) -> list[bytes]:
        """Several of them."""
        return [self.shot() for _ in range(count)]
