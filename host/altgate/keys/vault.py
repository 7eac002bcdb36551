"""The master key file, and what is sealed under it in the database.

Whoever has this file and the database can act as the host, so the file is created with mode 0600 and
refused if others may read it.
"""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from altgate.errors import SiteUnusable

MASTER_BYTES = 32


def write_private(path: Path, content: bytes) -> None:
    """Create a file with mode 0600; raises FileExistsError rather than overwrite."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 in one step: a reader, and a crash, see the old content or the new."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    write_private(new, content)
    new.replace(path)


class Vault:
    """Seals small secrets with AES-256-SIV (RFC 5297) and makes keyed hashes, each use under its own key."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._siv = AESSIV(self._derive("seal", 64))

    @classmethod
    def create(cls, path: Path) -> "Vault":
        """Make a new master key file."""
        write_private(path, secrets.token_bytes(MASTER_BYTES))
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "Vault":
        """Read the master key file; raises SiteUnusable where it is missing, damaged or open to others."""
        if not path.is_file():
            raise SiteUnusable(
                f"{path} is missing: restore it from your backup, or run altgate init elsewhere."
            )
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SiteUnusable(f"{path} can be read by other users: run chmod 600 on it.")
        master = path.read_bytes()
        if len(master) != MASTER_BYTES:
            raise SiteUnusable(f"{path} is damaged: restore it from your backup.")
        return cls(master)

    def seal(self, purpose: str, secret: bytes) -> bytes:
        """Seal bytes for one purpose, such as ``door/0a1b2c3d``; only the same purpose opens them."""
        return self._siv.encrypt(secret, [purpose.encode()])

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """The bytes sealed for this purpose; raises SiteUnusable if they were altered or moved."""
        try:
            return self._siv.decrypt(sealed, [purpose.encode()])
        except InvalidTag:
            raise SiteUnusable(
                f"The sealed secret of {purpose} does not open: master key and database differ; "
                "restore both from the same backup."
            ) from None

    def fingerprint(self, purpose: str, value: bytes) -> bytes:
        """A 32-byte keyed hash: equal for equal values, and of no use without the master key."""
        return hmac.digest(self._derive("hash/" + purpose, 32), value, hashlib.sha256)

    def _derive(self, label: str, size: int) -> bytes:
        info = b"altgate-host/" + label.encode()
        return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(self._master)
