"""Builds the door from what is stored on it, and runs it."""

import asyncio
import gc
import sys
import time

import altgate
from altgate import board, pins, rooms
from altgate.door.contacts import Contacts
from altgate.door.signals import Signals
from altgate.door.strike import Strike
from altgate.store.clock import DoorClock
from altgate.store.counters import KEY_BOOT, KEY_ERASE, Counters, check_layout
from altgate.store.credentials import Credentials
from altgate.store.journal import KEY_SLOT, Journal, Keys
from altgate.vault.slots import Slots
from protocol import limits, messages, reasons

SIP_BYTES = 32
REST_MS = 50  # behind each sip, while nobody is known: the port itself keeps a whole line meanwhile
DEAF_MS = 1000  # after a line that proved nothing
_OTHER = limits.CONSOLE_LINE_BYTES + 1


class Door:
    """Everything one door is made of, joined together."""

    def __init__(self):
        # These first: from the first instruction on, lock and face module are on their safe side.
        self.strike = Strike()
        self.face_supply = board.face_supply()
        self.signals = Signals()
        self.counters = Counters(board.partition("counters"))
        check_layout(self.counters)
        erased = self.counters.get(KEY_ERASE)
        self.is_window = False
        if erased:
            from altgate import erasure

            self.is_window = erasure.finish(self.counters, board.watchdog())
            if self.is_window:
                # There is no door any more: whoever has the cable gets a prompt.
                return
        self.journal_keys = Keys(Slots(board.partition("journal_keys"), KEY_SLOT))
        self.journal = Journal(board.partition("journal"), self.journal_keys, self.counters)
        self.boot = self.counters.get(KEY_BOOT) + 1
        board.mount_files(self.boot == 1 or erased > 0)
        self.counters.put(KEY_BOOT, self.boot)
        from altgate.store import identity

        self.identity, self.enrolment = identity.load(board.wrapping_page()), None
        if not self.identity:
            from altgate.store import enrolment

            self.enrolment = enrolment.load(board.wrapping_page())
        floor = self.identity.provisioned_at if self.identity else 0
        self.clock = DoorClock(board.clock_chip(), self.counters, floor, board.set_system_clock)
        self.credentials = Credentials(board.partition("state"), board.partition("credentials"))
        self.contacts = Contacts(self.strike, self.record, self.held_open_s)
        self.uplink = None
        self.caller, self.knocks = None, b""  # who speaks on the serial line (console.caller), and who did
        self.ways_in = self.connection = ()
        if self.identity:
            # All that stays is loaded here, before the first task: loading is slow, and nobody waits yet.
            from altgate.provisioned import Provisioned

            provisioned = Provisioned(self, failed)
            self.uplink = provisioned.uplink
            self.ways_in = provisioned.channels()
            self.connection = provisioned.connection(self.ways_in)
            # What only a start needs makes room again.
            rooms.forget("altgate.store.identity", "altgate.provisioned", "protocol.provisioning")
            # The camera's driver is wanted in a claim, where loading it would be a long step.
            from altgate.drivers import mf1  # noqa: F401
        self.record(messages.KIND_BOOT)
        if erased:
            erasure.told(self)
            rooms.forget("altgate.erasure")

    def record(self, kind, reason=reasons.NONE, method=0, credential=0, resident=0, detail=0):
        """Append an event with the time as the door knows it."""
        now = self.clock.now() if self.clock.is_trusted else 0
        self.journal.append(
            self.boot, now, self.clock.quality, kind, reason, method, credential, resident, detail
        )
        if self.uplink:
            self.uplink.notify()

    def record_entry(self, reason, method, credential, resident, detail):
        self.record(messages.KIND_ENTRY, reason, method, credential, resident, detail)

    def held_open_s(self):
        return self.credentials.setting(messages.SETTING_HELD_OPEN_S)

    def unlock(self):
        self.strike.release(self.credentials.setting(messages.SETTING_RELEASE_S))
        self.signals.granted()
        self.record(messages.KIND_COMMAND, reasons.GRANTED, messages.METHOD_COMMAND)

    def self_test(self):
        return reasons.DONE if self.journal.read(self.journal.head) else reasons.SELF_TEST_FAILED


