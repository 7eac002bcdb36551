"""What both sides derive from a door's key, written here with ``cryptography``; the door has its own code."""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from altgate.protocol import limits, provisioning, renewal


def door_subkey(door_key: bytes, label: str) -> bytes:
    """32 bytes for one use: HKDF-SHA-256 (RFC 5869), empty salt, info ``altgate/<label>``.

    Labels: index, pass; of a board's key console, enrol, and those of link_key().
    """
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"altgate/" + label.encode()).derive(door_key)


def link_key(board_key: bytes, direction: str, generation: int) -> bytes:
    """The key of the MACs of one direction, ``up`` or ``down``, in one generation."""
    return door_subkey(board_key, f"{direction}/{generation}")


def renewal_key(board_key: bytes) -> bytes:
    """The 64-byte key under which a renewal travels to the door."""
    return HKDF(algorithm=SHA256(), length=64, salt=None, info=renewal.LABEL).derive(board_key)


def admission_key(board_key: bytes) -> bytes:
    """The 64-byte key under which an admission travels to the board."""
    return HKDF(algorithm=SHA256(), length=64, salt=None, info=provisioning.ADMISSION).derive(board_key)


def credential_tag(door_key: bytes, kind: int, value: bytes) -> bytes:
    """The 16 bytes under which one door knows a credential, and no other door does."""
    mac = hmac.digest(door_subkey(door_key, "index"), bytes([kind]) + value, hashlib.sha256)
    return mac[: limits.TAG_BYTES]


def pass_tag(door_key: bytes, head: bytes, door_id: str) -> bytes:
    """A pass's 16-byte tag for one door, over its first 18 bytes and the door's id."""
    mac = hmac.digest(door_subkey(door_key, "pass"), head + bytes.fromhex(door_id), hashlib.sha256)
    return mac[: limits.TAG_BYTES]
