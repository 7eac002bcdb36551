"""The supply is cut at any operation of the flash while a board takes a ticket, is admitted, or starts again.

A frame is the phase, at which of its flash operations (low and high byte), and how: see norflash. After the
cut no secret lies in the clear in the flash; the board starts, as what it was or as what it becomes; and the
same command, run again, makes it the door.
"""

import hashlib
import os
import random
import sys

import fuzz

sys.path.append(__file__.rsplit("/", 3)[0] + "/device/scripts")

import norflash
import simctl
import vfs
from vault_flash import blank

# Each: first sector and how many.
PARTS = {"keys": (0, 2), "journal_keys": (2, 2), "counters": (4, 4), "journal": (8, 4), "data": (12, 24)}
SECTORS = 36
flash = blank(fuzz.settings["folder"] + "/flash.bin", SECTORS)
# What altgate.board wants to find; the partitions are these.
norflash._chip = flash.chip
fuzz.begin()

import enrolling
import items
from altgate import board
from altgate.console.bare import Desk
from altgate.crypto import cbor
from altgate.store import counters, enrolment, files, identity, journal
from altgate.vault.slots import Slots
from enrolling import SECRET
from protocol import messages

Wrong = fuzz.Wrong
board._partition = lambda label: parts[label]
board.hardware_id = lambda: "a1b2"
parts = {}
curve = enrolling.Curve()
GIVEN = items.write(enrolling.ticket_fields(curve.server[1]))
LAPTOP = enrolling.laptop_fields(GIVEN)
ADMITTED = enrolling.admission_fields()
PASSWORD = "another horse"
TICKET = items.write(LAPTOP)
_corrected = dict(LAPTOP)
_corrected[12] = PASSWORD
CORRECTED = items.write(_corrected)
SECRETS = [SECRET, LAPTOP[12].encode(), PASSWORD.encode(), enrolling.ticket_fields(b"")[10]]
SECRETS += [private for private, _ in curve.board] + [ADMITTED[key] for key in (4, 16, 17)]
TAKES, CORRECTS, BECOMES, STARTS = range(4)
STARTED, WAITING, IS_DOOR = 1, 2, 3


class Door:
    """A start of the board, in the order of app.Door."""

    def __init__(self):
        self.counters = counters.Counters(board.partition("counters"))
        counters.check_layout(self.counters)
        self.journal_keys = journal.Keys(Slots(board.partition("journal_keys"), journal.KEY_SLOT))
        self.journal = journal.Journal(board.partition("journal"), self.journal_keys, self.counters)
        self.boot = self.counters.get(counters.KEY_BOOT) + 1
        board.mount_files(self.boot == 1)
        self.counters.put(counters.KEY_BOOT, self.boot)
        self.identity, self.enrolment = identity.load(board.wrapping_page()), None
        if not self.identity:
            self.enrolment = enrolment.load(board.wrapping_page())
        self.journal.append(self.boot, 0, 0, messages.KIND_BOOT)
        # It answers on its line only now, and not where it is a door.
        self.desk = None if self.identity else Desk(self, lambda: None)

    def state(self):
        return IS_DOOR if self.identity else WAITING if self.enrolment else STARTED

    def send(self, kind, content):
        """A content as it comes by the line; returns what can be read then."""
        self._say([1, kind, len(content), hashlib.sha256(content).digest()])
        for at in range(0, len(content), 120):
            self._say([2, at, content[at : at + 120]])
        length = self._say([3])[1]
        read = b""
        while len(read) < length:
            read += self._say([4, len(read)])[2]
        return read

    def _say(self, said):
        return fuzz.drive(self.desk.take(said))


def start():
    """Switch it on, after whatever ended it."""
    flash.off()
    try:
        vfs.umount(files.ROOT)
    except OSError:
        pass
    for label, (sector, count) in PARTS.items():
        parts[label] = flash.partition(sector, count)
    return Door()


def admission(record):
    """As the server makes it of a board's request; the board's key is one more secret."""
    said = cbor.decode(cbor.decode(record)[0])
    secret = curve.secret(curve.server, said[27])
    key = enrolling.board_key(secret, hashlib.sha256(GIVEN).digest(), said[27], curve.server[1])
    if enrolling.is_genuine(record, key) is None:
        raise Wrong("a request that is not genuine")
    if key not in SECRETS:
        SECRETS.append(key)
    return enrolling.sealed_admission(key, items.write(ADMITTED))


