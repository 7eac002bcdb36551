"""The tour as ``make tour`` runs it, and that a broken promise ends it."""

import subprocess
import sys

import pytest

from altgate.demo import cast
from altgate.demo.building import Building
from altgate.demo.tour import Tour
from altgate.errors import CheckFailed
from altgate.rig.ntag424 import CloneCard

WAIT_S = 200


def test_the_whole_tour_passes():
    # How long it takes is a line of `make bench`: here other tests run beside it.
    command = [sys.executable, "-m", "altgate", "tour", "--made-up-faces"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 20 steps as they should be" in done.stdout and not done.stderr


def test_a_card_that_does_not_open_ends_the_tour(tmp_path, monkeypatch):
    lines = []
    with Building(tmp_path) as building:
        clone = CloneCard(building.card())
        monkeypatch.setattr(building, "card", lambda: clone)
        with pytest.raises(CheckFailed, match=r"Step 2, 'A genuine NTAG 424 DNA opens': waited"):
            Tour(building, lines.append, cast.made_of_numbers()).run()
