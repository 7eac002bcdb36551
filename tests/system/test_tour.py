"""The tour as ``make tour`` runs it, and that a broken promise ends it."""

import subprocess
import sys
import time

import pytest

from altgate.demo.building import Building
from altgate.demo.tour import Tour
from altgate.errors import CheckFailed
from altgate.rig.ntag424 import CloneCard

MOST_S = 60


def test_the_whole_tour_passes_in_a_minute():
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "altgate", "tour"], capture_output=True, text=True, timeout=2 * MOST_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < MOST_S
    assert "All 10 steps as they should be" in done.stdout and not done.stderr


def test_a_card_that_does_not_open_ends_the_tour(tmp_path, monkeypatch):
    lines = []
    with Building(tmp_path) as building:
        clone = CloneCard(building.card())
        monkeypatch.setattr(building, "card", lambda: clone)
        with pytest.raises(CheckFailed, match=r"Step 1, 'A genuine NTAG 424 DNA opens': waited"):
            Tour(building, lines.append).run()
