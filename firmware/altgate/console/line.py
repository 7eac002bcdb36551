"""The serial line of a door: its frames, and the keys under which all is sealed that changes anything.

A bare board says who it is and agrees on keys with whoever asks. Any other stays silent until somebody
proves a key that it knows, and then speaks with that one alone. Frames and numbers: protocol.provisioning.
"""

import binascii
import hashlib
import os
import struct

from altgate.crypto import cbor, consteq, hkdf, hmac256, siv
from protocol import limits, provisioning, reasons

_NONE = 1 << 32


class Bad(Exception):
    """What came is refused; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Line:
    """One end of the line. ``desk`` is what the board is just now: a bare.Desk or service.Desk.

    Of a desk: hello(), the values after FRAME_HELLO, or None for silence; psk(who), the key that is to be
    proved, or None; proved(nonce), whether a knock whose MAC is right is answered; entered(who), told before
    the first thing that is said under that key; and ``await take(said)``, what is answered to something said;
    it may raise Bad.
    """

    def __init__(self, desk):
        self._desk = desk
        self._keys = None
        self._who = None  # who has knocked, and said nothing yet
        self._number = _NONE  # of what was taken last; the next is one more
        self._answer = None

    async def answer(self, line):
        """The line to send back for one line received (bytes without newline), or None for silence."""
        if not line.startswith(provisioning.MARK):
            return None
        try:
            if len(line) > limits.CONSOLE_LINE_BYTES:
                raise Bad(reasons.TOO_LONG)
            frame = _decode(line[len(provisioning.MARK) :])
            answer = await _HANDLERS[frame[0]](self, frame)
        except Bad as error:
            # Only a bare board tells a stranger what was wrong.
            answer = None if self._desk.hello() is None else [provisioning.FRAME_ERROR, error.reason]
        if answer is None:
            return None
        return provisioning.MARK + binascii.b2a_base64(cbor.encode(answer)).strip() + b"\n"

    async def _hello(self, frame):
        check(frame[1:], ())
        said = self._desk.hello()
        return said and [provisioning.FRAME_HELLO] + said

    async def _open(self, frame):
        check(frame[1:], (bytes,))
        if self._desk.hello() is None:
            return None
        from altgate.crypto import p256

        private, public = await p256.slices(p256.generate())
        try:
            secret = await p256.slices(p256.shared(private, frame[1]))
        except ValueError:
            raise Bad(reasons.BAD_SHAPE)
        self._agreed(secret, hashlib.sha256(frame[1] + public).digest())
        return [provisioning.FRAME_OPEN, public]

    async def _knock(self, frame):
        check(frame[1:], (bytes, bytes, bytes))
        who, nonce, mac = frame[1:]
        psk = self._desk.psk(who) if len(nonce) == limits.NONCE_BYTES else None
        if psk is None or not consteq.consteq(mac, hmac256.hmac256(psk, provisioning.KNOCK, who, nonce)):
            return None
        if not self._desk.proved(nonce):
            return None
        own = os.urandom(limits.NONCE_BYTES)
        self._agreed(psk, nonce + own)
        self._who = who
        return [
            provisioning.FRAME_KNOCK, own, hmac256.hmac256(psk, provisioning.COME_IN, nonce, own),
        ]  # fmt: skip

    def _agreed(self, secret, salt):
        self._keys = [
            hkdf.hkdf(secret, salt, label, siv.KEY_BYTES)
            for label in (provisioning.TO_DOOR, provisioning.TO_HOST)
        ]
        self._number, self._answer, self._who = -1, None, None

    async def _sealed(self, frame):
        check(frame[1:], (int, bytes))
        number = frame[1]
        if self._keys is None or not 0 <= number < _NONE or number not in (self._number, self._number + 1):
            return None
        bound = (struct.pack(">I", number),)
        try:
            said = siv.open_(self._keys[0], frame[2], bound)
        except siv.SivError:
            return None
        if number != self._number:
            # One that comes again had its answer lost on the line: it is not carried out again.
            answer = await self._answered(bytes(said))
            self._number, self._answer = number, bytes(siv.seal(self._keys[1], cbor.encode(answer), bound))
        siv.wipe(said)
        return [provisioning.FRAME_SEALED, number, self._answer]

    async def _answered(self, content):
        try:
            said = cbor.decode(content)
            if type(said) is not list or not said or type(said[0]) is not int:
                raise Bad(reasons.BAD_SHAPE)
            if self._who is not None:
                # Not when they knocked: a knock that somebody else had recorded says nothing.
                self._desk.entered(self._who)
                self._who = None
            return await self._desk.take(said)
        except cbor.CborError:
            return [provisioning.SAY_ERROR, reasons.BAD_CBOR]
        except Bad as error:
            return [provisioning.SAY_ERROR, error.reason]
        except OSError:
            return [provisioning.SAY_ERROR, reasons.STORAGE_FAILED]


def _decode(text):
    try:
        frame = cbor.decode(binascii.a2b_base64(text))
    except ValueError:
        raise Bad(reasons.BAD_FRAME)
    if type(frame) is not list or not frame or type(frame[0]) is not int or frame[0] not in _HANDLERS:
        raise Bad(reasons.BAD_FRAME)
    return frame


def check(values, kinds):
    """Raise Bad unless there are just so many values, of these types."""
    if tuple(type(value) for value in values) != kinds:
        raise Bad(reasons.BAD_SHAPE)


_HANDLERS = {
    provisioning.FRAME_HELLO: Line._hello,
    provisioning.FRAME_OPEN: Line._open,
    provisioning.FRAME_KNOCK: Line._knock,
    provisioning.FRAME_SEALED: Line._sealed,
}
