"""The PN532's frames on its high-speed UART, seen from the chip (NXP UM0701-02, 6.2.1 and 6.2.5).

A frame is ``00 00 FF``, length and its complement, TFI, data, checksum, ``00``. Lengths over 255 use the
extended form ``00 00 FF FF FF`` with two length bytes.
"""

from dataclasses import dataclass
from enum import Enum, auto

ACK = bytes.fromhex("0000ff00ff00")
NACK = bytes.fromhex("0000ffff0000")
ERROR = bytes.fromhex("0000ff01ff7f8100")
FROM_HOST = 0xD4
FROM_CHIP = 0xD5
MOST_DATA = 264  # bytes after the TFI, 6.2.1.2


class Kind(Enum):
    """What the host sent."""

    COMMAND = auto()
    ACK = auto()
    NACK = auto()


@dataclass(frozen=True)
class Received:
    """One whole frame: for a command, ``body`` is its code and parameters without the TFI."""

    kind: Kind
    body: bytes = b""


def information(body: bytes) -> bytes:
    """The chip's answer ``body`` (code and data, at most 264 bytes) as a frame."""
    content = bytes((FROM_CHIP,)) + body
    size = len(content)
    if size <= 255:
        head = bytes((size, -size & 0xFF))
    else:
        head = b"\xff\xff" + size.to_bytes(2, "big") + bytes((-(size // 256 + size % 256) & 0xFF,))
    return b"\x00\x00\xff" + head + content + bytes((-sum(content) & 0xFF, 0))


class Parser:
    """Finds the host's frames in bytes that come in any pieces; what is no sound frame is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def forget(self) -> None:
        """Drop a frame that has begun."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Received]:
        """Take some bytes and return the frames that they completed."""
        self._buffer += data
        found: list[Received] = []
        while (step := self._step()) is not None:
            used, frame = step
            del self._buffer[:used]
            if frame is not None:
                found.append(frame)
        return found

    def _step(self) -> tuple[int, Received | None] | None:
        """(bytes used, frame or None), or None where more bytes are needed."""
        buffer = self._buffer
        start = buffer.find(b"\x00\xff")
        if start < 0:
            # The last byte may be the first half of a start code.
            surplus = len(buffer) - (1 if buffer.endswith(b"\x00") else 0)
            return (surplus, None) if surplus else None
        at = start + 2
        if len(buffer) < at + 2:
            return None
        if buffer[at : at + 2] == b"\x00\xff":
            return at + 2, Received(Kind.ACK)
        if buffer[at : at + 2] == b"\xff\x00":
            return at + 2, Received(Kind.NACK)
        return self._command(at)

    def _command(self, at: int) -> tuple[int, Received | None] | None:
        buffer = self._buffer
        if buffer[at : at + 2] == b"\xff\xff":
            if len(buffer) < at + 5:
                return None
            size, begin = buffer[at + 2] << 8 | buffer[at + 3], at + 5
            is_sound = not (buffer[at + 2] + buffer[at + 3] + buffer[at + 4]) & 0xFF
        else:
            size, begin = buffer[at], at + 2
            is_sound = not (buffer[at] + buffer[at + 1]) & 0xFF
        if not is_sound or not 0 < size <= MOST_DATA + 1:
            return at, None
        end = begin + size
        if len(buffer) < end + 1:
            return None
        content = bytes(buffer[begin:end])
        if (sum(content) + buffer[end]) & 0xFF or content[0] != FROM_HOST:
            return at, None
        return end + 1, Received(Kind.COMMAND, content[1:])
