"""Time as the host uses it: Unix seconds, UTC, in whole numbers."""

import time
from datetime import UTC, datetime

from altgate.errors import Refused

DAY_S = 86400

def now_s() -> int:
    """Unix seconds, UTC."""
    return int(time.time())


def to_text(moment_s: int | None) -> str | None:
    """ISO 8601 in UTC; None where there is no moment (None or 0)."""
    if not moment_s:
        return None
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str | None, name: str) -> int:
    """Unix seconds of an ISO 8601 date or time, 0 for None; without an offset it is local time.

    Raises Refused for any other text and for moments outside 1970 to 2106, which is what a door can store.
    """
    if text is None:
        return 0
    try:
        moment_s = int(datetime.fromisoformat(text).astimezone().timestamp())
    except (ValueError, OverflowError, OSError):
        raise Refused(
            f"{name} {text!r} is not a date: write it as 2027-01-31 or 2027-01-31T18:00+08:00."
        ) from None
    if not 0 < moment_s < 1 << 32:
        raise Refused(f"{name} {text!r} is outside 1970 to 2106: give a nearer date.")
    return moment_s


def window(start: str | None, end: str | None) -> tuple[int, int]:
    """``(not_before, not_after)`` in Unix seconds, 0 for open; raises Refused if it is past or empty."""
    not_before, not_after = parse(start, "--from"), parse(end, "--until")
    if not_after and not_after <= now_s():
        raise Refused(f"--until {end!r} is in the past: give a date still to come.")
    if not_after and not_before >= not_after:
        raise Refused(f"--from {start!r} is not before --until {end!r}: exchange them or choose a later end.")
    return not_before, not_after
