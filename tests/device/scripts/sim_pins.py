"""Pins, keypad matrix, UART and radio as the rig of test_sim.py drives them."""

import asyncio
import time

import network
from machine import UART, Pin

seen = []
edge = asyncio.ThreadSafeFlag()


def on_edge(pin):
    seen.append((pin._id, pin.value()))
    edge.set()


async def wait_edge():
    await asyncio.wait_for_ms(edge.wait(), 5000)


async def main():
    strike = Pin(4, Pin.OUT, value=0)
    contact = Pin(15, Pin.IN, Pin.PULL_UP)
    row, other, column = Pin(12, Pin.OUT, value=1), Pin(13, Pin.OUT, value=1), Pin(39, Pin.IN, Pin.PULL_UP)
    assert contact.value() == 1 and column.value() == 1
    contact.irq(on_edge)
    strike.on()
    await wait_edge()
    assert seen == [(15, 0)], seen
    column.irq(on_edge, Pin.IRQ_FALLING)
    strike.off()
    uart = UART(1, 115200, rxbuf=512)
    reader = asyncio.StreamReader(uart)
    line = await asyncio.wait_for_ms(reader.readline(), 5000)
    assert line == b"hello\n", line
    assert column.value() == 1, "no row is low yet"
    row.off()
    await wait_edge()
    assert column.value() == 0 and seen[-1] == (39, 0)
    row.on()
    other.off()
    assert column.value() == 1, "another row is low"
    uart.write(b"again")
    while uart.any() < 6:
        await asyncio.sleep_ms(1)
    assert uart.read(2) == b"ag"
    assert await asyncio.wait_for_ms(reader.read(10), 5000) == b"ain!"
    assert uart.read() is None
    await radio()


async def radio():
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    assert [ap[0] for ap in wlan.scan()] == [b"home"]
    for name, password, outcome in (
        ("none", "x", network.STAT_NO_AP_FOUND),
        ("home", "x", network.STAT_WRONG_PASSWORD),
        ("home", "secret", network.STAT_GOT_IP),
    ):
        before = time.ticks_ms()
        wlan.connect(name, password)
        assert wlan.status() == network.STAT_CONNECTING
        assert time.ticks_diff(time.ticks_ms(), before) < 10, "connect waited"
        while wlan.status() == network.STAT_CONNECTING:
            await asyncio.sleep_ms(1)
        assert wlan.status() == outcome
    Pin(6, Pin.OUT, value=1)
    while wlan.isconnected():
        await asyncio.sleep_ms(1)
    assert wlan.status() == network.STAT_BEACON_TIMEOUT


asyncio.run(main())
