"""``python -m altgate.demo.faces CACHE`` fetches the faces and prints how well they are told apart."""

import sys
from pathlib import Path

from altgate.demo.faces import measure
from altgate.demo.faces.download import fetch
from altgate.demo.faces.photos import Photos
from altgate.errors import AltgateError

GOALS = (1e-3, 1e-4)
STEPS = (0.50, 0.52, 0.54, 0.56, 0.58, 0.60)


def main(cache: Path) -> None:
    """Fetch what is missing, and print the error rates of pairs of shots and of templates."""
    fetch(cache, lambda text, part: print(f"\r{part:4.0%}  {text:60}", end="", file=sys.stderr))
    print(file=sys.stderr)
    vectors = Photos(cache).vectors()
    print(f"{len(vectors)} photos with a face.")
    pairs = measure.evaluate(vectors)
    *templates, agreements = measure.evaluate_templates(vectors)
    for name, (genuine, impostor) in (("Pairs of shots", pairs), ("Mean of three shots", templates)):
        print(f"{name}: {len(genuine):,} genuine, {len(impostor):,} impostor.")
        rate, threshold = measure.equal_error(genuine, impostor)
        print(f"  equal error {rate:.2%} at {threshold:.3f}")
        for goal in GOALS:
            threshold = measure.threshold_for(impostor, goal)
            fnmr, _fmr = measure.error_rates(genuine, impostor, threshold)
            print(f"  FMR {goal:.0e}: FNMR {fnmr:.2%} at {threshold:.3f}")
        for step in STEPS:
            fnmr, fmr = measure.error_rates(genuine, impostor, step)
            print(f"  at {step:.2f}: FNMR {fnmr:.2%}, FMR {fmr:.1e}")
    for step in STEPS:
        refused = sum(value < step for value in agreements) / len(agreements)
        print(f"Three shots of one person disagree at {step:.2f}: {refused:.2%} of {len(agreements)}.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m altgate.demo.faces CACHE")
    try:
        main(Path(sys.argv[1]))
    except AltgateError as error:
        sys.exit(str(error))
