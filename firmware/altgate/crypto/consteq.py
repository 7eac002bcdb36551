"""Comparison of secrets in a time that depends on their length only."""


def consteq(a, b) -> bool:
    """Whether two byte strings are equal; both lengths may become known, the contents do not."""
    if len(a) != len(b):
        return False
    difference = 0
    for x, y in zip(a, b):
        difference |= x ^ y
    return difference == 0
