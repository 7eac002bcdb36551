"""One building on this machine: broker, host and a provisioned door, joined by the real protocols."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from altgate.consent import notices
from altgate.demo.broker import Amqtt, Broker, Pki, free_port
from altgate.keys.cards import card_key
from altgate.link.server import Server
from altgate.protocol import messages, names
from altgate.provision import direct
from altgate.provision.board import Wifi
from altgate.provision.port import SerialPort
from altgate.provision.session import Session as Exchange
from altgate.registry import commands, credentials, doors, enrolments, passes, residents, settings
from altgate.registry import site as sites
from altgate.registry.models import Door, Event
from altgate.rig.board import Board
from altgate.rig.ntag424 import Ntag424

FRONT, BACK = "Front door", "Back door"
ZONE = 1
RESIDENT, UNIT, PIN = "Bo", "1204", "246813"
CARD_UID = bytes.fromhex("04a17e9a7e0101")
HEAP = "512k"  # from source; from a ROMFS image the door needs less than half of it
WAIT_S = 20.0
LOOK_S = 0.2
BROKER_NAME = "altgate-broker"
T = TypeVar("T")
Told = Callable[[str], None]


def _silent(_text: str) -> None:
    """Nobody listens."""


def _board(folder: Path) -> Board:
    return Board(folder, heap=HEAP, is_on=False)


class Building:
    """A building in ``folder``, new at the first start and found again at the next.

    broker: made from ``(folder, port, pki)``, amqtt unless given. board: makes the board, switched off.
    wifi: name and password that the door is given; without a name its network is a cable. origin: where
    residents reach their page. Every method may
    be called from any thread; those that wait raise TimeoutError with what they waited for.
    """

    def __init__(
        self, folder: Path, broker: Callable[[Path, int, Pki], Broker] = Amqtt,
        board: Callable[[Path], Board] = _board, wifi: tuple[str, str] = ("", ""), told: Told = _silent,
        origin: str = "http://localhost",
    ) -> None:  # fmt: skip
        self._told = told
        self._wifi = wifi
        self._changed = threading.Condition()
        folder.mkdir(parents=True, exist_ok=True)
        data = folder / "site"
        self.is_new = not (data / sites.DATABASE).exists()
        if self.is_new:
            told("Setting up the building: its register, keys and certificates.")
            sites.create(data, "Lakeside", origin, "Ana", (BROKER_NAME,)).close()
        self.site = sites.Site(data)
        event.listen(Session, "after_commit", self._on_commit)
        pki = data / "pki"
        self.broker = broker(folder, _port(folder), (pki / "ca.pem", pki / "broker.pem", pki / "broker.key"))
        (folder / "board").mkdir(exist_ok=True)
        self.board = board(folder / "board")
        self._server: Server | None = None
        self._serving: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; provision the door where it is new. Returns when the door is up to date."""
        self.start_host()
        boots = len(self.events(messages.KIND_BOOT))
        self.start_door()
        self.wait(lambda: len(self.events(messages.KIND_BOOT)) > boots or None, "the door's first event")
        self.wait_applied()
        self._told("The door is connected and up to date.")

    def start_host(self) -> None:
        """Start the broker and the host."""
        self._told(f"Starting the broker on port {self.broker.port}; it demands a client certificate.")
        self.broker.start()
        self.serve()
        if self.is_new:
            self._register()

    def serve(self) -> None:
        """Have the host answer the doors."""
        self._server = Server(self.site, "127.0.0.1", self.broker.port)
        self._serving = threading.Thread(target=self._server.run, name="host", daemon=True)
        self._serving.start()

    def pause_host(self) -> None:
        """Have the host answer nobody until serve(); the broker stays."""
        if self._serving and self._server:
            self._server.stop()
            self._serving.join()
        self._serving = None

    def start_door(self) -> None:
        """Switch the board on, and provision it where that was not done before."""
        self._told("Switching the board on: the shipped firmware on MicroPython.")
        self.board.power_on()
        with self.site.read() as session:
            is_bare = doors.find(session, FRONT).provisioned_at is None
        if is_bare:
            self.provision()

    def stop(self) -> None:
        """End everything that start() began; may be called twice."""
        self.board.stop()
        self.pause_host()
        self.broker.stop()
        if event.contains(Session, "after_commit", self._on_commit):
            event.remove(Session, "after_commit", self._on_commit)
        self.site.close()

    def provision(self, name: str = FRONT) -> None:
        """Give the board on the serial line its identity; the door comes up with it."""
        self._told(f"Provisioning {name} over its serial line, {self.board.console_path}.")
        starts = self.board.starts
        port = SerialPort(self.board.console_path)
        try:
            direct.provision(
                self.site, name, self.broker_address(), Wifi(*self._wifi), Exchange(port), lambda *_: None,
                is_replacing=self._has_board(name),
            )  # fmt: skip
        finally:
            port.close()
        self.board.wait_start(starts + 1)

    def broker_address(self) -> tuple[str, int]:
        """Where a door that is provisioned now will look for the broker."""
        return "127.0.0.1", self.broker.port

    def _has_board(self, name: str) -> bool:
        with self.site.read() as session:
            return enrolments.state(session, doors.find(session, name)) == "in use"

    def card(self) -> Ntag424:
        """The resident's card, with the key that this building gave it."""
        with self.site.read() as session:
            zone_key = doors.zone_key(self.site, session, ZONE)
        return Ntag424(CARD_UID, card_key(zone_key, CARD_UID, ZONE))

    def issue_pass(
        self, door: str = FRONT, lasts_s: int = 3600, uses: int = 1, starts_s: int = -60
    ) -> tuple[str, bytes]:
        """A new pass for one door: its text and its id."""
        now = int(time.time())
        with self.site.write() as session:
            doors_ = [doors.find(session, door)]
            times = (now + starts_s, now + lasts_s)
            made, text = passes.issue(self.site, session, doors_, times, uses, "demo", None)
            return text, made.pass_id

    def request(self, verb: int, valid_s: int = 30) -> int:
        """Have the host send a command to the front door; returns its number."""
        with self.site.write() as session:
            return commands.request(self.site, session, doors.find(session, FRONT), verb, valid_s)

    def events(self, kind: int | None = None) -> list[Event]:
        """The front door's events in the register, oldest first."""
        with self.site.read() as session:
            query = select(Event).join(Door, Door.door_id == Event.door_id).where(Door.name == FRONT)
            if kind is not None:
                query = query.where(Event.kind == kind)
            return list(session.scalars(query.order_by(Event.number)))

    def wait_event(self, kind: int, after: int = 0, timeout_s: float = WAIT_S) -> Event:
        """The first event of a kind whose record number is above ``after``."""

        def look() -> Event | None:
            return next((found for found in self.events(kind) if found.number > after), None)

        return self.wait(look, f"an event {names.KINDS[kind]}", timeout_s)

    def wait_applied(self) -> None:
        """Wait until the front door has said that it holds all that the register wants it to."""

        def look() -> bool | None:
            with self.site.read() as session:
                door = doors.find(session, FRONT)
                return door.applied_version == door.state_version or None

        self.wait(look, "the door to apply its state")

    def last_number(self) -> int:
        """Number of the newest record, 0 for none."""
        found = self.events()
        return found[-1].number if found else 0

    def wait(self, look: Callable[[], T | None], what: str, timeout_s: float = WAIT_S) -> T:
        """Wait until ``look()`` gives something; it is called after each change of the register."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = look()
            if found is not None:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
            with self._changed:
                self._changed.wait(min(left, LOOK_S))

    def _register(self) -> None:
        with self.site.write() as session:
            site = self.site
            doors.ensure_zone(site, session, ZONE)
            front = doors.add(site, session, FRONT, ZONE, None, False)
            doors.add(site, session, BACK, ZONE, None, False)
            resident = residents.add(site, session, RESIDENT, UNIT)
            always = (0, 0)
            credentials.add(site, session, messages.TYPE_CARD, CARD_UID, resident, [front], always)
            pin = f"{UNIT}#{PIN}".encode()
            credentials.add(site, session, messages.TYPE_PIN, pin, resident, [front], always)
            notices.publish(site, session, example_notice())
            # The simulated module gives no liveness verdict; a manager has to turn that on knowingly.
            face = {settings.FACE: 1, settings.FACE_UNPROVED: 1}
            doors.change_settings(site, session, front, face)

    def _on_commit(self, _session: Session) -> None:
        with self._changed:
            self._changed.notify_all()


def example_notice() -> str:
    """The template of a notice with its examples taken as they are; in a building somebody edits them."""
    opening, closing = notices.EXAMPLE
    return notices.template().replace(f'"{opening}', '"').replace(f'{closing}"', '"')


def _port(folder: Path) -> int:
    """The broker's port: chosen once, because the door was given it when it was provisioned."""
    kept = folder / "broker.port"
    if not kept.exists():
        kept.write_text(str(free_port()), encoding="utf-8")
    return int(kept.read_text(encoding="utf-8"))
