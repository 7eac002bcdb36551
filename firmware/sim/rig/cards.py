"""Cards as a reader finds them: ISO 14443 type A, with or without ISO 14443-4."""

from __future__ import annotations

from typing import Protocol


class Card(Protocol):
    """What comes into the field. Stamps are monotonic ns, 0 before the first."""

    uid: bytes  # 4, 7 or 10 bytes
    sens_res: bytes  # 2 bytes in the order the PN532 reports them
    sel_res: int  # 0x20 set: speaks ISO 14443-4
    ats: bytes  # with its length byte; empty without ISO 14443-4
    found_ns: int  # just before the last byte of the first answer that listed it since it came
    last_byte_ns: int  # just before the last byte of the newest answer that carried its data

    def activate(self) -> None:
        """It was selected anew: what was negotiated before is gone."""

    def answer(self, command: bytes) -> bytes | None:
        """Its answer to a command, or None where it stays mute."""


class UidCard:
    """A MIFARE Classic 1K for which nobody has the keys: all it gives is its UID."""

    def __init__(self, uid: bytes = bytes.fromhex("9c599b32")) -> None:
        if len(uid) not in (4, 7):
            raise ValueError("a UID of this kind has 4 or 7 bytes")
        self.uid = uid
        self.sens_res = b"\x00\x04" if len(uid) == 4 else b"\x00\x44"
        self.sel_res = 0x08
        self.ats = b""
        self.found_ns = self.last_byte_ns = 0

    def activate(self) -> None:
        """Nothing to forget."""

    def answer(self, command: bytes) -> bytes | None:
        """Nothing without its keys."""
        return None