def failed(name, error):
    """Say on the console that something broke, and go on."""
    # The type and number only: an error's text could hold what somebody typed or showed.
    print("altgate: %s: %s" % (name, type(error).__name__))


async def guarded(door):
    """The serial line of a door, for ever: silent to whoever does not prove a key.

    A stranger on the cable gets no answer, no memory, and little of the door's time: only for a line that may
    be a knock is more loaded than this, and that at most once a second. It stands here because another module
    would cost a running door a kilobyte.
    """
    line_in, byte, left = asyncio.StreamReader(sys.stdin.buffer), bytearray(1), SIP_BYTES
    # What came of a line that may be one of ours, and how many bytes; _OTHER: it is not, up to its end.
    line, at, deaf_ms = None, 0, time.ticks_ms()
    while await line_in.readinto(byte):
        code = byte[0]
        if code == 10 or code == 13:
            if line and time.ticks_diff(time.ticks_ms(), deaf_ms) >= 0:
                try:
                    from altgate.console import caller

                    is_known = await caller.heard(door, bytes(memoryview(line)[:at]))
                except MemoryError:
                    # A door that is short of it has better things to do.
                    is_known = False
                deaf_ms = time.ticks_add(time.ticks_ms(), 0 if is_known else DEAF_MS)
            line, at = None, 0
        elif at < 3:
            at = at + 1 if code == b"AG "[at] else _OTHER
        elif at < limits.CONSOLE_LINE_BYTES:
            if line is None:
                line = bytearray(limits.CONSOLE_LINE_BYTES)
                line[:3] = b"AG "
            line[at] = code
            at += 1
        else:
            line, at = None, _OTHER
        left -= 1
        if left == 0:
            left = SIP_BYTES
            await asyncio.sleep_ms(0 if door.caller else REST_MS)


def run():
    """Run the door until its supply ends. Whatever ends it otherwise starts the board anew, locked."""
    import machine

    board.radio_on()
    try:
        door = Door()
    except Exception as error:
        # Whatever it is: without its stores a door cannot decide anything.
        failed("flash", error)
        from altgate import stuck

        stuck.run(type(error).__name__)
        return
    if door.is_window:
        return
    try:
        asyncio.run(main(door))
    except Exception as error:
        failed("door", error)
    door.strike.secure()
    machine.reset()


async def main(door):
    """The tasks of a door, watched over."""
    watchdog = board.watchdog()
    print("altgate %s, %s build, %s" % (altgate.VERSION, altgate.BUILD, _who(door)))
    if door.identity:
        line = guarded(door)
    else:
        from altgate.console import serial

        line = serial.console(door)
    lasting = [door.contacts.run(), line]
    lasting += [way.run() for way in door.ways_in]
    lasting += door.connection
    waiting = None
    if door.enrolment:
        from altgate.waiting import Waiting

        waiting = Waiting(door)
        lasting += waiting.tasks()
    on_trial, button = None, board.reset_button()
    if sys.argv and sys.argv[0].startswith("code_"):
        # The loader names the slot there, as a program is named.
        from altgate import trial

        on_trial = trial.of(sys.argv[0], door)
    tasks = [asyncio.create_task(task) for task in lasting]
    # Everything that stays is loaded: from here on memory is collected when nobody waits (see below).
    gc.threshold(-1)
    while True:
        watchdog.feed()
        for task in tasks:
            if task.done():
                raise RuntimeError("a task of the door ended")
        if waiting and waiting.is_admitted:
            return
        try:
            door.clock.keep_floor()
        except OSError as error:
            failed("clock", error)
        if on_trial and on_trial.is_over(door):
            on_trial = None
        if button.value() == pins.RESET_BUTTON_PRESSED:
            from altgate import reset

            await reset.button(door, button, watchdog)
            rooms.forget("altgate.reset", "altgate.erasure")
        await asyncio.sleep_ms(1000)
        if not any(way.is_claiming for way in door.ways_in):
            # Collected while nobody waits, memory seldom runs out in the middle of a claim.
            gc.collect()
            await asyncio.sleep_ms(0)


def _who(door):
    if door.identity:
        return "door " + door.identity.door_id
    return "waiting to be admitted" if door.enrolment else "waiting to be provisioned"
