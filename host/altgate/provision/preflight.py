"""The look before flashing: which port, which board, what is on it, and whether the line is good enough.

Everything is looked at, nothing is written. What stands in the way is raised as a row of causes.py.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from altgate.errors import ProvisionFailed
from altgate.provision import esp, tables
from altgate.provision.boards import BoardFile
from altgate.provision.causes import BoardFailed, BoardRefused, trouble
from altgate.provision.esp import Chip, LineTrouble, NotKept, Tell
from altgate.provision.port import BAUD, FAST_BAUD, SerialPort
from altgate.provision.session import Session
from altgate.provision.tables import Partition

LISTEN_S = 1.0
HELLO_S = 0.4
KEYS, JOURNAL = "keys", "journal"
MB = 1 << 20
_BROWN_OUT = b"Brownout detector was triggered"
_LINE_TEST_BYTES = 0x4000
_Done = TypeVar("_Done")


@dataclass(frozen=True)
class State:
    """What the flash holds. ``table``: empty where there is none that is whole."""

    table: dict[str, Partition]
    is_altgate: bool
    is_door: bool

    @property
    def text(self) -> str:
        """In words, for a person."""
        if self.is_door:
            return "a provisioned door"
        if self.is_altgate:
            return "altgate, not provisioned"
        return "other software" if self.table else "nothing that starts"


@dataclass(frozen=True)
class Report:
    """What a preflight found. ``firmware``: what an unprovisioned altgate says of itself on its console, ""
    where none answered; ``baud``: the rate at which the line is good."""

    port: str
    chip: str
    mac: str
    flash_mb: int
    baud: int
    holds: str
    firmware: str


def look(port: str, board: BoardFile, tell: Tell, baud: int = FAST_BAUD) -> Report:
    """The whole preflight of the board on ``port``; it runs its own program again afterwards."""
    firmware = _ask(port)

    def work(chip: Chip, rate: int) -> Report:
        chip.read(0, _LINE_TEST_BYTES)
        found = state(chip, board)
        flash_mb = chip.flash_bytes // MB
        return Report(port, chip.name, chip.mac, flash_mb, rate, found.text, firmware)

    return steadily(port, board, baud, tell, work)


def steadily(port: str, board: BoardFile, baud: int, tell: Tell, work: Callable[[Chip, int], _Done]) -> _Done:
    """Do ``work`` with the board on ``port``; where the line breaks what is sent, once more and slower.

    ``work`` goes on where it was when it is called again. Raises the cause.
    """
    rates = list(dict.fromkeys((baud, BAUD)))
    for rate in rates:
        try:
            with _met(port, board, rate) as chip:
                try:
                    return work(chip, rate)
                except NotKept as error:
                    chip.read(error.offset, tables.SECTOR)  # or it is the line that spoils what is read
                    raise
        except NotKept as error:
            if rate == rates[-1]:
                raise trouble("bad_write", offset=hex(error.offset)) from None
        except BoardRefused as error:
            if error.cause != "no_such_port" or rate == rates[0]:
                raise
            raise trouble("port_lost", port=port) from None  # it was there a moment ago
        except LineTrouble:
            if rate == rates[-1]:
                raise trouble("weak_cable", port=port, baud=rate) from None
        tell.note(f"At {rate} baud what is sent arrives broken; going on at {BAUD}. A better cable helps.")
    raise AssertionError("there is always a last rate")


@contextlib.contextmanager
def _met(port: str, board: BoardFile, baud: int) -> Iterator[Chip]:
    """The board on this port, if it is one like ``board``; it restarts at the end."""
    try:
        chip = esp.connect(port)
    except BoardFailed as error:
        if error.cause != "port_lost" and _BROWN_OUT in console(port):
            raise trouble("brown_out", port=port) from None
        raise
    try:
        _check(chip, board, baud, port)
        yield chip
    finally:
        chip.restart()  # also where it is refused: a door that was looked at is a door again
        chip.close()


def _check(chip: Chip, board: BoardFile, baud: int, port: str) -> None:
    if chip.family != board.family:
        raise trouble("wrong_chip", port=port, found=chip.name, wanted=board.chip_name, board=board.name)
    lock = chip.lock
    if lock:
        raise trouble("locked", what=lock)
    chip.start(baud)
    size = chip.flash_bytes
    if not size:
        raise trouble("flash_silent")
    if size < board.flash_bytes:
        raise trouble("flash_small", found=size // MB, wanted=board.flash_bytes // MB, board=board.name)


def state(chip: Chip, board: BoardFile) -> State:
    """What the flash holds. No secret is read: the page of the keys is only compared with an erased one."""
    table = tables.parse(chip.read(tables.OFFSET, tables.BYTES))
    is_altgate = KEYS in table and JOURNAL in table
    # Without a table, where this board's file has the keys: flashing erases them before it erases the table.
    keys = table[KEYS] if is_altgate else None if table else board.partitions[KEYS]
    is_door = keys is not None and not is_blank(chip, keys.offset, keys.size)
    return State(table, is_altgate, is_door)


def is_blank(chip: Chip, offset: int, size: int) -> bool:
    """Whether a part of the flash is erased."""
    return chip.md5(offset, size) == blank_md5(size)


@lru_cache(maxsize=64)
def blank_md5(size: int) -> str:
    """The MD5 of erased flash, hexadecimal."""
    return hashlib.md5(bytes([esp.ERASED]) * size).hexdigest()


def console(port: str) -> bytes:
    """What the board says by itself within LISTEN_S."""
    line, heard, end = SerialPort(port), b"", time.monotonic() + LISTEN_S
    try:
        while (left := end - time.monotonic()) > 0:
            heard += line.read_line(left)
    finally:
        line.close()
    return heard


def _ask(port: str) -> str:
    """The version of an altgate that waits to be provisioned; "" where none answers, as a door does not."""
    heard = console(port)
    if _BROWN_OUT in heard:
        raise trouble("brown_out", port=port)
    line = SerialPort(port)
    try:
        bare = Session(line, HELLO_S).hello()
        return bare.firmware if bare else ""
    except BoardFailed:
        raise
    except ProvisionFailed:
        return ""
    finally:
        line.close()
