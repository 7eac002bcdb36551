"""A GM65 code scanner on its UART, 9600 8N1: decoded codes, and the commands on its settings.

Source: Hangzhou Grow, GM65 user manual, "Serial communication": a command is ``7E 00``, type, length,
address (2 bytes), data, CRC (2 bytes); an answer ``02 00 00``, length, data, CRC. The CRC is CRC-16/XMODEM
from the type to the data; ``AB CD`` in its place asks for no check. What is no sound command gets no answer.
"""

import threading
from collections.abc import Callable

BAUD = 9600
SAVE, READ, WRITE, HEARTBEAT = 0x09, 0x07, 0x08, 0x0A
TRIGGER = 0x0002
BAUD_RATE = 0x002A  # two bytes, least significant first
RESTORE = 0x00D9
_HEADER = b"\x7e\x00"
_UNCHECKED = b"\xab\xcd"
_FACTORY, _SAVED = 0x50, 0x55
_ZONE_BYTES = 256

Send = Callable[[bytes, int], int]  # data and bits per second (0: at once); returns ns before the last byte


class Gm65:
    """One scanner. ``is_paced``: codes go out at 9600 bits a second, and show() takes that long."""

    def __init__(self, send: Send, is_paced: bool = False) -> None:
        self.last_byte_ns = 0
        self.is_paced = is_paced
        self.triggers = 0  # how often the board asked for a scan
        self._send = send
        self._lock = threading.Lock()
        self._saved = factory_settings()
        self.power_cycle()

    def power_cycle(self) -> None:
        """Start with the saved settings."""
        self._zone = bytearray(self._saved)
        self._buffer = bytearray()

    def show(self, text: str | bytes, ending: bytes = b"\r") -> int:
        """Decode a code: its text and the carriage return; returns ns just before the last byte.

        Bytes are sent as they are, so that a test can show what no code could hold.
        """
        data = text.encode() if isinstance(text, str) else text
        with self._lock:
            self.last_byte_ns = self._send(data + ending, BAUD if self.is_paced else 0)
            return self.last_byte_ns

    def setting(self, address: int, size: int = 1) -> bytes:
        """What stands in the settings zone."""
        return bytes(self._zone[address : address + size])

    def receive(self, data: bytes) -> None:
        """Bytes from the board, in any pieces."""
        self._buffer += data
        while (used := self._step()) > 0:
            del self._buffer[:used]

    def _step(self) -> int:
        """Carry out the first whole command; returns how many bytes are done with, 0 for "more is needed"."""
        buffer = self._buffer
        start = buffer.find(_HEADER)
        if start < 0:
            return len(buffer) - (1 if buffer.endswith(b"\x7e") else 0)
        if start:
            return start
        if len(buffer) < 4:
            return 0
        # A read always carries one data byte: how many it wants. A length of 0 stands for 256.
        size = 1 if buffer[2] == READ else buffer[3] or 256
        if len(buffer) < 8 + size:
            return 0
        code, body = bytes(buffer[6 + size : 8 + size]), bytes(buffer[2 : 6 + size])
        if code not in (_UNCHECKED, crc16(body).to_bytes(2, "big")):
            return 1
        self._carry_out(body[0], body[2] << 8 | body[3], body[4:])
        return 8 + size

    def _carry_out(self, kind: int, address: int, data: bytes) -> None:
        if kind == READ:
            size = data[0] or 256
            if address + size <= _ZONE_BYTES:
                self._answer(0x02, self.setting(address, size))
        elif kind == WRITE:
            if address + len(data) <= _ZONE_BYTES and self._write(address, data):
                self._answer(0x02, b"\x00")
        elif kind == SAVE and address == 0 and data == b"\x00":
            self._saved = bytes(self._zone)
            self._answer(0x02, b"\x00")
        elif kind == HEARTBEAT and address == 0 and data == b"\x00":
            self._answer(0x03, b"\x00")

    def _write(self, address: int, data: bytes) -> bool:
        if address == RESTORE:
            if data[0] == _FACTORY:
                self._saved = factory_settings()
            elif data[0] != _SAVED:
                return False
            self._zone[:] = self._saved
            return True
        if address == TRIGGER and data[0] & 1:
            # The bit clears itself when the scan is over.
            self.triggers += 1
            return True
        self._zone[address : address + len(data)] = data
        return True

    def _answer(self, head: int, data: bytes) -> None:
        body = bytes((0, len(data) & 0xFF)) + data
        with self._lock:
            self.last_byte_ns = self._send(bytes((head, 0)) + body + crc16(body).to_bytes(2, "big"), 0)


def factory_settings() -> bytes:
    """The settings zone of a new scanner, 256 bytes."""
    zone = bytearray(_ZONE_BYTES)
    zone[0x00] = 0xD6
    zone[BAUD_RATE : BAUD_RATE + 2] = bytes.fromhex("3901")
    return bytes(zone)


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM: polynomial 0x1021, initial 0."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value
