"""The line of a door by itself: who is answered, and that each check of it is one that counts."""

import asyncio
import binascii
import struct
import sys
import time

import altgate


class Board:
    """In place of the wiring, which nothing here touches."""

    @staticmethod
    def hardware_id():
        return "a17e9a7e0001"


sys.modules["altgate.board"] = altgate.board = Board

from altgate.console import service as services
from altgate.console.line import Line
from altgate.crypto import cbor, consteq, hkdf, hmac256, siv
from protocol import limits, messages, names, provisioning, reasons, service

NOW = 1_800_000_000
KEY = bytes(range(32))
CERTIFICATE = bytes(range(200))
SCOPES = service.SCOPE_CHECK


class Clock:
    is_trusted, quality = True, messages.QUALITY_HOST

    def now(self):
        return NOW


class Identity:
    console_key, certificate = KEY, CERTIFICATE


class Door:
    def __init__(self):
        self.clock, self.identity, self.knocks, self.boot = Clock(), Identity(), b"", 7
        self.events, self.is_full = [], False

    def record(self, kind, reason=reasons.NONE, method=0, credential=0, resident=0, detail=0):
        if self.is_full:
            raise OSError(28)
        self.events.append((kind, reason, detail))


def who(scope=SCOPES, expires=NOW + 60, first=1):
    return struct.pack(">8sIB", bytes((first,)) * 8, expires, scope)


def psk(name):
    return hmac256.hmac256(KEY, provisioning.SERVICE, name)


def frame(*values):
    return b"AG " + binascii.b2a_base64(cbor.encode(list(values))).strip()


def decoded(line):
    assert line[:3] == b"AG " and line[-1:] == b"\n" and len(line) <= limits.CONSOLE_LINE_BYTES
    return cbor.decode(binascii.a2b_base64(line[3:]))


def knock(name, key, nonce):
    return frame(
        provisioning.FRAME_KNOCK, name, nonce, hmac256.hmac256(key, provisioning.KNOCK, name, nonce)
    )


def answer(line, text):
    return asyncio.run(line.answer(text))


class Caller:
    """The other end, written from docs/formats.md."""

    def __init__(self, line, name, nonce=b"n" * 16):
        self.line, self.number = line, 0
        key = psk(name)
        kind, own, mac = decoded(answer(line, knock(name, key, nonce)))
        assert kind == provisioning.FRAME_KNOCK
        assert mac == hmac256.hmac256(key, provisioning.COME_IN, nonce, own)
        self.out, self.back = [
            hkdf.hkdf(key, nonce + own, label, 64) for label in (provisioning.TO_DOOR, provisioning.TO_HOST)
        ]

    def sealed(self, *said):
        bound = (struct.pack(">I", self.number),)
        self.number += 1
        content = siv.seal(self.out, cbor.encode(list(said)), bound)
        return frame(provisioning.FRAME_SEALED, self.number - 1, bytes(content))

    def say(self, *said):
        found = decoded(answer(self.line, self.sealed(*said)))
        assert found[:2] == [provisioning.FRAME_SEALED, self.number - 1]
        bound = (struct.pack(">I", self.number - 1),)
        return cbor.decode(bytes(siv.open_(self.back, found[2], bound)))


def made(door=None):
    door = door or Door()
    return door, Line(services.Desk(door))


def test_strangers():
    door, line = made()
    right, nonce = who(), b"r" * 16
    for text in (
        b"", b"x", b"AG", b"AG ", b"AG !!!!", b"AG " + b"A" * 300, frame(), frame(9), frame(1), frame(1, 2),
        frame(2, bytes(65)), frame(4, 0, bytes(40)), frame(3), frame(3, right, nonce), frame(0, 1),
        frame(3, right, nonce, 7), frame(3, right, b"r" * 8, bytes(32)), frame("a"), frame(None),
        knock(right, bytes(32), nonce), knock(right[:-1], psk(right[:-1]), nonce),
        knock(right + b"x", psk(right + b"x"), nonce), knock(b"", psk(b""), nonce),
        knock(who(expires=NOW - 1), psk(who(expires=NOW - 1)), nonce),
        knock(who(0x80), psk(who(0x80)), nonce), knock(who(service.SCOPE_ALL), psk(right), nonce),
    ):  # fmt: skip
        assert answer(line, text) is None, text
    assert door.events == [] and door.knocks == b""
    Caller(line, right)


def test_a_check_that_is_taken_out_is_noticed():
    """What the strangers' silence hangs on: with each check gone, one of them is answered."""
    right, nonce = who(), b"r" * 16
    was, consteq.consteq = consteq.consteq, lambda a, b: True
    try:
        assert answer(made()[1], knock(right, bytes(32), nonce)) is not None
    finally:
        consteq.consteq = was
    late, door = who(expires=NOW - 1), Door()
    door.clock.is_trusted = False
    # A door that does not know the time must be opened by somebody who sets that right.
    assert answer(made(door)[1], knock(late, psk(late), nonce)) is not None
    all_bits, service.SCOPE_ALL = service.SCOPE_ALL, 0xFF
    try:
        assert answer(made()[1], knock(who(0x80), psk(who(0x80)), nonce)) is not None
    finally:
        service.SCOPE_ALL = all_bits
    door, line = made()
    Caller(line, right, nonce)
    assert answer(line, knock(right, psk(right), nonce)) is None
    door.knocks = b""
    assert answer(line, knock(right, psk(right), nonce)) is not None


