"""A building whose network, broker, host and door can fail in the middle of anything, for fuzz_link.py.

The firmware runs on the simulated board (witness_main.py), ``altgate serve`` in a process of its own, and
mosquitto. Both of the host's and the door's connections go through relays: either of bytes, with TLS from end
to end, or of a hostile broker, which has the broker's key.
"""

import contextlib
import json
import time
from pathlib import Path

from altgate.consent import records, states
from altgate.demo import building as demo
from altgate.demo.broker import Broker, free_port
from altgate.demo.building import BACK, FRONT, RESIDENT, ZONE, Building
from altgate.keys.cards import card_key
from altgate.protocol import messages, topics
from altgate.registry import commands, credentials, doors, residents, settings
from altgate.registry.models import Consent, Credential, CredentialDoor
from altgate.rig.board import Board
from altgate.rig.ntag424 import Ntag424
from sqlalchemy import select
from support.broker import BuildingMosquitto, Mosquitto
from support.relay import Network, Relay, Tampering

LATE_UID = bytes.fromhex("04a17e9a7e0202")  # the card that comes and goes
SCRIPTS = Path(__file__).parent
TAP_S = 1.0
WAYS = ("duplicate", "hold", "rewrite", "move", "retain", "replay", "drop")


class Fronted(Broker):
    """mosquitto, and the relays before it. ``chance``: of the hostile one; None for a relay of bytes."""

    def __init__(self, folder, port, pki, chance):
        super().__init__(folder, port)
        (folder / "inner").mkdir(exist_ok=True)
        self.tampering = None
        if chance is None:
            self.inner = BuildingMosquitto(folder / "inner", free_port(), pki)
        else:
            self.inner = Mosquitto(folder / "inner", free_port())
            self.tampering = Tampering(chance, topics.UP + topics.DOWN, ())
        self.is_running = False
        self._network = Network()
        ends = (self.inner.port, pki if chance else None, self.tampering)
        self.door = Relay(self._network, port, *ends)
        self.host = Relay(self._network, free_port(), *ends)

    def start(self):
        self.inner.start()
        self.is_running = True

    def stop(self, at_once=False):
        self.is_running = False
        self.inner.stop(at_once)

    def close(self):
        for relay in (self.door, self.host):
            relay.close()
        self._network.close()


