"""Improv frames and lines of text on one wire: the published vectors, and what one leaves the other."""

import asyncio
import binascii

import simctl
from altgate.console import stream
from altgate.console.improv import Improv, frame, result
from protocol import improv, limits

def unhex(text):
    return binascii.unhexlify(text.replace(" ", ""))


# Of the specification and its SDKs: states, a request for information, and Wi-Fi settings.
READY = unhex("494d50524f56 01 01 01 02 e2")
PROVISIONING = unhex("494d50524f56 01 01 01 03 e3")
PROVISIONED = unhex("494d50524f56 01 01 01 04 e4")
ABOUT = unhex("494d50524f56 01 03 02 03 00 e6")
WIFI = unhex("494d50524f56 01 03 20 01 1e 0c") + b"MyWirelessAP" + b"\x10mysecurepassword" + b"\xc1"

for vector, kind, content in (
    (READY, improv.TYPE_STATE, b"\x02"),
    (PROVISIONING, improv.TYPE_STATE, b"\x03"),
    (PROVISIONED, improv.TYPE_STATE, b"\x04"),
    (ABOUT, improv.TYPE_RPC, b"\x03\x00"),
    (WIFI, improv.TYPE_RPC, WIFI[9:-1]),
):
    assert frame(kind, content) == b"\n" + vector + b"\n"


def drained(line):
    found, one = [], line.next()
    while one:
        found.append(one)
        one = line.next()
    return found


def heard(*parts):
    """What a stream makes of bytes that come one by one; None stands for a pause."""
    line, found = stream.Stream(), []
    for part in parts:
        if part is None and line.give_up():
            found += drained(line)
        for byte in part or b"":
            line.feed(bytes((byte,)))
            found += drained(line)
            assert len(line._bytes) <= improv.FRAME_BYTES, len(line._bytes)
    if None not in parts:
        # All at once is the same.
        line.__init__()
        line.feed(b"".join(parts))
        assert drained(line) == found
    return found


STATE = unhex("494d50524f56 01 03 02 02 00 e5")
ASKED = (stream.FRAME, b"\x03\x02\x00")
TOLD = (stream.FRAME, b"\x03\x03\x00")
BAD = (stream.SPOILT, None)
TEXT = b"AG aGVsbG8="


def rpc(content):
    return frame(improv.TYPE_RPC, content)[1:-1]


assert heard(STATE + b"\n" + ABOUT + b"\n") == [ASKED, TOLD]
assert heard(STATE + ABOUT + TEXT + b"\n") == [ASKED, TOLD, (stream.LINE, TEXT)]
# Any byte may stand in a frame: newlines, a line, a whole frame.
for inner in (b"\n\r\n", b"\n" + TEXT + b"\n", STATE, improv.HEADER, bytes(range(256))[:255], b"\xff" * 255):
    assert heard(rpc(inner) + TEXT + b"\r\n") == [(stream.FRAME, b"\x03" + inner), (stream.LINE, TEXT)]
# The word in a line of text is a word.
for text in (b"AG IMPROV", b"IMPROVIMPROV", b"IMPROV 1", b"the IMPROV\x02\x03\x02 line"):
    assert heard(text + b"\n" + STATE) == [(stream.LINE, text), ASKED]
    assert heard(text[:-1], None, text[-1:] + b"\r" + STATE) == [(stream.LINE, text), ASKED]
# A line that a frame has cut short is gone; the next one is whole.
assert heard(b"AG cut sh" + STATE + TEXT + b"\n") == [ASKED, (stream.LINE, TEXT)]
assert heard(b"IMPROIMPROV" + STATE) == [ASKED] == heard(b"IMPROV" + STATE)

# One wrong bit: that, and nothing else but text that nobody answers.
for at in (7, 9, 10, 11):
    for bit in range(8):
        spoiled = bytearray(STATE)
        spoiled[at] ^= 1 << bit
        texts = [(stream.LINE, text) for text in bytes(spoiled[7:]).split(b"\n") if text]
        assert heard(bytes(spoiled) + b"\n" + STATE) == [BAD] + texts + [ASKED]
# A frame that was cut short: what comes behind it is heard, at once or after a pause.
for cut in range(7, len(WIFI)):
    assert heard(WIFI[:cut], None, STATE) == [ASKED], cut
    assert heard(WIFI[:cut], None, TEXT + b"\n") == [(stream.LINE, TEXT)], cut
    assert heard(WIFI[:cut] + b"\n" + TEXT + b"\n" + STATE, None)[-2:] == [(stream.LINE, TEXT), ASKED], cut
    assert heard(WIFI[:cut] + STATE * 4, None)[-1] == ASKED, cut
