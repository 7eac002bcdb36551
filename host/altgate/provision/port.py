"""The serial line behind one small interface, and pyserial behind it."""

from typing import Protocol

import serial

from altgate.errors import ProvisionFailed

BAUD = 115200


class Port(Protocol):
    """A line of bytes to a door's console."""

    def write(self, data: bytes) -> None:
        """Send all of it."""

    def read_line(self, timeout_s: float) -> bytes:
        """The next line with its newline; shorter or empty when time is up."""

    def close(self) -> None:
        """Release the line."""


class SerialPort:
    """A Port over pyserial, which knows the ports of Linux, macOS and Windows."""

    def __init__(self, name: str) -> None:
        try:
            self._serial = serial.Serial(name, BAUD, timeout=1, write_timeout=5)
        except serial.SerialException:
            raise ProvisionFailed(
                f"{name} cannot be opened: check the cable, the name, and that no other program uses it."
            ) from None

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
            self._serial.flush()
        except serial.SerialException:
            raise ProvisionFailed("The serial line was lost: plug the board in again and repeat.") from None

    def read_line(self, timeout_s: float) -> bytes:
        self._serial.timeout = timeout_s
        try:
            return bytes(self._serial.read_until(b"\n", 1024))
        except serial.SerialException:
            raise ProvisionFailed("The serial line was lost: plug the board in again and repeat.") from None

    def close(self) -> None:
        self._serial.close()
