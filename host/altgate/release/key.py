"""The release key: an LMS private key (RFC 8554) in a file, of which no one-time key ever signs twice.

Two signatures by one one-time key give everybody the means to make a third. So the number of the next one is
stored before a signature is made, one process at a time uses the file, and each computer remembers how far it
has seen a key go: a copy that was put back is refused there.
"""

import contextlib
import json
import os
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from altgate.errors import CheckFailed, Refused
from altgate.protocol import update
from altgate.provision.extra import needed

FORMAT = "altgate/release-key/1"
PUBLIC_KEY_BYTES = 56
SEED_BYTES = 32
# How many signatures a key has: type of its tree (LMS_SHA256_M32_H5, _H10); LMOTS_SHA256_N32_W4 for all.
TREES = {32: b"\0\0\0\5", 1024: b"\0\0\0\6"}
ONE_TIME = b"\0\0\0\3"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 15, 8, 1
_NONCE = bytes(12)  # each key that a passphrase gives is used once: its salt is fresh


@dataclass(frozen=True)
class ReleaseKey:
    """What the file holds; ``next``: number of the one-time key that signs next."""

    public_key: bytes
    next: int
    salt: bytes
    sealed: bytes

    @property
    def signatures(self) -> int:
        """How many there are in all."""
        return next(count for count, kind in TREES.items() if kind == self.public_key[:4])

    @property
    def left(self) -> int:
        """How many signatures are left."""
        return self.signatures - self.next


def create(path: Path, passphrase: str, signatures: int) -> ReleaseKey:
    """Make a key; raises Refused where the file exists or cannot be written."""
    if signatures not in TREES:
        raise Refused(
            f"A key of {signatures} signatures cannot be made: choose {' or '.join(map(str, TREES))}."
        )
    if not passphrase:
        raise Refused("The key needs a passphrase: give one that is long.")
    lms = needed("pyhsslms").pyhsslms
    made = lms.LmsPrivateKey(TREES[signatures], ONE_TIME, SEED=secrets.token_bytes(SEED_BYTES))
    public_key, salt = made.publicKey().serialize(), secrets.token_bytes(16)
    sealed = _cipher(passphrase, salt).encrypt(_NONCE, made.SEED, public_key)
    key = ReleaseKey(public_key, 0, salt, sealed)
    try:
        _create(path, _text(key))
    except FileExistsError:
        raise Refused(f"{path} exists: choose another name. A key is never written over.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written ({error.strerror}): choose another name.") from None
    return key


def read(path: Path) -> ReleaseKey:
    """What the file says, without its passphrase; raises Refused where it is no key or others can read it."""
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError):
        raise Refused(f"{path} cannot be read: give the file of a release key.") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise Refused(f"{path} is open to other users: chmod 600 {path}, and ask who may have read it.")
    try:
        held = json.loads(text)
        key = ReleaseKey(
            bytes.fromhex(held["public_key"]),
            held["next"],
            b64decode(held["salt"]),
            b64decode(held["sealed"]),
        )
        is_fine = held["format"] == FORMAT and len(key.public_key) == PUBLIC_KEY_BYTES
        is_fine = is_fine and type(key.next) is int and 0 <= key.next <= key.signatures
    except (ValueError, TypeError, KeyError, StopIteration):
        is_fine = False
    if not is_fine:
        raise Refused(f"{path} is no release key, or is damaged: take it from a backup that never signed.")
    return key


def sign(path: Path, passphrase: str, message: bytes) -> tuple[bytes, ReleaseKey]:
    """The signature of a manifest as a slot has it, and what is left of the key.

    The one-time key is spent on the disk before this returns, whatever happens then. Raises Refused where the
    key is spent, in use, or older than this computer has seen it, and CheckFailed for a wrong passphrase.
    """
    lms = needed("pyhsslms").pyhsslms
    with _lock(path):
        key = read(path)
        seen = _seen().get(key.public_key.hex(), 0)
        if key.next < seen:
            raise Refused(
                f"{path} is an old copy: it would use one-time key {key.next} again, and this computer has "
                f"seen the key at {seen}. Use the newest copy, or make a new key."
            )
        if not key.left:
            raise Refused(
                f"{path} has no signature left: make a new key, and give doors an image that knows it."
            )
        try:
            seed = _cipher(passphrase, key.salt).decrypt(_NONCE, key.sealed, key.public_key)
        except InvalidTag:
            raise CheckFailed("The passphrase is wrong, or the key's file is damaged.") from None
        private = lms.LmsPrivateKey(
            key.public_key[:4], key.public_key[4:8], SEED=seed, I=key.public_key[8:24], q=key.next
        )
        if private.publicKey().serialize() != key.public_key:
            raise CheckFailed(f"{path} is damaged: take it from a backup that never signed.")
        key = replace(key, next=key.next + 1)
        _replace(path, _text(key))
        _remember(key)
        return key.public_key[8 : 8 + update.KEY_ID_BYTES] + private.sign(message), key


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature as a slot has it is of this message under this key."""
    if signature[: update.KEY_ID_BYTES] != public_key[8 : 8 + update.KEY_ID_BYTES]:
        return False
    lms = needed("pyhsslms").pyhsslms
    try:
        found = lms.LmsPublicKey.deserialize(public_key).verify(message, signature[update.KEY_ID_BYTES :])
    except (ValueError, IndexError):
        return False
    return bool(found)


def _cipher(passphrase: str, salt: bytes) -> ChaCha20Poly1305:
    scrypt = Scrypt(salt, length=32, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
    return ChaCha20Poly1305(scrypt.derive(passphrase.encode()))


def _text(key: ReleaseKey) -> str:
    held = {
        "format": FORMAT,
        "public_key": key.public_key.hex(),
        "next": key.next,
        "salt": b64encode(key.salt).decode(),
        "sealed": b64encode(key.sealed).decode(),
    }
    return json.dumps(held, indent=2) + "\n"


def _create(path: Path, text: str) -> None:
    """A new file that nobody else can read, on the disk when this returns; raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(descriptor)


def _replace(path: Path, text: str) -> None:
    """Put a file in the place of another, on the disk when this returns."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    _create(beside, text)
    beside.replace(path)
    # Windows cannot open a folder, and has the new name on the disk by then.
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    lock = path.with_name(path.name + ".lock")
    try:
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Refused(f"{path} is in use by another signing; where there is none, delete {lock}.") from None
    except OSError as error:
        raise Refused(f"{lock} cannot be made ({error.strerror}): make the folder writable.") from None
    try:
        yield
    finally:
        lock.unlink()


def _history() -> Path:
    return Path(platformdirs.user_state_dir("altgate")) / "release-keys.json"


def _seen() -> dict[str, Any]:
    """Public key in hexadecimal to the highest number that this computer has seen as its next."""
    try:
        held = json.loads(_history().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        held = None
    if not isinstance(held, dict) or any(type(value) is not int for value in held.values()):
        raise Refused(f"{_history()} cannot be read: it tells which one-time keys are spent. Restore it.")
    return held


def _remember(key: ReleaseKey) -> None:
    path = _history()
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps({**_seen(), key.public_key.hex(): key.next}, indent=2) + "\n")
