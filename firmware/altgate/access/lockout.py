"""How long a unit's PIN is not looked at after wrong tries."""

from protocol import limits


def wait_s(failures):
    """Seconds to wait after so many failures in a row: none below the limit, then 30 s doubling to 1 h."""
    over = failures - limits.PIN_ATTEMPTS
    if over < 0:
        return 0
    # Beyond 2^7 times 30 s the hour is reached; the bound keeps the shift small.
    return min(limits.LOCKOUT_S << min(over, 7), limits.LOCKOUT_MAX_S)


class Lockout:
    """Counts tries per unit. ``counters`` keeps numbers through a power cut (altgate.store.counters).

    Units that have a PIN are counted in flash. Others are counted in a short list in RAM, so that the
    answers are alike and a flood of made-up units neither fills the flash nor pushes out a real count.
    """

    UNKNOWN_UNITS = 32

    def __init__(self, counters, first_key, now_s):
        self._counters = counters
        self._first_key = first_key
        self._unknown = []
        # After a power cycle the wait of every locked unit starts again from its full length.
        self._since = {}
        self._booted_s = now_s

    def left_s(self, unit, is_known, now_s):
        """Seconds until this unit's PIN is looked at again; ``now_s`` is monotonic."""
        failures = self.failures(unit, is_known)
        return max(0, self._since.get(unit, self._booted_s) + wait_s(failures) - now_s)

    def count(self, unit, is_known, now_s):
        """Count a try before it is compared; raises OSError where the flash refuses, and nothing may open."""
        failures = self.failures(unit, is_known) + 1
        if is_known:
            self._counters.put(self._first_key + unit, failures)
        else:
            self._unknown = [row for row in self._unknown if row[0] != unit][1 - self.UNKNOWN_UNITS :]
            self._unknown.append((unit, failures))
            self._since = {u: s for u, s in self._since.items() if self._is_counted(u)}
        self._since[unit] = now_s

    def clear(self, unit):
        """The right PIN was typed: the count starts again."""
        self._counters.put(self._first_key + unit, 0)
        self._since.pop(unit, None)

    def failures(self, unit, is_known=True):
        """How many tries in a row were wrong."""
        if is_known:
            return self._counters.get(self._first_key + unit)
        for row in self._unknown:
            if row[0] == unit:
                return row[1]
        return 0

    def _is_counted(self, unit):
        return self._counters.get(self._first_key + unit) or any(row[0] == unit for row in self._unknown)
