"""A scan by Improv: what is told of the air, and that a radio that waits for seconds holds up nobody."""

import asyncio
import time

import network
from altgate.console import improv as answers
from altgate.console.improv import Improv, frame, networks, result
from protocol import improv

OPEN, WPA2, OWE = network.WLAN.SEC_OPEN, network.WLAN.SEC_WPA2, network.WLAN.SEC_OWE


def seen(ssid, dbm, security=WPA2):
    return (ssid, b"\x02\0\0\0\0\1", 6, dbm, security, False)


# The strongest first; of several access points with one name the strongest, with what that one asks for.
air = [seen(b"b", -70), seen(b"a", -80), seen(b"b", -50, OPEN), seen(b"c", -60), seen(b"b", -90)]
assert networks(air) == [(b"b", -50, False), (b"c", -60, True), (b"a", -80, True)]
assert networks([seen(b"x", -9, OWE)]) == [(b"x", -9, False)]
# A hidden one cannot be chosen, nor one whose name is no UTF-8.
air = [seen(ssid, -40) for ssid in (b"", b"\xff", b"\xed\xa0\x80", "é".encode())]
assert networks(air) == [("é".encode(), -40, True)]
many = networks([seen(b"n%d" % i, -i) for i in range(100)])
assert len(many) == improv.NETWORKS and many[-1][1] == 1 - improv.NETWORKS
assert networks([]) == []

ERROR, DONE = frame(improv.TYPE_ERROR, b"\xff"), result(improv.RPC_SCAN, ())
ACCEPTED = frame(improv.TYPE_ERROR, b"\0")
SCAN, STATE = b"\x03\x04\x00", b"\x03\x02\x00"


class Radio:
    """WLAN with a scan that takes its time; ``outcome`` is what it finds, or an error."""

    STA_IF = 0
    started = 0

    def __init__(self, seconds, outcome):
        self._seconds, self._outcome = seconds, outcome

    def WLAN(self, interface):
        return self

    def scan(self):
        self.started += 1
        time.sleep(self._seconds)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def played(radio, asked, lasts_ms):
    """What the door says to RPCs, one every 50 ms; and the longest time in ms that its loop stood still."""
    answers.network = radio
    sent, gaps = [], []
    talk = Improv((), sent.append, None)

    async def watch():
        while True:
            before = time.ticks_ms()
            await asyncio.sleep_ms(5)
            gaps.append(time.ticks_diff(time.ticks_ms(), before))

    async def play():
        watching = asyncio.create_task(watch())
        for content in asked:
            talk.take(content)
            await asyncio.sleep_ms(50)
        await asyncio.sleep_ms(lasts_ms)
        watching.cancel()

    asyncio.run(play())
    return sent, max(gaps)


def networks_told(*rows):
    return [result(improv.RPC_SCAN, row) for row in rows] + [DONE]


found = networks_told((b"home", b"-61", b"YES"), (b"x", b"-7", b"NO"))
sent, gap = played(Radio(0.6, [seen(b"x", -7, OPEN), seen(b"home", -61)]), [SCAN], 900)
assert sent == [ACCEPTED, found[1], found[0], DONE], sent
# Its length would be that of a newline: there is one text more, and it is empty.
assert found[1][9] == 11 and found[1][10:-2] == b"\x04\x09\x01x\x02-7\x02NO\x00", found[1]
assert gap < 300, gap
# The state is told meanwhile; a second scan, or joining, has to wait.
radio = Radio(0.6, [])
sent, _ = played(radio, [SCAN, STATE, SCAN, b"\x03\x01\x03\x01a\x00", SCAN], 700)
assert sent == [ACCEPTED, ACCEPTED, frame(1, b"\2"), ERROR, ERROR, ERROR, DONE] and radio.started == 1, sent
# A radio that cannot, and one that never ends: the client is told, and no second thread is begun.
sent, _ = played(Radio(0, OSError("STA must be active")), [SCAN], 100)
assert sent == [ACCEPTED, ERROR]
answers.SCAN_MS = 100
radio = Radio(0.5, [])
sent, _ = played(radio, [SCAN, STATE, STATE, STATE, SCAN], 200)
assert sent.count(ERROR) == 2 and radio.started == 1, sent
print("ok")
