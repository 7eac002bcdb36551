"""A board on a PTY whose boot loader answers: esp32-mock-bootloader, with a flash that is one and faults.

The mock speaks the loader's protocol to the real esptool. Its flash here erases by sector, programs 1 to 0
only, and can lose the supply at any byte that it programs or sector that it erases.
"""

import base64
import contextlib
import os
import struct
import threading
import tty
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cbor2

from altgate.hardware import make_partitions
from altgate.provision import esptool_quiet, tables

assert esptool_quiet.LOG  # before the mock imports esptool

from esp32_mock_bootloader import protocol, server  # noqa: E402
from esptool.bin_image import ESP32FirmwareImage, ESP32S3FirmwareImage, ImageSegment  # noqa: E402

SECTOR = 0x1000
STOCK_TABLE = make_partitions.binary(
    {
        "nvs": [1, 2, 0x9000, 0x6000],
        "factory": [0, 0, 0x10000, 0x1F0000],
        "vfs": [1, 0x81, 0x200000, 0x600000],
    },
    [],
)
MB = 1 << 20
JEDEC = {size: 0x4020 | (20 + bit) << 16 for bit, size in enumerate((MB, 2 * MB, 4 * MB, 8 * MB, 16 * MB))}

_here = threading.local()


class _Spi(server.SpiPeripheralMock):
    """The mock's flash chip, of the size of the board that this thread serves."""

    def read_reg(self, addr: int) -> int:
        value = super().read_reg(addr)
        return _here.jedec if value == protocol.MOCK_FLASH_ID else value


server.SpiPeripheralMock = _Spi


class SupplyLost(Exception):
    """The board lost its supply in the middle."""


@dataclass
class Faults:
    """``cut_after``: steps (a byte programmed, a sector erased) until the supply is lost; ``unplug_after``:
    bytes from the computer until the cable is pulled; ``stuck``: an offset whose lowest bit is always 0;
    ``garbles_above``: the rate above which what the computer hears is spoiled; ``says``: what its console
    says over and over until somebody talks to it; ``firmware``: the version that its console answers with."""

    cut_after: int | None = None
    unplug_after: int | None = None
    stuck: int | None = None
    garbles_above: int | None = None
    says: bytes = b""
    firmware: str = ""


@dataclass
class Flash:
    """NOR flash, in the place of the mock's FlashImage."""

    size: int
    faults: Faults = field(default_factory=Faults)
    steps: int = 0
    programmed: int = 0
    erased: list[int] = field(default_factory=list)
    erased_at: list[int] = field(default_factory=list)  # the steps before each

    def __post_init__(self) -> None:
        self.data = bytearray(b"\xff" * self.size)
        self._at, self._inflate = 0, zlib.decompressobj()

    def begin_defl(self, payload: bytes) -> None:
        self._inflate = zlib.decompressobj()
        self.begin_plain(payload)

    def begin_plain(self, payload: bytes) -> None:
        size, _, _, self._at = struct.unpack_from("<IIII", payload)
        self.erase_region(self._at, -(-size // SECTOR) * SECTOR)

    def write_defl_block(self, payload: bytes) -> None:
        self._program(self._inflate.decompress(protocol.data_command_payload(payload)))

    def write_plain_block(self, payload: bytes) -> None:
        self._program(protocol.data_command_payload(payload))

    def end_defl(self) -> None:
        pass

    def erase_region(self, offset: int, size: int) -> None:
        for at in range(offset, offset + size, SECTOR):
            self.erased_at.append(self.steps)
            self._step(1)
            self.data[at : at + SECTOR] = b"\xff" * SECTOR
            self.erased.append(at)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])

    md5_stub_response = server.FlashImage.md5_stub_response

    def _program(self, data: bytes) -> None:
        left = self._step(len(data))
        for at, byte in enumerate(data[:left], self._at):
            self.data[at] &= byte
        self.programmed += left
        self._at += left
        if self.faults.stuck is not None:
            self.data[self.faults.stuck] &= 0xFE
        if left < len(data):
            raise SupplyLost

    def _step(self, steps: int) -> int:
        """How many of these steps there is a supply for; raises SupplyLost where for none."""
        left = steps if self.faults.cut_after is None else min(steps, self.faults.cut_after - self.steps)
        if left <= 0:
            raise SupplyLost
        self.steps += left
        return left


