"""``python -m altgate.demo.faces.compute CACHE`` prints the vector of every photo, one in hex a line.

A process of its own, so that whoever waits for it goes on smoothly, and needs neither numpy nor the runner.
"""

import os
import sys
from pathlib import Path

from altgate.demo.faces.photos import NOBODY, PEOPLE, SHOTS, read_photo
from altgate.demo.faces.recogniser import Recogniser


def main(cache: Path) -> None:
    """Print the vectors of all photos, in order of person and shot; zeros where there is no face."""
    os.nice(10)
    recogniser = Recogniser(cache)
    for person in PEOPLE:
        for shot in SHOTS:
            vector = recogniser.vector(read_photo(cache, person, shot)) or NOBODY
            print(vector.hex(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
