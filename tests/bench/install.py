"""Figures of an installation: the guided command, with a person and a manager at a simulated board."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from altgate.demo.building import FRONT
from altgate.registry import doors
from bench.figures import Figure
from support import installing

WHOLE_S, QUESTIONS = 60, 8
ENDS_S = 180


def install() -> Iterator[Figure]:
    """From the bare board to a checked door that has all its credentials."""
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as name:
        folder = Path(name)
        with installing.bare(folder) as building:
            ticket = installing.ticket(building, folder / "front.ticket")
            began = time.monotonic()
            done = installing.guided(building, ticket, "--report", folder / "report.html")
            code = done.wait(ENDS_S)
            building.wait_applied()
            taken = time.monotonic() - began
            assert code == 0, done.text
            with building.site.read() as session:
                held = doors.find(session, FRONT).applied_version
    text = f"s with {installing.CREDENTIALS} credentials, which is version {held} of the door's state"
    yield Figure("install.seconds", round(taken, 1), text, "<=", WHOLE_S)
    yield Figure("install.questions", done.questions, "questions", "<=", QUESTIONS)


BENCHES = ((("install.seconds", "install.questions"), install),)
