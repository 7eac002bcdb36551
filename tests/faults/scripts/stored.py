"""A store that lies in flash, as every kind of fault sees it: open it, do a step, say what is in force.

Work is the base of one workload a store (stored_numbers.py, stored_credentials.py, stored_consents.py). What
is in force is a value that compares, of the same shape whether it was read from the store (``seen``) or
follows from what was done (``after``): so one check serves flipped bits, bad sectors, full partitions and
memory that runs out.
"""

import sys

import fuzz

sys.path.append(__file__.rsplit("/", 3)[0] + "/device/scripts")

from vault_flash import blank

Wrong = fuzz.Wrong


class Draw:
    """Random numbers of a case's own, so that it can be played again."""

    def __init__(self, seed):
        self._last = seed * 2654435761 + 12345 & 0x3FFFFFFF

    def below(self, limit):
        self._last = (self._last * 1103515245 + 12345) & 0x3FFFFFFF
        return (self._last >> 8) % limit

    def one_in(self, count):
        return self.below(count) == 0

    def of(self, rows):
        return rows[self.below(len(rows))]

    def bytes(self, count):
        return bytes([self.below(256) for _ in range(count)])


class Turns:
    """What the stores take of asyncio: an await that takes no memory."""

    class _Turn:
        def __iter__(self):
            return self

        def __next__(self):
            raise StopIteration

        __await__ = __iter__

    _turn = _Turn()

    @staticmethod
    def sleep_ms(_):
        return Turns._turn


class Work:
    """One store over a chip of its own.

    modules: what it is about. sectors: of the chip. parts: (first sector, count) of each partition, for
    open(). steps: how many make its history. refusals: what a step may raise where the store is full.
    Each kind has, as stores.py sees to when it is loaded:

    start(): what is in force on a blank chip.
    opened(*parts): the store over these partitions, as a start of the door opens it.
    step(draw, now): a step that can be done where ``now`` is in force.
    do(store, step): do it; returns what after() wants to know of it.
    after(now, step, result): what is in force after a step that was done.
    seen(store): what is in force as the store says.
    damage(store): how much the store says that it could not read.
    judge(before, seen, damage): raise Wrong if a fault at rest has granted something, or took something away
    without a word.
    more(number, now): the step that brings one more in.
    less(draw, now): the step that takes one out, or None where that takes time only.
    """

    OWN = ("start", "opened", "step", "do", "after", "seen", "damage", "judge", "more", "less")
    modules = ()
    sectors = 2
    parts = ((0, 2),)
    steps = 150
    refusals = (OSError,)
    comes_later = False  # whether what was refused half way can be in force after a start, whole

    def __init__(self, path):
        self.path = path
        self.flash = blank(path, self.sectors)
        self._histories = {}

    def ending(self, draw, now):
        """A step to end a history with, or None."""

    def judge_worn(self, allowed, seen, damage, what):
        """Raise Wrong if a start on worn flash may not find what it did, which is none of ``allowed``."""
        raise Wrong("neither what was told nor what was before", what, allowed, seen)

    def also(self, damage):
        """Raise Wrong where the flash itself does not hold what it must; ``damage``: as it was told."""

    def agrees(self, now, seen):
        """Whether the store says what it should."""
        return now == seen

    least = 1  # how many fit at any rate

    def again(self, draw, now):
        """A step that changes what is there, or None."""

    def is_full(self, error):
        """Whether this error is the store's word for full."""
        return isinstance(error, OSError) and error.errno == 28

    def blank(self):
        """What is in force on a chip that is made blank."""
        self.flash.restore(b"\xff" * self.sectors * 4096)
        return self.start()

    def undone(self, step):
        """The step that takes out what ``step`` brought, where that must leave nothing behind."""

    def open(self, kind=None):
        """Open it anew, as after a cut of the supply; ``kind`` wraps each partition."""
        self.flash.off()
        parts = [self.flash.partition(*part) for part in self.parts]
        return self.opened(*[kind(part) if kind else part for part in parts])

    def history(self, number):
        """``what is in force`` after the history of this number, which lies in the flash from then on.

        Raises what was wrong with it.
        """
        if not self.remember(number):
            raise self._histories[number]
        with open(self._image(number), "rb") as file:
            self.flash.restore(file.read())
        return self._histories[number]

    def remember(self, number):
        """Play a history once; False where something was wrong, which is for the case that uses it."""
        if number not in self._histories:
            try:
                self._histories[number] = self._played(number)
            except Exception as error:
                self._histories[number] = error
        return not isinstance(self._histories[number], Exception)

    def _played(self, number):
        now, draw = self.blank(), Draw(number)
        store = self.open()
        for _ in range(self.steps // 2 + draw.below(self.steps)):
            step = self.step(draw, now)
            now = self.after(now, step, self.do(store, step))
        step = self.ending(draw, now)
        if step:
            now = self.after(now, step, self.do(store, step))
        if not self.agrees(now, self.seen(self.open())):
            raise Wrong("a history without a fault", now, self.seen(self.open()))
        with open(self._image(number), "wb") as file:
            file.write(self.flash.image())
        return now

    def _image(self, number):
        return "%s-%d" % (self.path, number)
