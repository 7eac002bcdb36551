"""What reaches a door in which order: between two messages nothing opens it that does not at the end."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.errors import Refused
from altgate.link import state
from altgate.protocol import limits
from altgate.protocol import messages as m
from altgate.registry import credentials, doors, periods, residents, schedules, settings
from altgate.registry import site as sites
from altgate.registry.models import Credential, Door, DoorOperation, Resident, Schedule

ZONES = ("Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC")
FILL = limits.OPERATIONS_PER_MESSAGE
NUMBERS = itertools.count()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        doors.add(made, session, "Front", 1, None, False)
        residents.add(made, session, "Bo", "12")
    yield made
    made.close()


class Building:
    """The register in one session, with a door that applies what it is sent and looks at itself each time."""

    def __init__(self, site: sites.Site, session: Session) -> None:
        self.site, self.session = site, session
        self.door = doors.find(session, "Front")
        self.of: dict[bytes, int] = {}  # packed periods, each given once only: the schedule they are of
        self.blank()

    def blank(self) -> None:
        """Another board."""
        self.version, self.zone = 0, b""
        self.hours: dict[int, bytes] = {}
        self.cards: dict[int, int] = {}

    def written(self) -> list[str]:
        """Hours that no schedule had before."""
        number = next(NUMBERS)
        first, last = f"{number // 1000 % 24:02}:{number % 60:02}", f"{number // 60 % 24:02}:59"
        return [f"daily {first}-24:00", f"mon 00:00-{last}"]

    def add(self) -> Schedule:
        written = self.written()
        made = schedules.add(self.site, self.session, f"S{next(NUMBERS)}", written)
        self.of[periods.pack_lines(made.periods)] = made.id
        return made

    def change(self, schedule: Schedule) -> None:
        schedules.change(self.site, self.session, schedule, self.written())
        self.of[periods.pack_lines(schedule.periods)] = schedule.id

    def card(self, schedule: Schedule | None = None) -> Credential:
        uid = b"\x04" + next(NUMBERS).to_bytes(6, "big")
        bo = self.session.scalars(select(Resident)).one()
        terms = credentials.Terms(schedule=schedule)
        return credentials.add(self.site, self.session, m.TYPE_CARD, uid, bo, [self.door], (0, 0), terms)

    def revoke(self, card: Credential) -> None:
        credentials.revoke(self.site, self.session, card)

    def fill(self, count: int = FILL) -> None:
        """Operations that have nothing to do with it."""
        for _ in range(count):
            value = 9 if settings.wanted(self.session, self.door)[settings.RELEASE_S] == 8 else 8
            doors.change_settings(self.site, self.session, self.door, {settings.RELEASE_S: value})

    def cards_in_use(self) -> list[Credential]:
        return list(self.session.scalars(select(Credential).where(Credential.revoked_at.is_(None))))

    def message(self) -> bool:
        """Have the door take its next message; whether there was one."""
        self.session.flush()
        self.door.applied_version = self.version
        if self.version > self.door.state_version:
            state.rebase(self.session, self.door, self.version)
        batch = state.next_batch(self.session, self.door)
        if batch is None:
            return False
        assert batch[m.BASE_VERSION] == self.version < batch[m.NEW_VERSION]
        assert len(batch[m.OPERATIONS]) <= limits.OPERATIONS_PER_MESSAGE
        assert len(cbor2.dumps(batch)) < limits.MESSAGE_BYTES - 200
        if batch[m.IS_SNAPSHOT]:
            self.blank()
        self.version = batch[m.NEW_VERSION]
        for operation in batch[m.OPERATIONS]:
            self._apply(*operation)
        return True

    def _apply(self, kind: int, *fields: Any) -> None:
        if kind == m.OP_PUT:
            assert len(fields) == 11
            self.cards[fields[0]] = fields[9]
        elif kind == m.OP_DELETE:
            self.cards.pop(fields[0], None)
        elif kind == m.OP_TIME_ZONE:
            self.zone = fields[0]
        elif kind == m.OP_SCHEDULE:
            self.hours.pop(fields[0], None)
            if fields[1]:
                self.hours[fields[0]] = fields[1]

    def catch_up(self) -> int:
        """All messages, with what must be so after each; how many."""
        before, count = set(self.cards), 0
        while self.message():
            count += 1
            before &= set(self.cards)
            for card, number in self.cards.items():
                self._check(self.session.get_one(Credential, card), number, card in before)
        self._check_end()
        return count

    def _check(self, card: Credential, number: int, was_there: bool) -> None:
        """A card in force is under its own schedule; a new one under the hours and the zone of now."""
        if not card.schedule:
            assert number == 0
            return
        assert self.zone and self.of[self.hours[number]] == card.schedule
        if not was_there and card.revoked_at is None:
            assert self.hours[number] == self._now(self.session.get_one(Schedule, card.schedule))
            assert self.zone == schedules._zone_given(self.session, self.door)

    def _now(self, schedule: Schedule) -> bytes:
        return periods.pack_lines(schedule.periods)

    def _check_end(self) -> None:
        present = {one.number: one for one in schedules.present(self.session)}
        assert self.hours == {number: self._now(one) for number, one in present.items()}
        numbers = {one.id: number for number, one in present.items()}
        in_use = {one.id: numbers.get(one.schedule or 0, 0) for one in self.cards_in_use()}
        assert self.cards == in_use
        assert self.zone == (schedules._zone_given(self.session, self.door) or b"")


@pytest.fixture
def building(site: sites.Site) -> Iterator[Building]:
    with site.write() as session:
        yield Building(site, session)


def test_a_card_comes_under_the_last_hours_of_its_schedule_and_not_the_first(building: Building) -> None:
    office = building.add()
    building.card(office)
    building.fill()
    building.change(office)
    building.fill()
    building.change(office)
    first, last = periods.pack_lines(office.periods), building.door.state_version
    assert building.message() and building.hours == {office.number: first} and len(building.cards) == 1
    assert building.version < last
    building.catch_up()


def test_a_card_that_is_revoked_far_behind_never_comes(building: Building) -> None:
    card = building.card()
    for _ in range(6 * FILL):
        building.card()
    building.revoke(card)
    while building.message():
        assert card.id not in building.cards
    building._check_end()


def test_a_card_waits_for_hours_that_were_changed_since_it_was_made(building: Building) -> None:
    office = building.add()
    building.catch_up()
    building.card(office)
    building.fill()
    building.change(office)
    building.catch_up()


def test_a_card_waits_for_the_time_zone_of_now(building: Building) -> None:
    office = building.add()
    building.catch_up()
    building.card(office)
    building.fill()
    for name in ZONES[:2]:
        schedules.change_zone(building.site, building.session, name)
    zone = schedules._zone_given(building.session, building.door)
    assert building.message() and building.cards and building.zone == zone
    building.catch_up()


def test_a_number_that_is_used_again_never_lends_its_hours_to_an_old_card(building: Building) -> None:
    full = [building.add() for _ in range(limits.SCHEDULES)]
    card = building.card(full[6])
    building.catch_up()
    building.change(full[6])
    building.fill()
    building.revoke(card)
    schedules.remove(building.site, building.session, full[6])
    again = building.add()
    assert again.number == full[6].number
    building.card(again)
    building.fill()
    assert building.catch_up() > 2


def test_every_number_is_tried_before_one_is_used_again_and_the_oldest_first(
    building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1_800_000_000, 1_900_000_000, 60))
    monkeypatch.setattr(schedules, "now_s", lambda: next(now))
    seen = []
    for _ in range(2 * limits.SCHEDULES):
        made = building.add()
        seen.append(made.number)
        schedules.remove(building.site, building.session, made)
    assert seen == 2 * list(range(1, limits.SCHEDULES + 1))


def test_a_door_that_begins_again_gets_hours_before_cards(building: Building) -> None:
    offices = [building.add() for _ in range(3)]
    for office in offices:
        building.card(office)
        building.fill(3)
        building.change(office)
    gone = building.add()
    schedules.remove(building.site, building.session, gone)
    building.catch_up()
    building.version = 500
    building.catch_up()
    kept = select(DoorOperation).where(DoorOperation.version > 500)
    given = [cbor2.loads(one.operation)[:2] for one in building.session.scalars(kept)]
    assert sum(kind == m.OP_SCHEDULE for kind, _ in given) == 3
    assert sum(kind == m.OP_TIME_ZONE for kind, _ in given) == 1


def test_of_the_hours_that_were_changed_often_only_the_last_travel(building: Building) -> None:
    office = building.add()
    for _ in range(3 * FILL):
        building.change(office)
    assert building.catch_up() == 1


def act(building: Building, chance: random.Random) -> None:
    """Something that a manager may do."""
    there = schedules.present(building.session)
    deed = chance.choice(("add", "change", "remove", "card", "card", "plain", "revoke", "zone", "fill"))
    if deed == "add" and len(there) < limits.SCHEDULES:
        building.add()
    elif deed == "change" and there:
        building.change(chance.choice(there))
    elif deed == "remove" and there:
        schedule = chance.choice(there)
        bound = [one for one in building.cards_in_use() if one.schedule == schedule.id]
        if bound:
            with pytest.raises(Refused):
                schedules.remove(building.site, building.session, schedule)
            for card in bound:
                building.revoke(card)
        schedules.remove(building.site, building.session, schedule)
    elif deed == "card" and there:
        building.card(chance.choice(there))
    elif deed == "plain":
        building.card()
    elif deed == "revoke" and building.cards_in_use():
        building.revoke(chance.choice(building.cards_in_use()))
    elif deed == "zone":
        schedules.change_zone(building.site, building.session, chance.choice(ZONES))
    elif deed == "fill":
        building.fill(chance.randrange(4))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_while_a_door_is_away(building: Building, seed: int) -> None:
    chance, most = random.Random(seed), 0
    for _ in range(9):
        for _ in range(chance.randrange(60)):
            act(building, chance)
        for _ in range(chance.randrange(3)):  # it goes away again before it has everything
            building.message()
        what = chance.randrange(5)
        if what == 0:
            building.blank()
        elif what == 1:
            building.version = building.door.state_version + chance.randrange(1, 1000)
        most = max(most, building.catch_up())
    assert most > 3


def test_a_removed_door_is_told_nothing(site: sites.Site) -> None:
    with site.write() as session:
        doors.remove(site, session, doors.find(session, "Front"))
        schedules.add(site, session, "office", ["daily 07:00-19:00"])
        (front,) = session.scalars(select(Door))
        assert front.state_version == 0
