"""A building's time zone, and the table of its coming changes that a door reckons by. Knows no register.

A door has no rules of time zones. It gets the offset of now and the next changes, which last for some years
in a zone with summer time; ``is_enough`` says when it needs them anew.
"""

import os
import struct
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from altgate.clock import DAY_S
from altgate.errors import Refused
from altgate.protocol import limits

UTC = "UTC"
CHANGE = struct.Struct("<Ih")
Table = list[tuple[int, int]]  # from Unix seconds on, minutes east of UTC

_AHEAD_S = 365 * DAY_S  # what a door must know of at any time
_LOOK_S = 10 * 365 * DAY_S  # how far to look for changes
_LAST_S = (1 << 32) - 1
_LOCALTIME = Path("/etc/localtime")
_FOLDER = "zoneinfo"


def of_computer() -> str | None:
    """The IANA name of this computer's time zone; None where it cannot be told."""
    named = os.environ.get("TZ")
    if named is None:
        # A link to .../zoneinfo/Europe/Berlin, on Linux and on macOS.
        named = str(_LOCALTIME.resolve()).rpartition(f"/{_FOLDER}/")[2] if _LOCALTIME.is_symlink() else ""
    named = named.removeprefix(":")
    return named if _is_known(named) else None


def check(name: str) -> None:
    """Raise Refused for what is not the IANA name of a time zone."""
    if not _is_known(name):
        raise Refused(f"{name!r} is not a time zone: write its IANA name, such as Europe/Berlin.")


def _is_known(name: str) -> bool:
    # "localtime" is whatever a computer says it is, so it names no zone.
    return name in available_timezones() - {"localtime", "Factory"}


def table(name: str, now: int) -> Table:
    """The offset of now, from 0 on, and the coming changes. now: Unix seconds."""
    zone = ZoneInfo(name)
    rows = [(0, _offset(zone, now))]
    at, end = now, min(now + _LOOK_S, _LAST_S)
    while at < end and len(rows) < limits.TIME_ZONE_CHANGES:
        step = min(at + DAY_S, end)
        if _offset(zone, step) != rows[-1][1]:
            step = _change(zone, at, step)
            rows.append((step, _offset(zone, step)))
        at = step
    return rows


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second after a change that lies between two moments."""
    old = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after


def _offset(zone: ZoneInfo, at: int) -> int:
    return (datetime.fromtimestamp(at, zone).utcoffset() or timedelta()) // timedelta(minutes=1)


def pack(rows: Table) -> bytes:
    """A table as a door takes it."""
    return b"".join(CHANGE.pack(*row) for row in rows)


def unpack(packed: bytes) -> Table:
    """The table that a door has."""
    whole = len(packed) // CHANGE.size * CHANGE.size
    return [(at, minutes) for at, minutes in CHANGE.iter_unpack(packed[:whole])]


def is_enough(sent: bytes | None, name: str, now: int) -> bool:
    """Whether a door that has this table will tell the time of a zone for the coming year.

    False also where the zone's rules are others by now than when the table was made.
    """
    return sent is not None and _ahead(unpack(sent), now) == _ahead(table(name, now), now)


def _ahead(rows: Table, now: int) -> tuple[int | None, Table]:
    """The offset of now, and the changes of the coming year with the first one after it."""
    offset = next((minutes for at, minutes in reversed(rows) if at <= now), None)
    coming = [row for row in rows if row[0] > now]
    near = sum(at <= now + _AHEAD_S for at, _ in coming)
    return offset, coming[: near + 1]


def offset_text(minutes: int) -> str:
    """An offset for people, such as UTC+02:00."""
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
