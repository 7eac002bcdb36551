"""Drivers, as far as they need no chip: frames and calendars."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

BOTH = pytest.mark.parametrize("interpreter", ["micropython", "cpython"])


@pytest.fixture
def seed(record_property):
    """A fresh seed a run, printed with the test's output so that a failure can be run again."""
    value = random.randrange(2**30)
    print("seed", value)
    record_property("seed", value)
    return value


@BOTH
def test_frames_survive_anything(device, root, interpreter, seed):
    script = root / "tests/device/scripts/driver_frames.py"
    assert device.run(script, interpreter=interpreter, args=[str(seed)]).stdout == "ok\n"


@BOTH
def test_calendar_agrees_with_datetime(device, root, interpreter, seed):
    start, rng = datetime(2000, 1, 1, tzinfo=UTC), random.Random(seed)
    days = [0, 58, 59, 60, 365, 366, 1460, 1461, 36524]
    whens = [start + timedelta(days=d, seconds=86399) for d in days]
    whens += [start + timedelta(seconds=rng.randrange(100 * 365 * 86400)) for _ in range(300)]
    unix = [int(when.timestamp()) for when in whens]
    script = root / "tests/device/scripts/driver_clock.py"
    done = device.run(script, interpreter=interpreter, stdin=json.dumps(unix) + "\n")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        [w.year, w.month, w.day, w.hour, w.minute, w.second] for w in whens
    ]
