"""The cable is lost at any line while a board is provisioned: run again, the same command makes it the door.

A frame is the command (0: where the register is, 1: with a ticket), the line of the laptop at which the cable
is lost, and how: 0 before the line, 1 in the middle of it, 2 before its answer. The board is the simulated
one, which runs the firmware; after what was lost it goes on by itself.
"""

import random
import shutil
from pathlib import Path

import fuzz

fuzz.begin()

from altgate.errors import ProvisionFailed
from altgate.provision import board as boards
from altgate.provision import direct, ticket
from altgate.provision.board import Wifi
from altgate.provision.port import SerialPort
from altgate.provision.session import Session
from altgate.registry import doors, enrolments
from altgate.registry import site as sites
from altgate.rig.board import Board

BROKER = ("localhost", 9)
ANSWER_S = 1.0
LINES = (26, 20)  # that the commands say, and one more
START_S = 25
folder = Path(fuzz.settings["folder"])


class Cable:
    """A port whose cable is lost at a line; ``at`` None: never."""

    def __init__(self, name, at=None, how=0):
        self._port, self._at, self._how = SerialPort(name), at, how
        self._written = 0

    def write(self, data):
        is_last = self._written == self._at
        self._written += 1
        if is_last and self._how < 2:
            if self._how:
                self._port.write(data[: len(data) // 2])
            raise ProvisionFailed("The serial line was lost.")
        self._port.write(data)

    def read_line(self, timeout_s):
        if self._at is not None and self._written > self._at:
            raise ProvisionFailed("The serial line was lost.")
        return self._port.read_line(timeout_s)

    def close(self):
        self._port.close()


class Bench:
    """A building with one door more for each case, and a bare board."""

    def __init__(self, number):
        self.name = f"Door {number}"
        with site.write() as session:
            self.door_id = doors.add(site, session, self.name, 1, None, False).door_id
            self.ticket, self.said = None, ""
        place = folder / f"board{number}"
        place.mkdir()
        self.board = Board(place, heap="512k")
        self.place = place

    def give_ticket(self):
        with site.write() as session:
            found = doors.find(session, self.name)
            self.ticket = ticket.read(enrolments.issue_ticket(site, session, found, BROKER, 14))

    def run(self, is_ticket, at=None, how=0):
        """The command; the cable is lost at a line, or not. Whether it was done."""
        port = Cable(self.board.console_path, at, how)
        exchange = Session(port, ANSWER_S)
        try:
            if is_ticket:
                boards.find(exchange, self.ticket)
                request = boards.give(exchange, self.ticket, Wifi(), lambda done, total: None)
                exchange.leave()
                with site.write() as session:
                    enrolments.take(site, session, doors.find(session, self.name), request)
            else:
                direct.provision(site, self.name, BROKER, Wifi(), exchange, lambda done, total: None)
        except ProvisionFailed as error:
            self.said = str(error)
            fuzz.dropped(self.said.split(":")[0])
            return False
        finally:
            port.close()
        return True

    def is_door(self):
        return f"door {self.door_id}" in self.board.console.text()

    def stop(self):
        self.board.stop()
        shutil.rmtree(self.place)


def check(frames):
    for frame in frames:
        kind, at, how = (tuple(frame) + (0,) * 3)[:3]
        numbers.append(1)
        bench = Bench(len(numbers))
        fuzz.sent(True)
        try:
            play(bench, kind & 1, at, how % 3)
        finally:
            bench.stop()


def play(bench, is_ticket, at, how):
    bench.board.wait_console("waiting to be provisioned", START_S)
    if is_ticket:
        bench.give_ticket()
    is_done = bench.run(is_ticket, at, how)
    if not is_done and not bench.run(is_ticket):
        raise fuzz.Wrong("the same command fails afterwards", at, how, bench.said)
    if is_ticket and not bench.run(False):
        raise fuzz.Wrong("a board that waits cannot be admitted", at, how)
    bench.board.wait_console(f"door {bench.door_id}", START_S)
    with site.read() as session:
        state = enrolments.state(session, doors.find(session, bench.name))
    if state != "admitted":
        raise fuzz.Wrong("a door that the register does not know of", state)
    fuzz.counts["genuine"] += 1


def generate():
    kind = random.getrandbits(1)
    return [bytes((kind, random.randrange(LINES[kind]), random.randrange(3)))]


numbers = []
site = sites.create(folder / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
fuzz.run(generate, check)
