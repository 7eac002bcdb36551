"""Who this door is: what its ticket and its admission gave it, sealed in flash.

The file is AES-SIV of a CBOR map under a wrapping key that was made on the door and lies in a raw
partition of its own: zeroing that page ends everything that was sealed under it. On stock hardware whoever
holds the board can read both; the threat model says what that yields.
"""

import asyncio
import binascii
import os
import struct
from collections import namedtuple

from altgate.crypto import cbor, hkdf, siv
from altgate.store import files
from protocol import limits, provisioning, reasons

PATH = files.ROOT + "/identity.bin"
ENROLMENT = files.ROOT + "/enrolment.bin"  # store.enrolment's; it has no place beside an identity
_MOST = 8192
_WRAP_BYTES = 64
_MAGIC = b"AGW2"
_PAGE_BYTES = 80  # mark, key, CRC-32 and zeros: whole units of the ESP32's flash encryption
_ASSOCIATED = (b"altgate/identity/1",)

Identity = namedtuple(
    "Identity",
    (
        "door_id", "door_key", "zone", "zone_key", "broker_host", "broker_port", "broker_name", "ca",
        "certificate", "private_key", "wifi_ssid", "wifi_password", "provisioned_at", "generation",
        "index_key", "pass_key", "origin", "ticket_id", "ticket_secret", "ticket_expires", "console_key",
        "door_bytes",
    ),
)  # fmt: skip

# key of the map: (type, shortest, longest) for text and bytes; (int, lowest, highest)
SHAPES = {
    provisioning.DOOR_ID: (str, 8, 8),
    provisioning.DOOR_KEY: (bytes, limits.DOOR_KEY_BYTES, limits.DOOR_KEY_BYTES),
    provisioning.ZONE: (int, 0, 255),
    provisioning.ZONE_KEY: (bytes, 16, 16),
    provisioning.BROKER_HOST: (str, 1, 253),
    provisioning.BROKER_PORT: (int, 1, 65535),
    provisioning.BROKER_NAME: (str, 1, 253),
    provisioning.CA: (bytes, 64, 2048),
    provisioning.CERTIFICATE: (bytes, 64, 2048),
    provisioning.PRIVATE_KEY: (bytes, 32, 2048),
    provisioning.WIFI_SSID: (str, 0, 32),
    provisioning.WIFI_PASSWORD: (str, 0, 64),
    provisioning.TIME: (int, 1767225600, 0xFFFFFFFF),
    provisioning.GENERATION: (int, 0, 0xFFFF),
    provisioning.INDEX_KEY: (bytes, limits.DOOR_KEY_BYTES, limits.DOOR_KEY_BYTES),
    provisioning.PASS_KEY: (bytes, limits.DOOR_KEY_BYTES, limits.DOOR_KEY_BYTES),
    provisioning.ORIGIN: (str, 1, 128),
    # Whoever installed the board may check it by the same ticket until that expires.
    provisioning.TICKET_ID: (bytes, provisioning.TICKET_ID_BYTES, provisioning.TICKET_ID_BYTES),
    provisioning.TICKET_SECRET: (bytes, provisioning.TICKET_SECRET_BYTES, provisioning.TICKET_SECRET_BYTES),
    provisioning.EXPIRES: (int, 1767225600, 0xFFFFFFFF),
    # Of an admission; it does not stay.
    provisioning.JOURNAL_KEY: (bytes, limits.DOOR_KEY_BYTES, limits.DOOR_KEY_BYTES),
}
_KEPT = sorted(key for key in SHAPES if key != provisioning.JOURNAL_KEY)


class Unfit(Exception):
    """What came is not what makes an identity; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def parse(content):
    """The Identity in a map of its fields; raises Unfit. Every field is checked for type and bounds."""
    try:
        fields = cbor.decode(content)
    except cbor.CborError:
        raise Unfit(reasons.BAD_CBOR)
    if type(fields) is not dict or set(fields) != set(_KEPT):
        raise Unfit(reasons.BAD_SHAPE)
    check(fields, SHAPES)
    values = [fields[key] for key in _KEPT]
    door_bytes = bytes(int(values[0][at : at + 2], 16) for at in range(0, 8, 2))
    return Identity(*(values + [hkdf.door_subkey(values[1], b"console"), door_bytes]))


def check(fields, shapes):
    """Raise Unfit where a field of these shapes is of another type or out of its bounds."""
    for key, (kind, low, high) in shapes.items():
        value = fields.get(key)
        if key in fields and (
            type(value) is not kind or not low <= (value if kind is int else len(value)) <= high
        ):
            raise Unfit(reasons.BAD_SHAPE)
        if key == provisioning.DOOR_ID and any(digit not in "0123456789abcdef" for digit in value):
            raise Unfit(reasons.BAD_SHAPE)


def load(partition):
    """The Identity of this door, or None where it has none; raises files.Damaged or siv.SivError."""
    content = _content(partition)
    if content is None:
        return None
    identity = parse(bytes(content))
    siv.wipe(content)
    try:
        # Left where power was cut just before.
        os.remove(ENROLMENT)
    except OSError:
        pass
    return identity


def _content(partition):
    """The map as bytes in a bytearray, None where there is none; raises files.Damaged or siv.SivError."""
    sealed = files.read(PATH, _MOST)
    wrap = wrapping_key(partition)
    if sealed is None:
        return None
    if wrap is None:
        # Not a bare board: nobody may provision it anew who only has its cable.
        raise files.Damaged("keys")
    return siv.open_(wrap, sealed, _ASSOCIATED)


async def renew(partition, generation, certificate):
    """Keep another certificate, under another generation; raises OSError, and the old one stays.

    In several steps, because the door goes on opening.
    """
    content = _content(partition)
    if content is None:
        raise OSError(5)
    await asyncio.sleep_ms(0)
    fields = cbor.decode(bytes(content))
    siv.wipe(content)
    fields[provisioning.GENERATION], fields[provisioning.CERTIFICATE] = generation, certificate
    sealed = siv.seal(wrapping_key(partition), cbor.encode(fields), _ASSOCIATED)
    await asyncio.sleep_ms(0)
    files.write(PATH, sealed)


def save(partition, content):
    """Keep a map that parse() accepts; on return it outlives a power cut. Raises OSError."""
    wrap = wrapping_key(partition) or make_wrapping_key(partition)
    files.write(PATH, siv.seal(wrap, content, _ASSOCIATED))
    if load(partition) is None:
        raise OSError(5)


def wrapping_key(partition):
    """The door's own 64-byte key, under which everything else is sealed; None where there is none."""
    page = bytearray(_PAGE_BYTES)
    partition.readblocks(0, page, 0)
    key = bytes(page[4 : 4 + _WRAP_BYTES])
    return key if page == _page(key) else None


def make_wrapping_key(partition):
    """Make and keep the key, on a board that has none."""
    # app.py has the radio on before this: without it the random numbers of an ESP32 are weak.
    key = os.urandom(_WRAP_BYTES)
    partition.ioctl(6, 0)
    # In one piece: under flash encryption nothing can be added to it.
    partition.writeblocks(0, _page(key), 0)
    return key


def _page(key):
    content = _MAGIC + key
    content += struct.pack("<I", binascii.crc32(content))
    return content + bytes(_PAGE_BYTES - len(content))
