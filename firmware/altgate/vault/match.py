"""Comparing vectors of int8, in integers only: an ESP32's floats are too short. Pure.

A vector is limits.FACE_VECTOR_BYTES bytes, each a signed number. Similarity is the cosine of the angle
between two vectors; thresholds are in thousandths.
"""

from protocol import limits


def is_alike(a, b, thousandths) -> bool:
    """Whether the cosine of two vectors is at least ``thousandths`` / 1000; never for a vector of zeros."""
    dot = squares_a = squares_b = 0
    for x, y in zip(a, b):
        x = (x ^ 128) - 128
        y = (y ^ 128) - 128
        dot += x * y
        squares_a += x * x
        squares_b += y * y
    if dot <= 0:
        return False
    # cos >= t, squared and multiplied out
    return dot * dot * 1000000 >= thousandths * thousandths * squares_a * squares_b


def mean(vectors) -> bytearray:
    """The direction in the middle of some vectors, scaled so that its largest number is 127."""
    weights = []
    for vector in vectors:
        squares = sum(((x ^ 128) - 128) ** 2 for x in vector)
        # Each counts for its direction only, whatever its length.
        weights.append((1 << 26) // max(1, int(squares**0.5 * 16)))
    # Summed twice and kept nowhere: a list of sums would want a large piece of memory, and hold a face.
    largest = 1
    for at in range(limits.FACE_VECTOR_BYTES):
        largest = max(largest, abs(_sum(vectors, weights, at)))
    middle = bytearray(limits.FACE_VECTOR_BYTES)
    for at in range(limits.FACE_VECTOR_BYTES):
        total = _sum(vectors, weights, at)
        middle[at] = (abs(total) * 127 // largest * (1 if total > 0 else -1)) & 0xFF
    return middle


def _sum(vectors, weights, at):
    total = 0
    for number in range(len(weights)):
        total += ((vectors[number][at] ^ 128) - 128) * weights[number]
    return total
