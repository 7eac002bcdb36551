"""Builds the door from what is stored on it, and runs it."""

import asyncio
import gc
import os
import sys
import time

import micropython

import altgate
from altgate import board
from altgate.access.lockout import Lockout
from altgate.console.line import Provisioning
from altgate.door.contacts import Contacts
from altgate.door.signals import Signals
from altgate.door.strike import Strike
from altgate.entry.desk import Desk
from altgate.link.session import Session
from altgate.link.uplink import Uplink
from altgate.store import identity
from altgate.store.clock import DoorClock
from altgate.store.counters import KEY_BOOT, KEY_UNITS, Counters
from altgate.store.credentials import Credentials
from altgate.store.journal import Journal
from altgate.store.pass_uses import PassUses
from protocol import limits, messages, reasons, topics


class Door:
    """Everything one door is made of, joined together."""

    def __init__(self):
        # The strike first: from the first instruction on, the lock is on its safe side.
        self.strike = Strike()
        self.signals = Signals()
        self.counters = Counters(board.partition("counters"))
        self.journal = Journal(board.partition("journal"))
        board.mount_files()
        self.boot = self.counters.get(KEY_BOOT) + 1
        self.counters.put(KEY_BOOT, self.boot)
        self.identity = identity.load(board.partition("keys"))
        floor = self.identity.provisioned_at if self.identity else 0
        self.clock = DoorClock(board.clock_chip(), self.counters, floor, board.set_system_clock)
        self.credentials = Credentials()
        self.desk = Desk(
            self.credentials,
            PassUses(),
            Lockout(self.counters, KEY_UNITS, monotonic_s()),
            self.clock,
            self.strike.release,
            self._record_entry,
            self.signals,
            monotonic_s,
        )
        self.contacts = Contacts(self.strike, self.record, self._held_open_s)
        self.session = self.uplink = None
        if self.identity:
            stores = (self.clock, self.credentials, self.journal)
            self.session = Session(self.identity, self.boot, *stores, self._unlock, self._self_test)
            self.uplink = Uplink(self.session, self.journal)
        self.record(messages.KIND_BOOT)

    def record(self, kind, reason=reasons.NONE, method=0, credential=0, resident=0, detail=0):
        """Append an event with the time as the door knows it."""
        now = self.clock.now() if self.clock.is_trusted else 0
        self.journal.append(
            self.boot, now, self.clock.quality, kind, reason, method, credential, resident, detail
        )
        if self.uplink:
            self.uplink.notify()

    def _record_entry(self, reason, method, credential, resident, detail):
        self.record(messages.KIND_ENTRY, reason, method, credential, resident, detail)

    def _held_open_s(self):
        return self.credentials.setting(messages.SETTING_HELD_OPEN_S)

    def _unlock(self):
        self.strike.release(self.credentials.setting(messages.SETTING_RELEASE_S))
        self.signals.granted()
        self.record(messages.KIND_COMMAND, reasons.GRANTED, messages.METHOD_COMMAND)

    def _self_test(self):
        return reasons.DONE if self.journal.read(self.journal.head) else reasons.SELF_TEST_FAILED


def monotonic_s():
    """Seconds that never go back while the door runs; ticks wrap after days, so they are folded in."""
    now = time.ticks_ms()
    _ticks[1] += time.ticks_diff(now, _ticks[0])
    _ticks[0] = now
    return _ticks[1] // 1000


_ticks = [time.ticks_ms(), 0]


def _failed(name, error):
    # The type and number only: an error's text could hold what somebody typed or showed.
    print("altgate: %s: %s" % (name, type(error).__name__))


def channels(door):
    """The ways in of a provisioned door."""
    from altgate.entry.card import CardChannel
    from altgate.entry.pin import PinChannel
    from altgate.entry.qr import QrChannel

    submit, dropped, keys = door.desk.submit, door.session.dropped, door.identity
    return (
        CardChannel(submit, _failed, board.reader(dropped), keys, os.urandom),
        PinChannel(submit, _failed, board.keys(), keys, door.signals.key),
        QrChannel(submit, _failed, board.scanner(dropped), keys),
    )