class Line(server.PtyMasterTransport):
    """The board's end of a PTY."""

    faults = Faults()
    _received, _rate = 0, 115200

    def recv(self, size: int) -> bytes:
        if self.faults.says and not self._received:
            super().sendall(self.faults.says)
        data = super().recv(size)
        self._received += len(data)
        limit = self.faults.unplug_after
        if limit is not None and self._received > limit:
            raise SupplyLost
        if data.startswith(b"AG ") and self.faults.firmware:
            hello = [1, "a1b2", self.faults.firmware, "development", "of a test"]
            super().sendall(b"AG " + base64.b64encode(cbor2.dumps(hello)) + b"\n")
        if bytes([protocol.SLIP_END, 0, protocol.CMD["SYNC"]]) in data:
            self._rate = 115200  # the computer has begun anew, as a reset would
        at = data.find(bytes([protocol.SLIP_END, 0, protocol.CMD["CHANGE_BAUDRATE"], 8, 0]))
        if at >= 0:
            self._rate = struct.unpack_from("<I", data, at + 9)[0]
        return data

    def sendall(self, data: bytes) -> None:
        limit = self.faults.garbles_above
        if limit is not None and self._rate > limit and len(data) > 16:
            data = data[:9] + bytes([data[9] ^ 0x20]) + data[10:]
        while data:
            data = data[os.write(self._master, data) :]


class Board:
    """A board that is plugged in again and again; ``port`` is a name that stays, its flash keeps."""

    def __init__(self, folder: Path, chip: str = "esp32s3", size: int = 16 * MB) -> None:
        self.port, self.chip, self.flash = folder / "port", chip, Flash(size)

    @contextlib.contextmanager
    def plugged(self, faults: Faults | None = None) -> Iterator[None]:
        """The board answers on its port, until a fault of it or the end."""
        faults = faults or Faults()
        self.flash.faults, self.flash.steps, self.flash.programmed = faults, 0, 0
        self.flash.erased.clear()
        self.flash.erased_at.clear()
        line = Line.create()
        tty.setraw(line._slave)  # or what is said before anybody opens it comes back as an echo
        line.faults = faults
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(line.client_path)
        stop = threading.Event()
        thread = threading.Thread(target=self._serve, args=(line, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.port.unlink(missing_ok=True)

    def _serve(self, line: Line, stop: threading.Event) -> None:
        _here.jedec = JEDEC.get(self.flash.size, 0)
        connection = server.BootloaderConnection(pty=line)
        try:
            server.handle_client(connection, stop, self.chip, exit_on_disconnect=True, flash=self.flash)
        except SupplyLost:
            self.port.unlink()
        finally:
            line.close()


def image(chip: str = "esp32s3", program: bytes = b"octal_psram" + bytes(60_000)) -> bytes:
    """A file like a stock MicroPython image: loader, partition table, program; with 8 MB in its head."""
    kind = {"esp32": ESP32FirmwareImage, "esp32s3": ESP32S3FirmwareImage}[chip]
    start = kind.ROM_LOADER.BOOTLOADER_FLASH_OFFSET
    loader, app = (_bin(kind, data) for data in (b"loader" + bytes(20_000), program))
    file = loader.ljust(tables.OFFSET - start, b"\xff") + STOCK_TABLE
    return file.ljust(0x10000 - start, b"\xff") + app


def _bin(kind: type[ESP32FirmwareImage], data: bytes) -> bytes:
    made = kind()
    made.flash_size_freq = 0x3F
    made.chip_id = kind.ROM_LOADER.IMAGE_CHIP_ID
    made.segments = [ImageSegment(kind.ROM_LOADER.DROM_MAP_START + 0x20, data)]
    return bytes(made.save(None))
