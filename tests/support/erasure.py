"""Templates that come and go on a simulated flash, and what is left of them, by another implementation."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from conftest import ROOT, Device

SCRIPT = ROOT / "tests" / "device" / "scripts" / "vault_erase.py"
WINDOW = 16
WRAP = bytes(range(64))
TITLE, DOOR = b"altgate/template/1", b"0a1b2c3d"
Row = dict[str, Any]


def play(folder: Path, seed: int, templates: int) -> list[Row]:
    """So many templates come and go, with other stores written in between; a row each."""
    given = [str(folder / "flash.bin"), str(folder), str(seed), str(templates)]
    done = Device().run(SCRIPT, heap="1m", args=given)
    return [json.loads(line) for line in done.stdout.splitlines()]


def windows(data: bytes) -> set[bytes]:
    """Every piece of WINDOW bytes."""
    return {data[at : at + WINDOW] for at in range(len(data) - WINDOW + 1)}


def image(folder: Path, number: int) -> set[bytes]:
    """The windows of the flash as it was at that moment."""
    return windows((folder / f"{number}.bin").read_bytes())


def secrets(row: Row) -> tuple[bytes, bytes, bytes, bytes]:
    """Key and template in the clear, then both as they lie sealed in the flash."""
    key, template, consent = (bytes.fromhex(row[name]) for name in ("key", "template", "consent"))
    bound = [TITLE, DOOR, row["resident"].to_bytes(4, "little"), consent]
    return key, template, AESSIV(key).encrypt(template, bound), AESSIV(WRAP).encrypt(key, bound)


def left(rows: list[Row], folder: Path) -> int:
    """Bytes of erased keys and templates that are found in the flash, right after and at the very end."""
    last = image(folder, max(row["erased"] for row in rows))
    bytes_left = 0
    for row in rows:
        erased = image(folder, row["erased"])
        for secret in secrets(row):
            bytes_left += len(windows(secret) & (erased | last)) * WINDOW
    return bytes_left
