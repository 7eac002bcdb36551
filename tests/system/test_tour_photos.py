"""The tour with photos of real people before the camera; a file of its own, to run beside the other."""

import subprocess
import sys

import pytest

MOST_S = 300  # the photos may have to be fetched first

pytestmark = pytest.mark.download


@pytest.mark.timeout(MOST_S)
def test_the_tour_with_photos_of_real_people(root):
    done = subprocess.run(
        [sys.executable, "-m", "altgate", "tour", "--faces", str(root / ".cache" / "faces")],
        capture_output=True, text=True, timeout=MOST_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vectors of photos of two people" in done.stdout
    assert "All 20 steps as they should be" in done.stdout
