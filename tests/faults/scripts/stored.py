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
    """

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

    def start(self):
        """What is in force on a blank chip."""
        raise NotImplementedError

    def opened(self, *parts):
        """The store over these partitions, as a start of the door opens it."""
        raise NotImplementedError

    def step(self, draw, now):
        """A step that can be done where ``now`` is in force."""
        raise NotImplementedError

    def ending(self, draw, now):
        """A step to end a history with, or None."""

    def do(self, store, step):
        """Do it; what after() wants to know of it."""
        raise NotImplementedError

    def after(self, now, step, result):
        """What is in force after a step that was done."""
        raise NotImplementedError

    def seen(self, store):
        """What is in force as the store says."""
        raise NotImplementedError

    def damage(self, store):
        """How much the store says that it could not read."""
        raise NotImplementedError

    def judge(self, before, seen, damage):
        """Raise Wrong if a fault at rest has granted something, or took something away without a word."""
        raise NotImplementedError

    def judge_worn(self, allowed, seen, damage, what):
        """Raise Wrong if a start on worn flash may not find what it did, which is none of ``allowed``."""
        raise Wrong("neither what was told nor what was before", what, allowed, seen)

    def also(self, damage):
        """Raise Wrong where the flash itself does not hold what it must; ``damage``: as it was told."""

    def agrees(self, now, seen):
        """Whether the store says what it should."""
        return now == seen

    # Filling it: least: how many fit at any rate.

    least = 1

    def more(self, number, now):
        """The step that brings one more in."""
        raise NotImplementedError

    def less(self, draw, now):
        """The step that takes one out, or None where that takes time only."""
        raise NotImplementedError

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
        """``what is in force`` after the history of this number, which lies in the flash from then on."""
        name = "%s-%d" % (self.path, number)
        if number not in self._histories:
            now, draw = self.blank(), Draw(number)
            store = self.open()
            for _ in range(self.steps // 2 + draw.below(self.steps)):
                step = self.step(draw, now)
                try:
                    now = self.after(now, step, self.do(store, step))
                except self.refusals as error:
                    # A few buckets can be full of what is in force; nothing else may be refused here.
                    if not self.is_full(error):
                        raise
            step = self.ending(draw, now)
            if step:
                now = self.after(now, step, self.do(store, step))
            if not self.agrees(now, self.seen(self.open())):
                raise Wrong("a history without a fault", now, self.seen(self.open()))
            with open(name, "wb") as file:
                file.write(self.flash.image())
            self._histories[number] = now
        with open(name, "rb") as file:
            self.flash.restore(file.read())
        return self._histories[number]