assert heard((improv.HEADER + b"\x03\xff") * 3, None, TEXT + b"\n") == [(stream.LINE, TEXT)]
# A line may take its time.
assert heard(TEXT[:5], None, TEXT[5:], None, b"\n") == [(stream.LINE, TEXT)]

# Too long is seen to be too long, also where it goes on for ever.
for length in (limits.CONSOLE_LINE_BYTES, limits.CONSOLE_LINE_BYTES + 1, 400, 5000):
    kept = min(length, limits.CONSOLE_LINE_BYTES + 1)
    assert heard(b"A" * length + b"\n" + STATE) == [(stream.LINE, b"A" * kept), ASKED]
    assert heard(b"A" * length + STATE + TEXT + b"\n") == [ASKED, (stream.LINE, TEXT)]

# The length of a frame is never that of a newline: an empty text more, and only then.
for length in range(30):
    sent = result(improv.RPC_SCAN, (b"x" * length,))[1:-1]
    assert sent[8] == 3 + length + (length == 7) and sent[8] != 10, length
    assert sent[9:11] == bytes((improv.RPC_SCAN, sent[8] - 2)) and sent[12 : 12 + length] == b"x" * length


def door(air=()):
    simctl.config["air"] = air
    sent, kept = [], []
    return Improv(("altgate", "1", "chip", "name"), sent.append, kept.append), sent, kept


def error(number):
    return frame(improv.TYPE_ERROR, bytes((number,)))


def state(number):
    return frame(improv.TYPE_STATE, bytes((number,)))


def asks(content, air=()):
    """What is said to one RPC, and what was kept."""
    talk, sent, kept = door(air)

    async def play():
        talk.take(b"\x03" + content)
        if talk._job:
            await talk._job

    asyncio.run(play())
    return sent, kept


AIR = [["MyWirelessAP", "mysecurepassword", -60], ["open", "", -70]]
JOINED = [error(0), state(3), state(4), frame(improv.TYPE_RESULT, b"\x01\x00")]
assert asks(WIFI[9:-1], AIR) == (JOINED, [None, ("MyWirelessAP", "mysecurepassword")])
assert asks(b"\x01\x06\x04open\x00", AIR) == (JOINED, [None, ("open", "")])
for content, air in ((WIFI[9:-1], []), (b"\x01\x06\x04open\x01".replace(b"\x06", b"\x07") + b"x", AIR)):
    assert asks(content, air) == ([error(0), state(3), error(3), state(2)], [None])
assert asks(b"\x02\x00") == ([error(0), state(2)], [])


def asked_while_it_joins():
    talk, sent, kept = door(AIR)

    async def play():
        for content in (WIFI[9:-1], b"\x02\x00", b"\x04\x00", WIFI[9:-1]):
            talk.take(b"\x03" + content)
            await asyncio.sleep_ms(1)
        await talk._job
        talk.take(b"\x03\x02\x00")

    asyncio.run(play())
    return sent


BUSY = [error(0), state(3), error(0), state(3), error(255), error(255), state(4)]
GOES_ON = [frame(improv.TYPE_RESULT, b"\x01\x00"), error(0), state(4), frame(improv.TYPE_RESULT, b"\x02\x00")]
assert asked_while_it_joins() == BUSY + GOES_ON
assert asks(b"\x03\x00")[0] == [error(0), result(3, (b"altgate", b"1", b"chip", b"name"))]
for command in (0, 5, 6, 7, 255):
    assert asks(bytes((command, 0))) == ([error(2)], [])
    assert asks(bytes((command, 1)) + b"x") == ([error(2)], [])
for malformed in (
    b"", b"\x02", b"\x02\x01", b"\x02\x00\x00", b"\x02\x01\x00", b"\x04\x01\x00",
    b"\x01\x00", b"\x01\x01\x00", b"\x01\x02\x00\x00", b"\x01\x02\x01a", b"\x01\x03\x02a\x00",
    b"\x01\x04\x01a\x02b", b"\x01\x04\x01a\x00b", b"\x01\x05\x01a\x01bc",
    b"\x01\x04\x01\xff\x01b", b"\x01\x06\x03\xed\xa0\x80\x01b", b"\x01\x04\x01a\x01\x80",
    b"\x01\x24\x21" + b"a" * 33 + b"\x01b", b"\x01\x44\x01a\x41" + b"b" * 65,
):  # fmt: skip
    assert asks(malformed, AIR) == ([error(1)], []), malformed
# What a client has no reason to send: a state, an error, a result.
for kind in (0, 1, 2, 4, 5, 255):
    talk, sent, kept = door()
    talk.take(bytes((kind,)) + b"\x02\x00")
    talk.take(bytes((kind,)))
    assert not sent and not kept
print("ok")
