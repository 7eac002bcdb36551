"""The periods of a schedule: as a manager writes them, and as a door takes them. Pure.

A manager writes days and two times, such as ``mon-fri 07:00-19:00``. Where the second time is not after the
first, the period goes on into the next day; a door knows no such, so it gets one for each of the two days.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from altgate.errors import Refused
from altgate.protocol import limits

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY = "daily"
DAY_MINUTES = 24 * 60
PACKED = struct.Struct("<BHH")
_ALL_DAYS = (1 << len(DAYS)) - 1
_TIMES = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


@dataclass(frozen=True)
class Period:
    """days: bit 0 for Monday. first, last: minutes of the local day, the last one not within it."""

    days: int
    first: int
    last: int

    @property
    def times(self) -> tuple[str, str]:
        """Both times as text."""
        first, last = (f"{at // 60:02}:{at % 60:02}" for at in (self.first, self.last))
        return first, last

    @property
    def text(self) -> str:
        """As a manager writes it."""
        return f"{_days_text(self.days)} {'-'.join(self.times)}"


def read(text: str) -> Period:
    """A period from what a manager wrote; raises Refused for anything else."""
    days, _, times = " ".join(text.lower().split()).partition(" ")
    found = _TIMES.fullmatch(times)
    if not found:
        raise Refused(f"{text!r} is not a period: write days and times, such as mon-fri 07:00-19:00.")
    hours, minutes, to_hours, to_minutes = map(int, found.groups())
    first, last = 60 * hours + minutes, 60 * to_hours + to_minutes
    if max(minutes, to_minutes) > 59 or first >= DAY_MINUTES or last > DAY_MINUTES:
        raise Refused(f"{times} in {text!r} are not times: write 00:00 to 23:59, and 24:00 for a day's end.")
    if first == last:
        raise Refused(f"{text!r} ends as it begins: for the whole day write {days} 00:00-24:00.")
    return Period(_read_days(days, text), first, last)


def pack(periods: Iterable[Period]) -> bytes:
    """The periods as a door takes them; raises Refused for none, and for more than a door has room for."""
    split = [part for period in periods for part in _split(period)]
    if not split:
        raise Refused("A schedule without a period opens nothing: give one, such as 'daily 07:00-19:00'.")
    if len(split) > limits.SCHEDULE_PERIODS:
        raise Refused(
            f"A schedule has at most {limits.SCHEDULE_PERIODS} periods, and these are {len(split)}, one past "
            "midnight counted as two: write days with the same hours together, such as mon,wed,fri."
        )
    return b"".join(PACKED.pack(part.days, part.first, part.last) for part in split)


def pack_lines(lines: str) -> bytes:
    """The same from periods as the register keeps them, one a line."""
    return pack(map(read, lines.splitlines()))


def unpack(packed: bytes) -> list[Period]:
    """The periods that a door has."""
    whole = len(packed) // PACKED.size * PACKED.size
    return [Period(*values) for values in PACKED.iter_unpack(packed[:whole])]


def runs(days: int) -> list[tuple[int, int]]:
    """The days as runs of first and last day, 0 for Monday."""
    found: list[tuple[int, int]] = []
    for day in range(len(DAYS)):
        if days >> day & 1:
            is_next = bool(found) and found[-1][1] == day - 1
            found = [*found[:-1], (found[-1][0], day)] if is_next else [*found, (day, day)]
    return found


def _read_days(days: str, text: str) -> int:
    if days == DAILY:
        return _ALL_DAYS
    chosen = 0
    for part in days.split(","):
        first, _, last = part.partition("-")
        ends = (first, last if "-" in part else first)
        if not set(ends) <= set(DAYS):
            raise Refused(
                f"{part!r} in {text!r} is not a day: write {', '.join(DAYS)}, a span such as mon-fri, "
                f"or {DAILY}."
            )
        start, stop = map(DAYS.index, ends)
        # A span may go round the end of the week: fri-mon.
        for day in range(start, stop + 1 if start <= stop else stop + 1 + len(DAYS)):
            chosen |= 1 << day % len(DAYS)
    return chosen


def _days_text(days: int) -> str:
    if days == _ALL_DAYS:
        return DAILY
    spans = [f"{DAYS[first]}-{DAYS[last]}" if first < last else DAYS[first] for first, last in runs(days)]
    return ",".join(spans)


def _split(period: Period) -> Sequence[Period]:
    """The same hours with none of them past midnight."""
    if period.first < period.last:
        return (period,)
    evening = Period(period.days, period.first, DAY_MINUTES)
    if not period.last:
        return (evening,)
    next_days = (period.days << 1 | period.days >> len(DAYS) - 1) & _ALL_DAYS
    return evening, Period(next_days, 0, period.last)