class Scene(Building):
    """The building. ``hosts``: support.hosts.Hosts; plants: faults of the firmware."""

    def __init__(self, folder, hosts, chance, plants):
        demo.LOOK_S = 0.02
        self._hosts, self._log = hosts, folder / "host.log"
        board = folder / "board"
        board.mkdir(parents=True)
        (board / "plants.json").write_text(json.dumps(plants))
        self.witness_file, self._orders_file = board / "witness", board / "orders"
        self._orders_file.touch()
        self.strikes = self.started_at = 0  # started_at: what the witness had written then, in bytes
        super().__init__(
            folder,
            lambda place, port, pki: Fronted(place, port, pki, chance),
            lambda place: Board(place, SCRIPTS / "witness_main.py", heap="1m", is_on=False),
        )
        strike = self.board.wiring.pin("strike")
        self.board.subscribe(lambda told: self._on_board(told, strike))
        self.front, self.revoked = "", {}

    def _on_board(self, told, strike):
        if told.get("pin") == strike and told.get("v") == 1:
            self.strikes += 1
        elif told.get("rig") == "started":
            self.started_at = self.witness_file.stat().st_size if self.witness_file.exists() else 0

    def __enter__(self):
        super().__enter__()
        with self.site.write() as session:
            found = [doors.find(session, name) for name in (FRONT, BACK)]
            self.front = found[0].door_id
            doors.change_settings(self.site, session, found[0], {settings.RELEASE_S: 3})
            row = session.scalars(select(CredentialDoor).join(Credential).where(Credential.type == 1)).one()
            resident = session.get_one(Credential, row.credential).resident
            self.person = (resident, row.credential, row.tag.hex())
            zone_key = doors.zone_key(self.site, session, ZONE)
        if self.broker.tampering:
            self.broker.tampering.doors = tuple(door.door_id for door in found)
        self.late = Ntag424(LATE_UID, card_key(zone_key, LATE_UID, ZONE))
        self.wait_applied()
        return self

    def serve(self):
        if not self._hosts.is_running:
            self._hosts.start(self.site.data, self.broker.host.port, self._log)

    def pause_host(self):
        self._hosts.kill()

    def stop(self):
        super().stop()
        self.broker.close()

    # What people do

    def tap(self, card, most_s=TAP_S):
        """Hold a card before the reader until it is decided on; a door that is off does nothing."""
        before = self.witness_file.stat().st_size
        self.board.tap(card)
        deadline = time.monotonic() + most_s
        entry = f" {messages.KIND_ENTRY} ".encode()
        while time.monotonic() < deadline and self.board.is_on:
            if entry in self.witness_file.read_bytes()[before:]:
                break
            time.sleep(0.01)
        for held in self.board.reader.cards():
            self.board.reader.take(held)

    def at_the_door(self, *words):
        """What somebody does in a ceremony, as witness_main.follow takes it."""
        with self._orders_file.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def leave(self):
        """Press the exit button."""
        self.board.drive("exit_contact", 0)
        time.sleep(0.05)
        self.board.drive("exit_contact", 1)

    def open_(self):
        """A manager opens the door."""
        self.request(messages.VERB_UNLOCK, 2)

    def turn_card(self):
        """The late card is given to somebody, or taken away."""
        with self.site.write() as session:
            door, found = doors.find(session, FRONT), self.late_card(session)
            if found is None:
                resident = residents.find(session, RESIDENT)
                credentials.add(self.site, session, messages.TYPE_CARD, LATE_UID, resident, [door], (0, 0))
            else:
                credentials.revoke(self.site, session, found)
                self.revoked[found.id] = door.state_version

    def late_card(self, session):
        """The credential that the late card is just now, or None."""
        cards = select(Credential).where(
            Credential.type == messages.TYPE_CARD, Credential.revoked_at.is_(None)
        )
        return next((one for one in session.scalars(cards) if one.id != self.person[1]), None)

    def end_consents(self):
        """The resident takes every consent back, on their page."""
        with self.site.write() as session:
            for consent in session.scalars(select(Consent)):
                records.end(self.site, session, consent, states.RESIDENT)

    def give_up_commands(self):
        """Managers wait for nothing any more."""
        with self.site.write() as session:
            for command in commands.open_commands(session):
                commands.give_up(session, command.id)

    # What fails

    def kill_broker(self):
        self.broker.stop(at_once=True)

    def kill_host(self):
        self._hosts.kill()

    def heal(self):
        """Everything runs again, and nothing stands between."""
        for relay in (self.broker.door, self.broker.host):
            relay.heal()
        if self.broker.tampering:
            self.broker.tampering.ways = ()
        if not self.broker.is_running:
            self.broker.start()
        self.serve()
        self.board.cut_after(0)
        # A cut that was on its way is over by then: the board answers, or is off.
        if self.board.is_on:
            with contextlib.suppress(TimeoutError):
                self.board.flash_counts(1)
        self.board.power_on()

    def logs(self):
        """The last that was said by anybody."""
        said = {
            "door": self.board.console.text(), "host": self._log.read_text(),
            "witness": self.witness_file.read_text(),
        }  # fmt: skip
        with self.site.read() as session:
            door = self.state(session)
            row = f"boot {door.boot}, acknowledged {door.acked_sequence}, state {door.applied_version} of "
            said["register"] = f"{row}{door.state_version}, journal {door.journal}"
        tails = [f"-- {name}\n" + "\n".join(text.splitlines()[-12:]) for name, text in said.items()]
        kind = "hostile" if self.broker.tampering else "of bytes"
        return f"relay {kind}\n" + "\n".join(tails)

    def is_up(self):
        """Whether the door has written, since its last start, that it started."""
        with self.witness_file.open("rb") as file:
            file.seek(self.started_at)
            lines = [line.split() for line in file.read().splitlines()]
        return any(line[0] == b"event" and int(line[5]) == messages.KIND_BOOT for line in lines)

    def state(self, session):
        """The front door's row."""
        return doors.find(session, FRONT)

