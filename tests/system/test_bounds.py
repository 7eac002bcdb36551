"""What a credential is bound to, from the manager's word to the door's strike."""

import time
from collections.abc import Iterator

import pytest

from altgate.demo.building import FRONT, PIN, RESIDENT, UNIT, ZONE, Building
from altgate.keys.cards import card_key
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.registry import credentials, doors, residents, schedules
from altgate.registry.credentials import Terms
from altgate.rig.ntag424 import Ntag424

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    with Building(tmp_path_factory.mktemp("building")) as made:
        yield made


def add(building: Building, number: int, uses: int = 0, is_dual: bool = False, schedule: str = "") -> Ntag424:
    """Another card of the resident's, and its credential."""
    uid = bytes((4, 0xD0, 0, 0, 0, 0, number))
    with building.site.write() as session:
        terms = Terms(uses, is_dual, schedules.find(session, schedule) if schedule else None)
        at, who = [doors.find(session, FRONT)], residents.find(session, RESIDENT)
        credentials.add(building.site, session, m.TYPE_CARD, uid, who, at, (0, 0), terms)
        key = card_key(doors.zone_key(building.site, session, ZONE), uid, ZONE)
    building.wait_applied()
    return Ntag424(uid, key)


def shown(building: Building, card: Ntag424) -> int:
    """The reason that the door gave for a card."""
    number = building.last_number()
    building.board.tap(card)
    reason = building.wait_event(m.KIND_ENTRY, number).reason
    building.board.untap()
    assert reason is not None
    return reason


def test_a_card_with_a_number_of_uses_opens_so_often(building: Building) -> None:
    card = add(building, 1, uses=2)
    assert [shown(building, card) for _ in range(3)] == [reasons.GRANTED, reasons.GRANTED, reasons.USED_UP]


def test_a_schedule_holds_in_the_buildings_time_and_is_changed_at_once(building: Building) -> None:
    # Kiritimati is a day ahead of UTC for more than half of the day: only its own weekday opens, and the next
    # one, for a test that runs through midnight.
    now = time.gmtime(time.time() + 14 * 3600)
    today, tomorrow, other = (DAYS[(now.tm_wday + later) % 7] for later in (0, 1, 3))
    with building.site.write() as session:
        schedules.change_zone(building.site, session, "Pacific/Kiritimati")
        schedules.add(building.site, session, "cleaners", [f"{today},{tomorrow} 00:00-24:00"])
    card = add(building, 2, schedule="cleaners")
    assert shown(building, card) == reasons.GRANTED
    with building.site.write() as session:
        held = schedules.find(session, "cleaners")
        schedules.change(building.site, session, held, [f"{other} 00:00-24:00"])
    building.wait_applied()
    assert shown(building, card) == reasons.OUTSIDE_SCHEDULE


def test_two_together_open_and_one_alone_does_not(building: Building) -> None:
    card = add(building, 3, is_dual=True)
    assert shown(building, card) == reasons.SECOND_NEEDED
    number = building.last_number()
    # The resident's PIN opens alone, and so is a second one to any other.
    building.board.press(f"{UNIT}#{PIN}#")
    assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED
    other = add(building, 4, is_dual=True)
    assert [shown(building, one) for one in (card, other)] == [reasons.SECOND_NEEDED, reasons.GRANTED]
