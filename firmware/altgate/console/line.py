"""The serial line: provisions a bare door, then answers nobody who does not hold the door's key.

Frames and numbers: protocol.provisioning. A provisioned door answers no unauthenticated frame at all.
"""

import binascii
import hashlib
import os

import altgate
from altgate.crypto import cbor, hmac256
from altgate.store import identity
from protocol import limits, provisioning, reasons


class Provisioning:
    """One attempt to provision. ``save(identity, journal_key)`` keeps what was checked; raises OSError."""

    def __init__(self, hardware_id, save, is_provisioned):
        self._hardware_id = hardware_id
        self._save = save
        self.is_provisioned = is_provisioned
        self._nonce = None
        self._content = None
        self._length = 0
        self._digest = b""

    def answer(self, line):
        """The line to send back for one line received (bytes without newline), or None for silence."""
        if self.is_provisioned or not line.startswith(provisioning.MARK):
            return None
        try:
            if len(line) > limits.CONSOLE_LINE_BYTES:
                raise _Bad(reasons.TOO_LONG)
            frame = _decode(line[len(provisioning.MARK) :])
            answer = _HANDLERS[frame[0]](self, frame)
        except _Bad as error:
            answer = [provisioning.FRAME_ERROR, error.args[0]]
        except identity.Unfit as error:
            self._content = None
            answer = [provisioning.FRAME_ERROR, error.reason]
        except OSError:
            answer = [provisioning.FRAME_ERROR, reasons.STORAGE_FAILED]
        return provisioning.MARK + binascii.b2a_base64(cbor.encode(answer)).strip() + b"\n"

    def _hello(self, frame):
        _check(frame, ())
        self._nonce = os.urandom(limits.NONCE_BYTES)
        return [
            provisioning.FRAME_HELLO, self._hardware_id, altgate.VERSION, altgate.BUILD, False, self._nonce,
        ]  # fmt: skip

    def _begin(self, frame):
        _check(frame, (int, bytes))
        if not 0 < frame[1] <= provisioning.CONTENT_BYTES or len(frame[2]) != 32:
            raise _Bad(reasons.TOO_LONG)
        self._length, self._digest, self._content = frame[1], frame[2], bytearray()
        return [provisioning.FRAME_CHUNK, 0]

    def _chunk(self, frame):
        _check(frame, (int, bytes))
        content = self._content
        if content is None:
            raise _Bad(reasons.BAD_SHAPE)
        if frame[1] > len(content) or frame[1] + len(frame[2]) > self._length:
            raise _Bad(reasons.OVERRUN)
        # A repeated chunk, whose answer was lost on the line, changes nothing.
        if frame[1] == len(content):
            content.extend(frame[2])
        return [provisioning.FRAME_CHUNK, len(content)]

    def _commit(self, frame):
        _check(frame, ())
        if self._content is None or self._nonce is None or len(self._content) != self._length:
            raise _Bad(reasons.BAD_SHAPE)
        content, self._content = bytes(self._content), None
        if hashlib.sha256(content).digest() != self._digest:
            raise _Bad(reasons.BAD_CHECKSUM)
        kept, journal_key = identity.split(content)
        self._save(kept, journal_key)
        key = identity.parse(kept).console_key
        self.is_provisioned = True
        return [provisioning.FRAME_COMMIT, hmac256.hmac256(key, self._nonce)]


class _Bad(Exception):
    """A frame that is refused, with its reason code."""


def _decode(text):
    try:
        frame = cbor.decode(binascii.a2b_base64(text))
    except ValueError:
        raise _Bad(reasons.BAD_FRAME)
    if type(frame) is not list or not frame or type(frame[0]) is not int or frame[0] not in _HANDLERS:
        raise _Bad(reasons.BAD_FRAME)
    return frame


def _check(frame, kinds):
    if tuple(type(value) for value in frame[1:]) != kinds:
        raise _Bad(reasons.BAD_SHAPE)


_HANDLERS = {
    provisioning.FRAME_HELLO: Provisioning._hello,
    provisioning.FRAME_BEGIN: Provisioning._begin,
    provisioning.FRAME_CHUNK: Provisioning._chunk,
    provisioning.FRAME_COMMIT: Provisioning._commit,
}
