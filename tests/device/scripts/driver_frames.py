"""PN532 frames, split anywhere and damaged anyhow: a whole frame is found, nothing else is."""

import random
import sys

from altgate.drivers import pn532
from protocol import reasons

# UM0701-02: GetFirmwareVersion and its answer from a PN532 v1.6.
assert pn532.frame(0xD4, 0x02, b"") == bytes.fromhex("0000ff02fed4022a00")
ANSWER = bytes.fromhex("0000ff06fad50332010607e800")
ACK = bytes.fromhex("0000ff00ff00")


def read_all(data):
    """Feed bytes as the driver does; returns the bodies and the reasons of what was dropped."""
    buffer, have, bodies, dropped = bytearray(data + b"\0" * 4), len(data), [], []
    while True:
        body, used, reason = pn532.parse(buffer, have)
        assert 0 <= used <= have
        if body is not None:
            bodies.append(body)
        if reason:
            dropped.append(reason)
        if not used:
            return bodies, dropped
        buffer[: have - used] = buffer[used:have]
        have -= used


GOOD = bytes.fromhex("d50332010607")
assert read_all(ANSWER) == ([GOOD], [])
assert read_all(ACK + ANSWER) == ([GOOD], [])
assert read_all(b"\x55" * 9 + ACK + b"\x17\x00\x00" + ANSWER) == ([GOOD], [])
# Wherever the end of a full buffer cuts a frame, what stands before it goes and the rest has room.
for cut in range(2, 6):
    full = bytearray(b"\x55" * (300 - cut) + ANSWER[1 : cut + 1])
    assert pn532.parse(full, 300) == (None, 300 - cut, 0), cut
for cut in range(len(ANSWER) - 1):
    bodies, dropped = read_all(ANSWER[:cut])
    assert bodies == ([GOOD] if cut > 11 else []) and not dropped

for at in range(3, 12):
    bad = bytearray(ANSWER)
    bad[at] ^= 0x10
    bodies, dropped = read_all(bytes(bad) + ACK + ANSWER)
    assert bodies[-1:] == [GOOD] and dropped[0] in (reasons.BAD_CHECKSUM, reasons.TOO_LONG), (at, bodies)

seed = int(sys.argv[1])
random.seed(seed)
for _ in range(5000):
    data = bytearray(ACK + ANSWER + ANSWER)
    for _ in range(random.randint(1, 6)):
        data[random.randint(0, len(data) - 1)] = random.randint(0, 255)
    if random.randint(0, 1):
        # A frame of any content whose length and checksums are right.
        body = bytes(random.randint(0, 255) for _ in range(random.randint(0, 40)))
        data.extend(pn532.frame(0xD5, random.randint(0, 255), body))
    read_all(bytes(data))
print("ok")
