"""What the CBOR, COSE and pass parsers must refuse, one case each."""

from binascii import b2a_base64, unhexlify

from altgate.crypto import cbor, consteq, cose, passes
from protocol import limits, reasons

BAD = (
    "", "1800", "1817", "190017", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "5800", "9800",
    "b800",
    "1c", "1f",
    "9fff", "5fff", "bfff", "7f6161ff", "ff", "f7", "f0", "f820", "f90000", "fa00000000",
    "fb0000000000000000",
    "c100", "d100", "d11100", "0000",
    "62c328", "61ff", "62c080", "63e08080", "63eda080",
    "64f4908080", "64f0808080", "a201000100", "a202000100", "a220000100", "a1616100", "a1f500", "a1410000",
    "8201", "a101", "42ff", "9b7fffffffffffffff", "bb7fffffffffffffff", "5b7fffffffffffffff",
    "81" * (limits.CBOR_DEPTH + 1) + "00", "990200" + "00" * 512,
)
for text in BAD:
    try:
        cbor.decode(unhexlify(text))
    except cbor.CborError:
        continue
    raise AssertionError(text)
assert cbor.decode(unhexlify("81" * limits.CBOR_DEPTH + "00"))
assert len(cbor.decode(unhexlify("9901ff" + "00" * 511))) == 511

loop = []
loop.append(loop)
for value in (1.5, {"a": 1}, {True: 1}, {1: object()}, 1 << 64, -1 - (1 << 64), [0] * 512, loop, {1}):
    try:
        cbor.encode(value)
    except cbor.CborError:
        continue
    raise AssertionError(str(type(value)))
assert cbor.encode({-1: 0, 2: 1, 1: 2, -2: 3}) == unhexlify("a4010202012000" "2103")

assert consteq.consteq(b"abc", bytearray(b"abc"))
assert not consteq.consteq(b"abc", b"abd") and not consteq.consteq(b"abc", b"abcd")


def refused(call, reason, kind):
    try:
        call()
    except kind as error:
        assert error.reason == reason, (error.reason, reason)
    else:
        raise AssertionError("not refused: %d" % reason)


KEY, TOPIC = bytes(32), b"altgate/00000001/down/command"


def opened(data, key=KEY, topic=TOPIC):
    return lambda: cose.open_(key, topic, data)


for size in (0, 1, 15, 17, 230, 300, 3900):
    payload = {1: bytes(size), -1: "ü", 2: [None, True]}
    assert cose.open_(KEY, TOPIC, cose.seal(KEY, TOPIC, payload)) == payload
good = cose.seal(KEY, TOPIC, {1: 2})
refused(opened(good, b"\x01" * 32), reasons.BAD_MAC, cose.CoseError)
refused(opened(good, KEY, b"altgate/00000002/down/command"), reasons.BAD_MAC, cose.CoseError)
refused(opened(good[:-1] + bytes([good[-1] ^ 1])), reasons.BAD_MAC, cose.CoseError)
refused(opened(good[:6] + b"\xa1\x04\x41\x00" + good[7:]), reasons.BAD_SHAPE, cose.CoseError)
refused(opened(good[1:]), reasons.BAD_SHAPE, cose.CoseError)
refused(opened(good + b"\x00"), reasons.BAD_SHAPE, cose.CoseError)
refused(opened(bytes(limits.MESSAGE_BYTES + 1)), reasons.TOO_LONG, cose.CoseError)
refused(lambda: cose.seal(KEY, TOPIC, {1: bytes(limits.MESSAGE_BYTES)}), reasons.TOO_LONG, cose.CoseError)
refused(opened(cose.seal(KEY, TOPIC, [1])), reasons.BAD_SHAPE, cose.CoseError)

DOOR, PASS_KEY, ID = b"\x00\x00\x00\x01", b"k" * 32, b"pass-id1"


def text_of(raw):
    body = b2a_base64(raw).rstrip(b"=\n").replace(b"+", b"-").replace(b"/", b"_")
    return (b"AG1:" + body).decode()


def pass_bytes(count=1, version=1, start=100, end=200, uses=3, door=DOOR):
    row = door + passes.pass_tag(PASS_KEY, door, ID, start, end, uses)
    rows = b"".join(bytes([i]) * 20 for i in range(2, count + 1))
    times = start.to_bytes(4, "big") + end.to_bytes(4, "big")
    return bytes([version]) + ID + times + bytes([uses, count]) + row + rows


def checked(text, key=PASS_KEY, door=DOOR):
    return lambda: passes.check(text, key, door)


for count in range(1, limits.PASS_DOORS + 1):
    text = text_of(pass_bytes(count))
    assert len(text) <= limits.PASS_TEXT_BYTES
    assert passes.check(text, PASS_KEY, DOOR) == (ID, 100, 200, 3)
    assert passes.check(text.encode(), PASS_KEY, DOOR) == (ID, 100, 200, 3)
good = text_of(pass_bytes())
assert passes.parse(good, b"zzzz")[4] is None
refused(checked(good, PASS_KEY, b"zzzz"), reasons.OTHER_DOOR, passes.PassError)
refused(checked(good, b"j" * 32), reasons.PASS_NOT_GENUINE, passes.PassError)
twice = pass_bytes(2)[:39] + pass_bytes()[19:]
# 59 bytes leave two unused bits in the last letter; set, they are a second spelling of the same pass.
spare = text_of(pass_bytes(2))
spare = spare[:-1] + chr(ord(spare[-1]) + 1)
for text in (
    "", "AG1:", good[1:], good.lower(), good + "=", good + "\n",
    " " + good, good[:20] + "\n" + good[20:], good + "A",
    good[:20] + "é" + good[21:], good[:20] + "+" + good[21:],
    text_of(pass_bytes(0)), text_of(pass_bytes(9)), spare,
    text_of(pass_bytes(version=2)), text_of(pass_bytes(start=201)), text_of(pass_bytes()[:-1]),
    text_of(twice),
    "A" * 4000, b"\xff" * 60,
):
    refused(checked(text), reasons.PASS_MALFORMED, passes.PassError)
print("refused")
