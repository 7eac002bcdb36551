"""COSE_Mac0 with HMAC 256/256 over given bytes, as it should be and otherwise; without the door's code."""

import hashlib

import items

SEALED, OTHER_KEY, OTHER_TOPIC, HEADER, LONG_FORM = 1, 2, 3, 4, 5
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
HEADERS = (b"\xa0", b"\xa1\4\x41x", b"\xa1\x18\x18\0", b"\xf6", b"\x40", b"\xb8\0", b"\xbf\xff", b"\x80")
_PROTECTED = b"\x43\xa1\x01\x05"  # {1: 5}: HMAC 256/256
_PADS = {}


def hmac(key, *parts):
    """RFC 2104 from its formula, for keys of up to 64 bytes."""
    if key not in _PADS:
        whole = key + bytes(64 - len(key))
        _PADS[key] = [bytes([byte ^ pad for byte in whole]) for pad in (0x36, 0x5C)]
    inner = hashlib.sha256(_PADS[key][0])
    for part in parts:
        inner.update(part)
    return hashlib.sha256(_PADS[key][1] + inner.digest()).digest()


def seal(key, topic, content, header=b"\xa0", code=None):
    """A message of any content bytes (RFC 9052, 6.2).

    header: the unprotected header as it stands; code: a form of the content's length, as in items.head.
    """
    covered = (b"\x84\x64MAC0", _PROTECTED, items.head(2, len(topic)), topic, items.head(2, len(content)))
    tag = b"\x58\x20" + hmac(key, *covered, content)
    return b"\xd1\x84" + _PROTECTED + header + items.head(2, len(content), code) + content + tag


def message(frame, topic, elsewhere):
    """``(content, message)`` of a frame: its first byte is one of the ways above, or 0 for the bytes alone.

    HEADER and LONG_FORM take another byte from the content: which header, how long a form.
    """
    how, content = frame[0], frame[1:]
    if how in (HEADER, LONG_FORM):
        choice, content = (content + b"\0")[0], content[1:]
    if how == SEALED:
        return content, seal(KEY, topic, content)
    if how == OTHER_KEY:
        return content, seal(OTHER, topic, content)
    if how == OTHER_TOPIC:
        return content, seal(KEY, elsewhere, content)
    if how == HEADER:
        return content, seal(KEY, topic, content, HEADERS[choice % len(HEADERS)])
    if how == LONG_FORM:
        return content, seal(KEY, topic, content, code=24 + choice % 4)
    return content, content