def connection(door, ways_in):
    """The tasks that keep a provisioned door in touch with its host."""
    from altgate.link.mqtt import Client, Config
    from altgate.link.quiet import Quiet
    from altgate.link.wifi import Wifi

    who, uplink = door.identity, door.uplink
    will_topic = topics.topic(who.door_id, topics.UP_STATUS)
    config = Config(
        who.broker_host,
        who.broker_port,
        who.broker_name,
        who.door_id,
        who.ca,
        who.certificate,
        who.private_key,
        will_topic,
        topics.STATUS_OFFLINE,
        limits.KEEPALIVE_S,
        [topics.topic(who.door_id, "down/#")],
    )
    wifi = Wifi(who.wifi_ssid, who.wifi_password, _wifi_told) if who.wifi_ssid else None
    quiet = Quiet(ways_in)

    def may_open():
        return (wifi is None or wifi.is_joined) and quiet.is_now()

    client = Client(config, uplink.on_message, uplink.on_up, uplink.on_down, may_open=may_open)
    uplink.attach(client)
    tasks = [client.run(), uplink.run()]
    if wifi:
        tasks.append(wifi.run())
    return tasks


def _wifi_told(text):
    print("altgate: wifi: %s" % text)


async def console(door):
    """The serial line, for ever; a board that has just been provisioned starts anew."""
    import machine

    # From here on Ctrl-C is a byte like any other.
    micropython.kbd_intr(-1)
    line_in = asyncio.StreamReader(sys.stdin.buffer)
    keys = board.partition("keys")
    talk = Provisioning(
        board.hardware_id(), lambda content: identity.save(keys, content), bool(door.identity)
    )
    buffer = b""
    while True:
        byte = await line_in.read(1)
        if not byte:
            return
        if byte not in (b"\n", b"\r"):
            # One more than the limit is kept, so that a line that is too long is seen to be.
            buffer = (buffer + byte)[: limits.CONSOLE_LINE_BYTES + 1]
            continue
        line, buffer = buffer, b""
        answer = talk.answer(line) if line else None
        if answer:
            sys.stdout.buffer.write(answer)
            if talk.is_provisioned:
                await asyncio.sleep_ms(200)
                machine.reset()


def run():
    """Run the door until its supply ends. Whatever ends it otherwise starts the board anew, locked."""
    import machine

    board.radio_on()
    door = Door()
    try:
        asyncio.run(main(door))
    except Exception as error:
        _failed("door", error)
    door.strike.secure()
    machine.reset()


async def main(door):
    """The tasks of a door, watched over."""
    watchdog = board.watchdog()
    print("altgate %s, %s build, %s" % (altgate.VERSION, altgate.BUILD, _who(door)))
    tasks = [asyncio.create_task(door.contacts.run()), asyncio.create_task(console(door))]
    ways_in = ()
    if door.identity:
        # Modules are loaded as they are needed, with a turn for the others in between.
        await asyncio.sleep_ms(0)
        ways_in = channels(door)
        tasks += [asyncio.create_task(way.run()) for way in ways_in]
        await asyncio.sleep_ms(0)
        tasks += [asyncio.create_task(task) for task in connection(door, ways_in)]
    while True:
        watchdog.feed()
        for task in tasks:
            if task.done():
                raise RuntimeError("a task of the door ended")
        try:
            door.clock.keep_floor()
        except OSError as error:
            _failed("clock", error)
        await asyncio.sleep_ms(1000)
        if not any(way.is_claiming for way in ways_in):
            # Collected while nobody waits, memory seldom runs out in the middle of a claim.
            gc.collect()
            await asyncio.sleep_ms(0)


def _who(door):
    return "door " + door.identity.door_id if door.identity else "waiting to be provisioned"
