"""A building whose data was put back from a backup: what its door knows better stays so."""

import json
import shutil
import time
from pathlib import Path

from sqlalchemy import select

from altgate.demo.building import FRONT, Building
from altgate.ledger import review
from altgate.link import starts
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.registry import doors, settings
from altgate.registry import site as sites
from altgate.registry.models import Consent, Credential, CredentialDoor, Event
from altgate.rig.board import Board

SEEN_S = 0.2  # until the firmware has seen that a contact opened
WITNESS = Path(__file__).parent.parent / "faults/scripts/witness_main.py"


def board(folder: Path) -> Board:
    """One that does what the file of orders says, and witnesses what its door keeps."""
    (folder / "plants.json").write_text(json.dumps([]))
    (folder / "orders").touch()
    return Board(folder, WITNESS, heap="1m", is_on=False)


class Restored(Building):
    """A building in ``folder`` that can be put back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(folder, board=board)

    def witness(self, word: str) -> list[list[str]]:
        """The lines that begin with a word, without it."""
        lines = (self._folder / "board/witness").read_text().splitlines()
        return [line.split()[1:] for line in lines if line.split()[0] == word]

    def at_the_door(self, *words: object) -> None:
        """What somebody does there in a ceremony."""
        with (self._folder / "board/orders").open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def leave(self) -> None:
        """Press the exit button, until the door has an event of it."""
        count = len(self.witness("event"))
        self.board.drive("exit_contact", 0)
        self.wait(lambda: len(self.witness("event")) > count or None, "the event")
        self.board.drive("exit_contact", 1)
        time.sleep(SEEN_S)

    def change(self, setting: settings.Setting, value: int) -> None:
        """Change a setting of the front door."""
        with self.site.write() as session:
            doors.change_settings(self.site, session, doors.find(session, FRONT), {setting: value})

    def put_back(self, backup: Path) -> None:
        """The host stops, and its data is that of the backup."""
        self.pause_host()
        self.site.close()
        shutil.rmtree(self._folder / "site")
        shutil.copytree(backup, self._folder / "site")
        self.site = sites.Site(self._folder / "site")

    def wait_consent(self, state: int) -> None:
        """Wait until the register has a consent in this state."""

        def look() -> Consent | None:
            with self.site.read() as session:
                return session.scalars(select(Consent).where(Consent.state == state)).first()

        self.wait(look, "the consent")

    def wait_told(self, state: int) -> None:
        """Wait until the door knows that the register has its consent in this state."""

        def look() -> bool | None:
            rows = (self.witness("consents") or [[]])[-1]
            return any(row.endswith(f":{state}:{state}") for row in rows) or None

        self.wait(look, "the door to be told of its consent")

    def wait_face(self, resident: int, reason: int) -> None:
        """Wait until the door says this of a resident's face."""

        def look() -> bool | None:
            self.at_the_door("face", resident)
            time.sleep(0.1)
            said = self.witness("face")
            return bool(said) and int(said[-1][0]) == reason or None

        self.wait(look, f"the door to say {reason}")

    def wait_acknowledged(self) -> int:
        """Wait until the door has nothing more to say; up to which event."""

        def look() -> int | None:
            last, acked = (int(self.witness(word)[-1][0]) for word in ("event", "acked"))
            return acked if acked == last else None

        return self.wait(look, "the door's events to be acknowledged")

    def wait_applied_version(self) -> int:
        """Wait until the door has applied everything; the version of its state."""
        self.wait_applied()
        with self.site.read() as session:
            return doors.find(session, FRONT).state_version


def test_a_restored_host_takes_over_what_its_door_knows_and_revives_nothing(tmp_path: Path) -> None:
    with Restored(tmp_path) as building:
        with building.site.read() as session:
            card = session.scalars(select(CredentialDoor).join(Credential).where(Credential.type == 1)).one()
            resident = session.get_one(Credential, card.credential).resident
        building.at_the_door("give", resident, card.credential, card.tag.hex())
        building.wait_told(m.CONSENT_GIVEN)
        building.at_the_door("enrol", resident)
        building.wait_told(m.CONSENT_ENROLLED)
        building.wait_face(resident, reasons.NONE)
        backed_up = building.wait_acknowledged()
        building.pause_host()
        shutil.copytree(tmp_path / "site", tmp_path / "backup")
        building.serve()

        # What the backup does not know: the consent ends, a setting changes, somebody leaves.
        building.at_the_door("withdraw", resident)
        building.wait_consent(m.CONSENT_WITHDRAWN)
        building.change(settings.RELEASE_S, 7)
        building.leave()
        lost = building.wait_acknowledged()
        version = building.wait_applied_version()

        building.put_back(tmp_path / "backup")
        # As many changes as were lost, and others, before the door is heard: their numbers are the same.
        building.change(settings.HELD_OPEN_S, 33)
        with building.site.read() as session:
            assert doors.find(session, FRONT).state_version == version
        building.serve()
        building.leave()
        assert building.wait_acknowledged() > lost
        with building.site.read() as session:
            said = session.scalars(select(Event.subject).where(Event.action == starts.REGISTER_WENT_BACK))
            # Told by the checkpoint in what the door says first, and by what it lacks.
            record, events = said.all()
            assert record and record.startswith("record ") and events == f"events {backed_up + 1} to {lost}"
            assert doors.find(session, FRONT).acked_sequence > lost
        assert building.wait_applied_version() > version
        assert review.verify(building.site)[1] is None
        # The register believes what the backup says; the door does not, and gets no lease for it.
        building.wait_consent(m.CONSENT_ENROLLED)
        building.wait_face(resident, reasons.NO_CONSENT)
        building.at_the_door("enrol", resident)
        building.leave()
        building.wait_acknowledged()
        building.wait_face(resident, reasons.NO_CONSENT)
