"""``make bench``: every figure of every bench; exits 1 where one misses its bar.

Names given as arguments choose figures by how they begin (``door.heap``, ``door``). ``--write`` puts a whole
run into docs/figures.md.
"""

import logging
import sys
import time

from bench import boot, crypto, door, face, install, link, storage
from bench.figures import PAGE, Figure, page

# What a bench measures, and the function that does; a function is called once for all its names.
BENCHES = (
    *crypto.BENCHES,
    *door.BENCHES,
    *boot.BENCHES,
    *face.BENCHES,
    *install.BENCHES,
    *link.BENCHES,
    *storage.BENCHES,
)


def main(chosen: list[str]) -> int:
    """Run the chosen benches, all where none is named; returns the exit code."""
    # What the host logs, such as the broker being away, is part of a tour and not of its figures.
    logging.disable()
    is_writing = chosen == ["--write"]
    chosen = [] if is_writing else chosen
    began = time.monotonic()
    figures: list[Figure] = []
    for names, measure in BENCHES:
        if chosen and not any(name.startswith(one) for name in names for one in chosen):
            continue
        for figure in measure():
            figures.append(figure)
            print(figure, flush=True)
    if not figures:
        print(f"No figure begins with {' or '.join(chosen)}.", file=sys.stderr)
        return 2
    short = [figure.name for figure in figures if figure.is_short]
    print(f"{len(figures)} figures in {time.monotonic() - began:.0f} s, {len(short)} short", flush=True)
    if is_writing:
        PAGE.write_text(page(figures), encoding="utf-8")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
