"""What a bad cable does to a chip's frame; a fault turns one whole frame into what arrives."""

from collections.abc import Callable

Fault = Callable[[bytes], bytes]


def silence() -> Fault:
    """Nothing arrives."""
    return lambda frame: b""


def truncation(keep: int) -> Fault:
    """Only the first ``keep`` bytes arrive."""
    return lambda frame: frame[:keep]


def duplicate() -> Fault:
    """The frame arrives twice."""
    return lambda frame: frame + frame


def garbage(noise: bytes) -> Fault:
    """``noise`` arrives in front of the frame."""
    return lambda frame: noise + frame


def flipped_bit(index: int) -> Fault:
    """One bit of the byte at ``index`` (from the front, or negative from the end) is wrong."""

    def flip(frame: bytes) -> bytes:
        damaged = bytearray(frame)
        damaged[index] ^= 0x08
        return bytes(damaged)

    return flip
