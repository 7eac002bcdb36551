"""Passes as the host makes them (docs of altgate.crypto.passes), without the door's code for it."""

from binascii import b2a_base64
from hashlib import sha256

from altgate.crypto.hmac256 import hmac256

KEY, DOOR = bytes(range(32)), b"\x00\x00\x00\x01"
NOW = 150


class Keys:
    pass_key, door_bytes = KEY, DOOR


def text(raw):
    """A pass's text, rightly spelled."""
    return b"AG1:" + b2a_base64(raw).rstrip(b"=\n").replace(b"+", b"-").replace(b"/", b"_")


def fields(raw):
    """``(pass_id, not_before, not_after, uses)`` of a pass's bytes."""
    return raw[1:9], int.from_bytes(raw[9:13], "big"), int.from_bytes(raw[13:17], "big"), raw[17]


def tagged(raw):
    """These bytes made into a pass of one door with the right tag, whatever its fields say."""
    signed = (b"\1" + raw[1:18] + bytes(18))[:18]
    return signed + b"\1" + DOOR + hmac256(KEY, signed, DOOR)[:16]


def two_doors(pass_id):
    """A pass for another door and for this one, in force at NOW, good three times."""
    signed = b"\1" + pass_id + b"\0\0\0\x64\0\0\0\xc8\3"
    other = b"\0\0\0\2" + sha256(pass_id).digest()[:16]
    return signed + b"\2" + other + DOOR + hmac256(KEY, signed, DOOR)[:16]


RAW, OTHER = two_doors(b"pass-id1"), two_doors(b"\0pass-2\xff")
GENUINE = text(RAW)
FIELDS = fields(RAW)
MADE = [FIELDS, fields(OTHER)]
