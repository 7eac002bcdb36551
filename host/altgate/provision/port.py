"""The serial line behind one small interface, and pyserial behind it."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import serial
from serial.tools import list_ports

from altgate.errors import AltgateError
from altgate.provision import adapters
from altgate.provision.adapters import OWN, Adapter
from altgate.provision.causes import trouble

BAUD = 115200
FAST_BAUD = 460800  # what most cables carry; a board is flashed at it where that is so
WRITE_S = 5.0
_PROC = Path("/proc")
# What pyserial raises when the cable is pulled. Where it uses termios, that has an error of its own; we do
# not import it, because Windows has none.
LOST: tuple[type[Exception], ...] = (OSError, getattr(sys.modules.get("termios"), "error", OSError))
_UNUSABLE: tuple[type[Exception], ...] = (*LOST, ValueError)
_GONE = {errno.ENOENT, errno.ENODEV, errno.ENXIO}
_BUSY = {errno.EBUSY, errno.EAGAIN}
_DENIED = {errno.EACCES, errno.EPERM}
# What pyserial only has as text: Windows' errors, and the lock that another program holds.
_GONE_TEXT, _BUSY_TEXT = "FileNotFoundError", ("Access is denied", "exclusively lock")


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
        self._name, self._serial = name, open_serial(name)

    def write(self, data: bytes) -> None:
        with vanishing(self._name):
            self._serial.write(data)
            self._serial.flush()

    def read_line(self, timeout_s: float) -> bytes:
        self._serial.timeout = timeout_s
        with vanishing(self._name):
            return bytes(self._serial.read_until(b"\n", 1024))

    def close(self) -> None:
        self._serial.close()


@dataclass(frozen=True)
class Found:
    """A serial port of this computer; ``adapter`` is None where it is none that a board has."""

    name: str
    adapter: Adapter | None

    def __str__(self) -> str:
        return f"{self.name} ({self.adapter.name})" if self.adapter else self.name


def found() -> list[Found]:
    """Every serial port, boards' first."""
    every = [Found(one.device, adapters.adapter(one.vid, one.pid)) for one in list_ports.comports()]
    return sorted(every, key=lambda one: (one.adapter is None, one.name))


def named(ports: list[Found]) -> str:
    """Ports in a sentence."""
    return ", ".join(map(str, ports)) or "none"


def choose(name: str | None) -> str:
    """The port with this name, or the one that a board is on; raises the cause where that is not clear."""
    ports = found()
    if name:
        if name in {one.name for one in ports} or "://" in name or Path(name).exists():
            return name
        raise trouble("no_such_port", port=name, ports=named(ports))
    boards = [one for one in ports if one.adapter]
    if len(boards) > 1:
        raise trouble("several_ports", ports=named(boards))
    if boards:
        return boards[0].name
    for one in adapters.plugged_in():
        raise trouble("no_driver", adapter=one.name, driver=one.driver)
    raise trouble("no_port", drivers=adapters.drivers())


def open_serial(name: str) -> serial.Serial:
    """The port for us alone, at BAUD; raises the cause. Opening it does not reset a board.

    Of the two control lines a board's reset circuit wants both alike. POSIX raises both; Windows one after
    the other, so there they stay released. The chip's own USB has no such circuit, and says nothing to a
    computer that does not raise them.
    """
    line = serial.serial_for_url(name, BAUD, timeout=1, write_timeout=WRITE_S, do_not_open=True)
    if "://" not in name:
        line.exclusive = True
    if sys.platform == "win32" and not any(one.name == name and one.adapter is OWN for one in found()):
        line.rts = line.dtr = False
    try:
        line.open()
    except _UNUSABLE as error:
        raise _not_opened(name, error) from None
    return line


def _not_opened(name: str, error: Exception) -> AltgateError:
    text, number = str(error), getattr(error, "errno", None)
    if number in _BUSY or any(one in text for one in _BUSY_TEXT):
        return trouble("busy", port=name, holder=holder(name) or "another program")
    if number in _GONE or _GONE_TEXT in text:
        return trouble("no_such_port", port=name, ports=named(found()))
    if number in _DENIED:
        return trouble("permission", port=name, group=_group(name))
    return trouble("cannot_open", port=name, error=os.strerror(number) if number else text)


def holder(name: str, proc: Path = _PROC) -> str | None:
    """Who else has the port open, where the kernel says so to this user."""
    try:
        wanted = Path(name).resolve()
        for link in proc.glob("[0-9]*/fd/*"):
            if link.parts[-3] != str(os.getpid()) and _target(link) == wanted:
                program = (link.parent.parent / "comm").read_text().strip()
                return f"{program} (process {link.parts[-3]})"
    except OSError:
        pass  # it ended while we looked
    return None


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None


def _group(name: str) -> str:
    try:
        return Path(name).group()
    except (OSError, KeyError, NotImplementedError):
        # It is gone, its group has no name, or this is Windows: what the remedy says of Linux is true anyway.
        return "dialout"


@contextmanager
def vanishing(name: str) -> Iterator[None]:
    """What pyserial raises when the cable is pulled, as the cause."""
    try:
        yield
    except LOST:
        raise trouble("port_lost", port=name) from None