def test_what_is_recorded_and_when():
    door, line = made()
    caller = Caller(line, who())
    # A knock alone may be somebody's recording: it is no use of the ticket.
    assert door.events == []
    about = caller.say(provisioning.SAY_ASK, service.VERB_ABOUT)
    assert about[:2] == [provisioning.SAY_ASK, reasons.DONE] and about[6] == 7 and about[7] == NOW
    caller.say(provisioning.SAY_ASK, service.VERB_ABOUT)
    assert door.events == [(messages.KIND_SERVICE, reasons.NONE, SCOPES)]
    door, line = made()
    door.is_full = True
    caller = Caller(line, who())
    assert caller.say(provisioning.SAY_ASK, service.VERB_ABOUT) == [0, reasons.STORAGE_FAILED]
    assert caller.say(provisioning.SAY_ASK, service.VERB_ABOUT) == [0, reasons.STORAGE_FAILED]


def test_replays():
    door, line = made()
    caller = Caller(line, who())
    first = caller.sealed(provisioning.SAY_ASK, service.VERB_ABOUT)
    told = answer(line, first)
    # The last one again has the same answer and is not carried out again; an older one has none.
    assert answer(line, first) == told
    second = caller.sealed(provisioning.SAY_ASK, service.VERB_ABOUT)
    assert answer(line, second) is not None and answer(line, first) is None
    ahead = caller.sealed(provisioning.SAY_LEAVE), caller.sealed(provisioning.SAY_LEAVE)
    assert answer(line, ahead[1]) is None
    # Another knock: what was sealed before it says nothing any more.
    Caller(line, who(first=2), b"m" * 16)
    assert answer(line, second) is None and answer(line, ahead[0]) is None
    for number in range(2 * service.KNOCKS):
        if number < service.KNOCKS - 1:
            assert answer(line, knock(who(), psk(who()), b"n" * 16)) is None
        Caller(line, who(), bytes((number,)) * 16)
    assert len(door.knocks) == 8 * service.KNOCKS


def test_scopes_and_shapes():
    door, line = made()
    caller = Caller(line, who(service.SCOPE_STRIKE))
    assert caller.say(provisioning.SAY_ASK, service.VERB_CHECK, 1, 0) == [0, reasons.OUT_OF_SCOPE]
    for said in ((provisioning.SAY_ASK,), (provisioning.SAY_ASK, 99), (provisioning.SAY_ASK, "a"), (77,)):
        assert caller.say(*said) == [0, reasons.UNKNOWN_VERB], said
    caller = Caller(line, who(), b"c" * 16)
    assert caller.say(provisioning.SAY_ASK, service.VERB_CHECK_STRIKE) == [0, reasons.OUT_OF_SCOPE]
    for arguments in ((), (1,), ("a", 0), (1, 0, 0), (1, True)):
        said = (provisioning.SAY_ASK, service.VERB_CHECK) + arguments
        assert caller.say(*said) == [0, reasons.BAD_SHAPE], arguments
    for arguments in ((0, 0), (service.CHECK_LAST + 1, 0), (1, -1), (1, service.CHECK_S + 1)):
        said = (provisioning.SAY_ASK, service.VERB_CHECK) + arguments
        assert caller.say(*said) == [0, reasons.UNKNOWN_VERB], arguments
    assert caller.say(provisioning.SAY_COMMIT) == [provisioning.SAY_COMMIT, len(CERTIFICATE)]
    chunk = caller.say(provisioning.SAY_READ, 120)
    assert chunk == [provisioning.SAY_READ, 120, CERTIFICATE[120:]]
    assert caller.say(provisioning.SAY_BEGIN, 1, 3, bytes(32)) == [provisioning.SAY_CHUNK, 0]


def test_a_line_is_a_short_step():
    line = made()[1]
    caller = Caller(line, who())
    longest = caller.sealed(provisioning.SAY_CHUNK, 0, bytes(provisioning.CHUNK_BYTES))
    began = time.ticks_us()
    answer(line, longest)
    sealed_us = time.ticks_diff(time.ticks_us(), began)
    again = knock(who(), psk(who()), b"k" * 16)
    began = time.ticks_us()
    assert answer(line, again) is not None
    print("US", sealed_us, time.ticks_diff(time.ticks_us(), began))


assert set(names.SCOPES) == {1 << bit for bit in range(8) if service.SCOPE_ALL >> bit & 1}
test_strangers()
test_a_check_that_is_taken_out_is_noticed()
test_what_is_recorded_and_when()
test_replays()
test_scopes_and_shapes()
test_a_line_is_a_short_step()