class Run:
    """One run of what a phase is about, cut or not. ``told``: what the board had answered to by then."""

    def __init__(self, phase):
        self.phase, self.told = phase, 0

    def act(self):
        door = start()
        self.told = door.state()
        if self.phase == TAKES:
            door.send(1, TICKET)
            self.told = WAITING
        elif self.phase == CORRECTS:
            door.send(1, CORRECTED)
        elif self.phase == BECOMES:
            door.send(2, admission(door.enrolment.record))
            self.told = IS_DOOR


def phase_images():
    """The flash before each phase, as it is without a cut, and how many operations the phase takes."""
    made = []
    for phase in range(4):
        image, before = flash.image(), flash.operations()
        Run(phase).act()
        made.append((image, flash.operations() - before))
        judge_flash()
    return made


def judge_flash():
    """Nothing lies in the clear that must not."""
    image = flash.image()
    keys = [one for one in SECRETS if image.find(one) >= 0]
    if keys:
        raise Wrong("a secret lies in the clear in the flash", keys)


def judge_door(door):
    """What a door has to have, and what may not be there any more."""
    fields = (door.identity.door_id, door.identity.zone_key, door.identity.index_key, door.identity.pass_key)
    if fields != (enrolling.DOOR, ADMITTED[4], ADMITTED[16], ADMITTED[17]):
        raise Wrong("another identity than was admitted")
    if door.identity.wifi_password not in (LAPTOP[12], PASSWORD):
        raise Wrong("another network than was told")
    key = ADMITTED[14]
    for _ in range(door.journal._epoch - 1):
        key = journal.next_epoch(key)
    if not door.journal._epoch or first_key(door) != key:
        raise Wrong("an identity without its journal's key", door.journal._epoch)
    names = [name for name in os.listdir(files.ROOT) if name.startswith("enrolment")]
    if identity.ENROLMENT.rsplit("/", 1)[1] in names:
        raise Wrong("what the board waited with is still there", names)


def first_key(door):
    """The first key of the journal's present epoch, by that of the next, which alone is kept."""
    epoch, after = door.journal_keys._slots.live(), door.journal._epoch + 1
    held = bytes(door.journal_keys._slots.read(epoch[-1])) if epoch else b""
    key = ADMITTED[14]
    for _ in range(after - 2):
        key = journal.next_epoch(key)
    is_next = held == after.to_bytes(4, "little") + journal.next_epoch(key)
    return key if is_next else None


def play(phase, at, how):
    image, operations = images[phase]
    flash.restore(image)
    run, is_cut = Run(phase), True
    flash.chip.cut(1 + at % operations, norflash.CUTS[how % 3])
    fuzz.sent(True)
    try:
        run.act()
        is_cut = False
    except SystemExit:
        # Another one for the next cut: an exception grows by its traceback each time it is raised.
        simctl._end, simctl._ENDS[simctl.POWER_CUT] = None, SystemExit(simctl.POWER_CUT)
    flash.chip.cut(0)
    judge_flash()
    door = start()
    state = door.state()
    least = run.told if phase == TAKES else WAITING if phase < STARTS and run.told != IS_DOOR else IS_DOOR
    if state < least or not is_cut and state != run.told:
        raise Wrong("what the board had answered to is lost", state, run.told)
    if state == IS_DOOR:
        judge_door(door)
    elif state == WAITING and phase in (CORRECTS, BECOMES) and door.enrolment.record != waiting_record:
        raise Wrong("a board that waits has other keys than before")
    finish(door)


def finish(door):
    """The same command once more: it completes."""
    if door.state() != IS_DOOR:
        if (door.desk.hello() is None) != (door.state() == WAITING):
            raise Wrong("a board that waits answers a stranger, or a bare one does not")
        if door.state() == WAITING and door.desk.psk(enrolling.ID) != SECRET:
            raise Wrong("a board that waits does not know its ticket")
        record = door.send(1, TICKET)
        judge_flash()
        door.send(2, admission(record))
        judge_flash()
        door = start()
    judge_flash()
    if door.state() != IS_DOOR:
        raise Wrong("the next run does not make it a door")
    judge_door(door)
    fuzz.counts["genuine"] += 1


def check(frames):
    for frame in frames:
        phase, low, high, how = (tuple(frame) + (0,) * 4)[:4]
        play(phase % 4, low | high << 8, how)


def generate():
    phase = random.randrange(4)
    at = random.randrange(images[phase][1])
    return [bytes((phase, at & 255, at >> 8, random.randrange(3)))]


images = phase_images()
flash.restore(images[BECOMES][0])
waiting_record = start().enrolment.record
fuzz.run(generate, check)
