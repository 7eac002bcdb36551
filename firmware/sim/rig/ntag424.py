"""NTAG 424 DNA: selecting its application, and AuthenticateEV2First with AES.

Source: NXP NT4H2421Gx data sheet rev. 3.0 (9.1.5 and 10.4), AN12196. The cryptography is the
`cryptography` package's and shares nothing with the firmware's.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

DF_NAME = bytes.fromhex("d2760000850101")
BLOCK = 16
KEYS = 5
PD_CAPABILITIES = bytes(6)

_DONE, _MORE = b"\x91\x00", b"\x91\xaf"
_NO_SUCH_KEY, _LENGTH_ERROR = b"\x91\x40", b"\x91\x7e"
_ILLEGAL_COMMAND, _AUTHENTICATION_ERROR = b"\x91\x1c", b"\x91\xae"
_HARDWARE = bytes.fromhex("04040230001105")
_SOFTWARE = bytes.fromhex("04040201021105")


def diversified(master: bytes, message: bytes) -> bytes:
    """The AES-128 key of one card (AN10922, 2.2): CMAC over 01 and ``message``, 1 to 31 bytes."""
    if not 1 <= len(message) <= 31:
        raise ValueError("AN10922 diversifies with 1 to 31 bytes")
    if len(message) == 31:
        return _cmac(master, b"\x01" + message)
    # Padded by the note to two blocks always; CMAC itself pads only to the next one.
    k2 = _double(_double(_ecb(master, bytes(BLOCK))))
    padded = (b"\x01" + message + b"\x80").ljust(2 * BLOCK, b"\x00")
    last = bytes(a ^ b for a, b in zip(padded[BLOCK:], k2, strict=True))
    return _ecb(master, bytes(a ^ b for a, b in zip(_ecb(master, padded[:BLOCK]), last, strict=True)))


class Ntag424:
    """One card: a UID of 7 bytes and its application keys of 16 bytes each.

    ``random(n)`` gives its RndB and transaction identifier; tests give published values.
    """

    sens_res = b"\x03\x44"
    sel_res = 0x20
    ats = bytes.fromhex("067777710280")

    def __init__(
        self, uid: bytes, key: bytes, random: Callable[[int], bytes] = os.urandom, others: bytes = bytes(16)
    ) -> None:
        if len(uid) != 7 or len(key) != BLOCK or len(others) != BLOCK:
            raise ValueError("an NTAG 424 DNA has a UID of 7 bytes and keys of 16")
        self.uid = uid
        self.keys = [key] + [others] * (KEYS - 1)
        self.found_ns = self.last_byte_ns = 0
        self.session: tuple[bytes, bytes] | None = None  # encryption key, MAC key
        self._random = random
        self._is_selected = False
        self._next: Callable[[bytes], bytes] | None = None

    def activate(self) -> None:
        """Back at the file system's root, without a session."""
        self._is_selected, self._next, self.session = False, None, None

    def answer(self, command: bytes) -> bytes | None:
        """The answer to an APDU, ending in two status bytes; mute where it is shorter than a header."""
        if len(command) < 4:
            return None
        if command[0] == 0x00:
            return self._iso(command)
        if command[0] == 0x90:
            return self._native(command)
        return b"\x6e\x00"

    def _iso(self, command: bytes) -> bytes:
        self._next = None
        if command[1] != 0xA4:
            return b"\x6d\x00"
        data = _data(command)
        if command[2] != 0x04 or command[3] not in (0x00, 0x0C):
            return b"\x6a\x86"
        if data is None:
            return b"\x67\x00"
        if data != DF_NAME:
            return b"\x6a\x82"
        self.session, self._is_selected = None, True
        return b"\x90\x00"

    def _native(self, command: bytes) -> bytes:
        data, step = _data(command), self._next
        self._next = None
        if data is None or command[2:4] != b"\x00\x00":
            return _LENGTH_ERROR
        if command[1] == 0xAF:
            return step(data) if step else b"\x91\xca"
        if command[1] == 0x60:
            return self._version(data)
        if command[1] == 0x71 and self._is_selected:
            return self._first(data)
        return _ILLEGAL_COMMAND

    def _version(self, data: bytes) -> bytes:
        if data:
            return _LENGTH_ERROR

        def production(more: bytes) -> bytes:
            return _LENGTH_ERROR if more else self.uid + bytes.fromhex("cf1234560004") + b"\x21" + _DONE

        def software(more: bytes) -> bytes:
            if more:
                return _LENGTH_ERROR
            self._next = production
            return _SOFTWARE + _MORE

        self._next = software
        return _HARDWARE + _MORE

    def _first(self, data: bytes) -> bytes:
        self.session = None
        if len(data) < 2 or len(data) != 2 + data[1] or data[1] > 6:
            return _LENGTH_ERROR
        if data[0] >= KEYS:
            return _NO_SUCH_KEY
        key, rnd_b = self.keys[data[0]], self._random(BLOCK)
        self._next = lambda token: self._second(key, rnd_b, token)
        return _encrypt(key, rnd_b) + _MORE

    def _second(self, key: bytes, rnd_b: bytes, token: bytes) -> bytes:
        if len(token) != 2 * BLOCK:
            return _LENGTH_ERROR
        clear = _decrypt(key, token)
        rnd_a = clear[:BLOCK]
        if clear[BLOCK:] != rnd_b[1:] + rnd_b[:1]:
            return _AUTHENTICATION_ERROR
        self.session = session_keys(key, rnd_a, rnd_b)
        transaction = self._random(4)
        clear = transaction + rnd_a[1:] + rnd_a[:1] + PD_CAPABILITIES + bytes(6)
        return _encrypt(key, clear) + _DONE


class CloneCard(Ntag424):
    """What a copyist can make of a card: the same UID and manners, but not its keys."""

    def __init__(self, card: Ntag424, key: bytes = b"\x5c" * BLOCK) -> None:
        super().__init__(card.uid, key)


def session_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """(encryption key, MAC key) of a session (data sheet 9.1.7)."""
    mixed = bytes(a ^ b for a, b in zip(rnd_a[2:8], rnd_b[:6], strict=True))
    context = rnd_a[:2] + mixed + rnd_b[6:] + rnd_a[8:]
    return (
        _cmac(key, bytes.fromhex("a55a00010080") + context),
        _cmac(key, bytes.fromhex("5aa500010080") + context),
    )


def _data(command: bytes) -> bytes | None:
    """The data field of a short APDU, with or without Le; None where its lengths do not fit."""
    if len(command) <= 5:
        return b""
    size = command[4]
    return command[5 : 5 + size] if size and len(command) in (5 + size, 6 + size) else None


def _double(block: bytes) -> bytes:
    value = int.from_bytes(block, "big") << 1
    return ((value & (1 << 128) - 1) ^ (0x87 if value >> 128 else 0)).to_bytes(BLOCK, "big")


def _ecb(key: bytes, block: bytes) -> bytes:
    # One block with a zero IV is the plain block cipher.
    return _encrypt(key, block)


def _encrypt(key: bytes, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK))).encryptor()
    return cipher.update(data) + cipher.finalize()


def _decrypt(key: bytes, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK))).decryptor()
    return cipher.update(data) + cipher.finalize()


def _cmac(key: bytes, data: bytes) -> bytes:
    code = CMAC(algorithms.AES(key))
    code.update(data)
    return code.finalize()
