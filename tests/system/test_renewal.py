"""A door on its board gets another certificate and other keys over the link, and goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from altgate.demo.building import FRONT, PIN, UNIT, Building
from altgate.ledger import review
from altgate.link import renewals
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.registry import doors
from altgate.registry.models import Door, Event

HELLO_S = 30


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    with Building(tmp_path) as made:
        yield made


def the_door(building: Building) -> Door:
    with building.site.read() as session:
        return doors.find(session, FRONT)


def restart(building: Building) -> None:
    number = building.last_number()
    building.board.power_off()
    building.board.power_on()
    building.wait_event(m.KIND_BOOT, number, HELLO_S)


def test_a_door_whose_certificate_ends_gets_another_one_and_opens_all_the_while(building: Building) -> None:
    before = the_door(building)
    assert before.generation == 0 and before.certificate_until
    with building.site.write() as session:
        doors.find(session, FRONT).certificate_until = None
    restart(building)
    after = building.wait(lambda: one if (one := the_door(building)).generation else None, "another", HELLO_S)
    assert after.generation == 1 and after.sealed_renewal is None
    assert after.certificate_until and after.certificate_until >= before.certificate_until
    serials = building.site.authority().serials({after.door_id})
    assert len(serials) == 3  # of the ticket, of the admission, and of the renewal
    # It is in use: events come under the new keys, and are kept as they came.
    for _ in range(2):
        number = building.last_number()
        building.board.press(f"{UNIT}#{PIN}#")
        assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED
        # What was forgotten is not needed at the next start.
        restart(building)
    assert the_door(building).generation == 1
    assert review.verify(building.site)[1] is None
    with building.site.read() as session:
        actions = session.scalars(select(Event.action).where(Event.action.is_not(None))).all()
    assert actions.count(renewals.RENEWED) == 1
