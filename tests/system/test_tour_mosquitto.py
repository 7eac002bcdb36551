"""Over mosquitto, with the settings and the access list that a building has."""

from pathlib import Path

import pytest

from altgate.demo import watch
from altgate.demo.building import FRONT, Building
from altgate.demo.cast import made_of_numbers
from altgate.demo.tour import Tour
from altgate.protocol import fields, messages, topics
from altgate.registry import doors
from support.broker import BuildingMosquitto

pytestmark = pytest.mark.debian


class Watched(BuildingMosquitto):
    """The tour looks on at MQTT."""

    lookers_on = (watch.NAME,)


def test_the_whole_tour_passes_and_both_sides_say_what_the_protocol_has(tmp_path: Path) -> None:
    with Building(tmp_path, broker=Watched) as building:
        tour = Tour(building, lambda _line: None, made_of_numbers())
        tour.run()
        seen = tour.observed.seen
        # What a tour has not: a start, a certificate that is about to end, and a command.
        looker = watch.Watch(building.site, building.broker.port, seen.append)
        looker.start()
        number = building.last_number()
        with building.site.write() as session:
            doors.find(session, FRONT).certificate_until = None
        building.board.power_off()
        building.board.power_on()
        building.wait_event(messages.KIND_BOOT, number)
        building.wait(lambda: _generation(building) or None, "another certificate")
        building.request(messages.VERB_UNLOCK)
        building.wait_event(messages.KIND_COMMAND, number)
        looker.stop()
    sealed = [one for one in seen if one.name != topics.UP_STATUS]
    for one in sealed:
        assert not fields.problems(one.name, one.fields), (one.name, one.fields)
    assert {one.name for one in sealed} == set(fields.HELD)


def _generation(building: Building) -> int:
    with building.site.read() as session:
        return doors.find(session, FRONT).generation
