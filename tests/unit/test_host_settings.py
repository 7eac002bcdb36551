"""The settings of a door: bounds that both sides keep to, and what the register wants and the door has."""

from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest
from sqlalchemy import select

from altgate.errors import Refused
from altgate.link import state
from altgate.registry import doors, settings
from altgate.registry import site as sites
from altgate.registry.models import DoorOperation
from altgate.registry.settings import (
    FACE,
    FACE_UNPROVED,
    HELD_OPEN_S,
    LEASE_S,
    LEGACY_UID,
    RELEASE_S,
    SCHEDULE_UNTIMED,
)

FACTORY = {
    LEGACY_UID: 0, RELEASE_S: 5, HELD_OPEN_S: 30, FACE: 0, LEASE_S: 86400, FACE_UNPROVED: 0,
    SCHEDULE_UNTIMED: 0,
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        doors.add(made, session, "Front", 1, "0a1b2c3d", False)
    yield made
    made.close()


def test_bounds_are_those_of_the_door(device) -> None:  # type: ignore[no-untyped-def]
    said = device.run("from altgate.store.draft import BOUNDS\nprint(BOUNDS)\n").stdout
    theirs = eval(said)
    assert theirs == {one.number: (one.lowest, one.highest, one.factory) for one in settings.ALL}


def test_wanted_and_applied(site: sites.Site) -> None:
    with site.write() as session:
        door = doors.find(session, "Front")
        assert settings.wanted(session, door) == FACTORY and settings.applied(session, door) is None
        door.applied_version = 0
        assert settings.applied(session, door) == FACTORY
        doors.change_settings(site, session, door, {RELEASE_S: 8, HELD_OPEN_S: 60})
        assert settings.wanted(session, door) == FACTORY | {RELEASE_S: 8, HELD_OPEN_S: 60}
        assert settings.applied(session, door) == FACTORY
        door.applied_version = 1
        assert settings.applied(session, door) == FACTORY | {RELEASE_S: 8}


def test_the_same_value_again_sends_nothing(site: sites.Site) -> None:
    with site.write() as session:
        door = doors.find(session, "Front")
        doors.change_settings(site, session, door, {RELEASE_S: 8})
        doors.change_settings(site, session, door, {RELEASE_S: 8, LEGACY_UID: 0})
        assert door.state_version == 1


def test_a_door_that_claims_too_much_has_unknown_settings_until_its_snapshot(site: sites.Site) -> None:
    with site.write() as session:
        door = doors.find(session, "Front")
        doors.change_settings(site, session, door, {RELEASE_S: 8})
        door.applied_version = 500
        state.rebase(session, door, 500)
        assert settings.applied(session, door) is None
        assert settings.wanted(session, door)[RELEASE_S] == 8
        door.applied_version = door.state_version
        assert settings.applied(session, door) == FACTORY | {RELEASE_S: 8}


@pytest.mark.parametrize("setting", settings.ALL, ids=lambda one: one.name)
def test_bounds_are_taken_and_nothing_beyond_them(site: sites.Site, setting: settings.Setting) -> None:
    for value in (setting.lowest, setting.highest):
        with site.write() as session:
            door = doors.find(session, "Front")
            doors.change_settings(site, session, door, {setting: value})
            assert settings.wanted(session, door)[setting] == value
    for value in (setting.lowest - 1, setting.highest + 1):
        with site.write() as session, pytest.raises(Refused):
            doors.change_settings(site, session, doors.find(session, "Front"), {setting: value})
    with site.read() as session:
        last = session.scalars(select(DoorOperation).order_by(DoorOperation.version.desc())).first()
    assert last is not None and cbor2.loads(last.operation)[2] == setting.highest
