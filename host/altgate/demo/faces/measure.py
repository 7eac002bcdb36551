"""How well vectors tell people apart: cosines, error rates, and the two thresholds that follow from them.

Everything is computed from the int8 vectors as a door gets them, in plain Python. A comparison is genuine
when both vectors are one person's, else an impostor's; it is accepted from the threshold upwards. FNMR is the
share of genuine ones refused, FMR that of impostors accepted. ``python -m altgate.demo.faces`` prints them.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product
from operator import mul

from altgate.protocol import limits

# For these vectors only: thresholds do not transfer from one network to another.
VERIFY = limits.FACE_ACCEPT_THOUSANDTHS / 1000
AGREE = limits.FACE_AGREE_THOUSANDTHS / 1000
ENROLMENT = limits.FACE_SHOTS
Cosines = list[float]
Places = Mapping[tuple[int, int], bytes]


def cosine(one: bytes, other: bytes) -> float:
    """Cosine of two int8 vectors, -1 to 1; 0 where one of them is all zeros."""
    return _dot(_unit(one), _unit(other))


def mean(shots: Sequence[bytes]) -> bytes:
    """The template of some shots: their mean, rounded to int8. All shots are of about one length."""
    sums = (sum(values) for values in zip(*map(_signed, shots), strict=True))
    return bytes(round(total / len(shots)) & 0xFF for total in sums)


def agreement(shots: Sequence[bytes]) -> float:
    """The lowest cosine between any two of the shots of an enrolment."""
    return min(cosine(one, other) for one, other in combinations(shots, 2))


def evaluate(vectors: Places) -> tuple[Cosines, Cosines]:
    """Cosines of all pairs of shots, as ``(genuine, impostor)``: 1,800 and 78,000 for all of ORL."""
    sides: tuple[Cosines, Cosines] = ([], [])
    known = [(person, _unit(vector)) for (person, _shot), vector in vectors.items()]
    for (one, first), (other, second) in combinations(known, 2):
        sides[one != other].append(_dot(first, second))
    return sides


def evaluate_templates(vectors: Places) -> tuple[Cosines, Cosines, Cosines]:
    """Cosines of shots with templates, as ``(genuine, impostor, agreements)``.

    Each person enrols ten times, with each three consecutive shots, and is compared with the other seven and
    with everyone else's ten: 2,800, 156,000 and 400 for all of ORL.
    """
    genuine: Cosines = []
    impostor: Cosines = []
    agreements: Cosines = []
    known = [(place, _unit(vector)) for place, vector in vectors.items()]
    people, shots = (sorted(set(numbers)) for numbers in zip(*vectors, strict=True))
    for person, start in product(people, range(len(shots))):
        used = {(person, shots[(start + step) % len(shots)]) for step in range(ENROLMENT)}
        enrolled = [vectors[place] for place in sorted(used)]
        agreements.append(agreement(enrolled))
        template = _unit(mean(enrolled))
        for place, vector in known:
            if place not in used:
                side = genuine if place[0] == person else impostor
                side.append(_dot(template, vector))
    return genuine, impostor, agreements


def error_rates(genuine: Cosines, impostor: Cosines, threshold: float) -> tuple[float, float]:
    """FNMR and FMR at a threshold, 0 to 1."""
    refused = sum(value < threshold for value in genuine)
    accepted = sum(value >= threshold for value in impostor)
    return refused / len(genuine), accepted / len(impostor)


def threshold_for(impostor: Cosines, fmr: float) -> float:
    """The lowest threshold at which no greater share of the impostors is accepted."""
    falling = sorted(impostor, reverse=True)
    return math.nextafter(falling[int(fmr * len(falling))], 2)


def equal_error(genuine: Cosines, impostor: Cosines) -> tuple[float, float]:
    """The error rate where FNMR and FMR meet, 0 to 1, and the threshold there."""
    low, high = sorted(genuine), sorted(impostor)

    def gap(threshold: float) -> float:
        return bisect_left(low, threshold) / len(low) - 1 + bisect_left(high, threshold) / len(high)

    steps = sorted(low + high)
    threshold = min(steps, key=lambda step: abs(gap(step)))
    return sum(error_rates(genuine, impostor, threshold)) / 2, threshold


def _signed(vector: bytes) -> Sequence[int]:
    return memoryview(vector).cast("b").tolist()


def _unit(vector: bytes) -> Sequence[float]:
    """The vector scaled to length 1, or all zeros as it is."""
    values = _signed(vector)
    length = math.hypot(*values) or 1.0
    return [value / length for value in values]


def _dot(one: Iterable[float], other: Iterable[float]) -> float:
    total: float = sum(map(mul, one, other))
    return total
