"""The building's time zone: what doors are told of it, and that they never run out of it."""

import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cbor2
import pytest
from sqlalchemy import select
from test_host_cli import Altgate, altgate

from altgate import cli
from altgate.errors import Refused
from altgate.ledger import review
from altgate.link import server as servers
from altgate.protocol import limits
from altgate.protocol import messages as m
from altgate.registry import doors, schedules, time_zone
from altgate.registry import site as sites
from altgate.registry.models import DoorOperation, Event

__all__ = ["altgate"]

BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"
DAY_S = 86400
YEAR_S = 365 * DAY_S
START = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())


def at(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]


def told(rows: time_zone.Table, moment: int) -> int:
    """What a door makes of a table: the last row that has begun."""
    return [minutes for first, minutes in rows if first <= moment][-1]


def true(name: str, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, ZoneInfo(name)).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def test_a_table_begins_with_now_and_has_the_next_changes() -> None:
    assert time_zone.table(BERLIN, START)[:4] == [
        (0, 60), (at(2027, 3, 28, 1), 120), (at(2027, 10, 31, 1), 60), (at(2028, 3, 26, 1), 120)
    ]  # fmt: skip
    assert time_zone.table(BERLIN, at(2027, 3, 28, 1))[0] == (0, 120)
    assert time_zone.table(SHANGHAI, START) == [(0, 480)]
    assert time_zone.table("America/St_Johns", START)[0] == (0, -210)


@pytest.mark.parametrize(
    "name",
    ["Africa/Casablanca", "America/New_York", "America/Santiago", "Antarctica/Troll", "Asia/Kathmandu",
     "Australia/Lord_Howe", BERLIN, "Pacific/Chatham", "Pacific/Kiritimati", "UTC"],
)  # fmt: skip
def test_a_door_tells_the_time_of_every_zone_by_its_table(name: str) -> None:
    for begin in (START, START + 5 * YEAR_S, at(2027, 3, 28, 0), at(2099, 5, 5)):
        rows = time_zone.table(name, begin)
        assert len(rows) <= limits.TIME_ZONE_CHANGES and rows == sorted(rows) and rows[0][0] == 0
        packed = time_zone.pack(rows)
        assert len(packed) == 6 * len(rows) and time_zone.unpack(packed) == rows
        full = len(rows) == limits.TIME_ZONE_CHANGES
        last = rows[-1][0] if full else begin + 9 * YEAR_S
        moments = {*range(begin, last, 6 * 3600 + 1800)}
        moments |= {first + about for first, _ in rows[1:] for about in (-1, 0, 1)}
        for moment in moments:
            assert told(rows, moment) == true(name, moment), moment


def test_near_the_last_moment_that_a_door_can_store() -> None:
    last = (1 << 32) - 1
    assert all(first <= last for first, _ in time_zone.table(BERLIN, last - YEAR_S))
    time_zone.pack(time_zone.table(BERLIN, last - 10))


def test_enough_is_a_year_of_what_is_true() -> None:
    given = time_zone.pack(time_zone.table(BERLIN, START))
    last = time_zone.unpack(given)[-1][0]
    assert not time_zone.is_enough(None, BERLIN, START) and not time_zone.is_enough(b"", BERLIN, START)
    assert time_zone.is_enough(given, BERLIN, START) and not time_zone.is_enough(given, SHANGHAI, START)
    assert time_zone.is_enough(given, BERLIN, last - YEAR_S - 1)
    assert not time_zone.is_enough(given, BERLIN, last - YEAR_S)
    constant = time_zone.pack([(0, 480)])
    assert time_zone.is_enough(constant, SHANGHAI, START + 60 * YEAR_S)
    # Rules that changed since: summer time that is given up, or one that begins on another day.
    rows = time_zone.unpack(given)
    assert not time_zone.is_enough(time_zone.pack([(0, 480), *rows[1:]]), SHANGHAI, START)
    shifted = [rows[0], (rows[1][0] + DAY_S, 120), *rows[2:]]
    assert not time_zone.is_enough(time_zone.pack(shifted), BERLIN, START)
    assert not time_zone.is_enough(time_zone.pack([(0, 60)]), BERLIN, START)


class Clock:
    """Time as the register and the server see it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = START
        for module in (schedules, doors, servers):
            patch.setattr(module, "now_s", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def site(tmp_path: Path, clock: Clock) -> Iterator[sites.Site]:
    names = ("altgate-broker",)
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", names, BERLIN)
    with made.write() as session:
        for name in ("Front", "Back"):
            doors.add(made, session, name, 1, None, False)
    yield made
    made.close()


def tables(site: sites.Site, name: str = "Front") -> list[time_zone.Table]:
    """The tables that a door was given, in order."""
    with site.read() as session:
        rows = select(DoorOperation).where(DoorOperation.door == doors.find(session, name).id)
        given = [cbor2.loads(row.operation) for row in session.scalars(rows.order_by(DoorOperation.version))]
    return [time_zone.unpack(one[1]) for one in given if one[0] == m.OP_TIME_ZONE]


def make(site: sites.Site, name: str = "office") -> None:
    with site.write() as session:
        schedules.add(site, session, name, ["mon-fri 07:00-19:00"])


def test_the_first_schedule_brings_the_zone_and_the_second_does_not(site: sites.Site) -> None:
    assert tables(site) == []
    make(site)
    make(site, "night")
    assert tables(site) == tables(site, "Back") == [time_zone.table(BERLIN, START)]


def test_a_schedule_that_comes_years_later_brings_the_zone_of_then(site: sites.Site, clock: Clock) -> None:
    make(site)
    clock.now += 4 * YEAR_S
    make(site, "night")
    assert tables(site) == [time_zone.table(BERLIN, START), time_zone.table(BERLIN, clock.now)]


def test_another_zone_goes_to_every_door_once(site: sites.Site) -> None:
    make(site)
    for _ in range(2):
        with site.write() as session:
            schedules.change_zone(site, session, SHANGHAI)
    assert tables(site, "Back")[1:] == [[(0, 480)]]
    with site.write() as session, pytest.raises(Refused):
        schedules.change_zone(site, session, "Europe/Atlantis")


def test_without_a_schedule_another_zone_waits_for_the_first(site: sites.Site) -> None:
    with site.write() as session:
        schedules.change_zone(site, session, SHANGHAI)
    schedules.renew_zone(site)
    assert tables(site) == []
    make(site)
    assert tables(site) == [[(0, 480)]]


def test_a_door_is_given_the_coming_changes_before_it_runs_out(site: sites.Site, clock: Clock) -> None:
    make(site)
    with site.write() as session:
        doors.add(site, session, "Roof", 1, None, False)
    renewals = 0
    while clock.now < START + 9 * YEAR_S:
        clock.now += 20 * DAY_S
        count = schedules.renew_zone(site)
        renewals += bool(count)
        assert count in (0, 3) and schedules.renew_zone(site) == 0
        for name in ("Front", "Back", "Roof"):
            rows = tables(site, name)[-1]
            for ahead in range(0, YEAR_S - 20 * DAY_S, 29 * DAY_S):
                assert told(rows, clock.now + ahead) == true(BERLIN, clock.now + ahead)
    assert 3 <= renewals <= 5  # every third year or so, not every time
    with site.read() as session:
        said = select(Event).where(Event.action == "time zone changes renewed")
        found = session.scalars(said).all()
    assert len(found) == 3 * renewals and {event.actor for event in found} == {sites.SERVE}
    assert review.verify(site)[1] is None


def test_a_zone_without_changes_is_never_renewed(site: sites.Site, clock: Clock) -> None:
    make(site)
    with site.write() as session:
        schedules.change_zone(site, session, SHANGHAI)
    clock.now += 60 * YEAR_S
    assert schedules.renew_zone(site) == 0


def test_a_removed_door_and_a_building_without_schedules_are_left_alone(
    site: sites.Site, clock: Clock
) -> None:
    make(site)
    with site.write() as session:
        doors.remove(site, session, doors.find(session, "Back"))
    clock.now += 4 * YEAR_S
    assert schedules.renew_zone(site) == 1
    with site.write() as session:
        schedules.remove(site, session, schedules.find(session, "office"))
    clock.now += 4 * YEAR_S
    assert schedules.renew_zone(site) == 0


def test_serve_looks_at_its_start_and_once_a_day(
    site: sites.Site, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make(site)
    looked: list[int] = []
    renew = schedules.renew_zone

    def look(one: sites.Site) -> int:
        looked.append(clock.now)
        return renew(one)

    monkeypatch.setattr(servers.schedules, "renew_zone", look)
    caplog.set_level(logging.INFO)
    server = servers.Server(site, "localhost", 1)
    for hours in (0, 1, 22, 1, 23, 1, 4 * 365 * 24, 1):
        clock.now += 3600 * hours
        server._poll()
    assert [round((one - START) / DAY_S) for one in looked] == [0, 1, 2, 1462]
    assert len(tables(site)) == 2 and "2 doors get the coming changes" in caplog.text
    clock.now -= 400 * DAY_S  # the computer's clock was wrong, and was set
    server._poll()
    assert len(looked) == 5
    server._probe.close()


def test_it_needs_no_manager_to_be_named(site: sites.Site, clock: Clock) -> None:
    from altgate.registry import managers

    make(site)
    with site.write() as session:
        managers.add(site, session, "Ben")
    several = sites.Site(site.data)
    clock.now += 4 * YEAR_S
    assert schedules.renew_zone(several) == 2
    several.close()


def test_the_zone_is_shown_and_changed(altgate: Altgate) -> None:
    altgate("schedule", "zone", BERLIN)
    shown = altgate.json("schedule", "zone")
    assert shown["time_zone"] == BERLIN and shown["offset"] in ("UTC+01:00", "UTC+02:00")
    assert len(shown["changes"]) == limits.TIME_ZONE_CHANGES - 1
    assert BERLIN in altgate("schedule", "add", "office", "mon-fri 07:00-19:00")
    said = altgate("schedule", "zone", "America/St_Johns")
    assert "America/St_Johns, now UTC-0" in said and "each door applies it" in said
    before = altgate.dump()
    assert altgate("schedule", "zone", SHANGHAI, "--json")
    assert altgate.dump() != before
    assert altgate("schedule", "zone") == f"Schedules are in the time of {SHANGHAI}, now UTC+08:00.\n"
    records = [row for row in altgate.json("audit", "list") if row["what"] == "time zone changed"]
    assert [row["subject"] for row in records] == [BERLIN, "America/St_Johns", SHANGHAI]


def init(
    data: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch, *more: str
) -> tuple[int, str]:
    args = ["init", "Lakeside", "--origin", "http://localhost", "--manager", "Ana", *more]
    patch.setattr(sys, "argv", ["altgate", "--data", str(data), *args])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out + err


@pytest.mark.parametrize(
    ("computer", "given", "zone", "says"),
    [
        (SHANGHAI, [], SHANGHAI, "as this computer has it"),
        (":" + SHANGHAI, [], SHANGHAI, "as this computer has it"),
        ("CET-1CEST", [], "UTC", "does not tell its time zone"),
        ("", [], "UTC", "does not tell its time zone"),
        (SHANGHAI, ["--time-zone", BERLIN], BERLIN, f"in the time of {BERLIN}."),
    ],
)
def test_a_new_building_has_the_zone_that_is_given_or_the_computers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    computer: str, given: list[str], zone: str, says: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("TZ", computer)
    code, said = init(tmp_path / "a", capsys, monkeypatch, *given)
    assert code == 0 and says in said and zone in said
    code, said = init(tmp_path / "b", capsys, monkeypatch, *given, "--json")
    assert code == 0 and f'"time_zone": "{zone}"' in said
    made = sites.Site(tmp_path / "a")
    with made.read() as session:
        assert schedules.zone(session) == zone
    made.close()


def test_no_building_is_set_up_in_a_zone_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Europe/Atlantis", ""):
        code, said = init(tmp_path / "site", capsys, monkeypatch, "--time-zone", name)
        assert code == 2 and "is not a time zone" in said and not (tmp_path / "site").exists()


def test_the_computers_zone_is_where_its_link_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(time_zone, "_LOCALTIME", tmp_path / "localtime")
    assert time_zone.of_computer() is None
    (tmp_path / "localtime").write_bytes(b"a copy")
    assert time_zone.of_computer() is None
    for target, name in (("usr/share/zoneinfo/Europe/Berlin", BERLIN), ("etc/zone", None)):
        (tmp_path / "localtime").unlink()
        (tmp_path / "localtime").symlink_to(tmp_path / target)
        assert time_zone.of_computer() == name


def test_every_zone_there_is_has_a_table_that_a_door_takes() -> None:
    for name in sorted(time_zone.available_timezones())[::5]:
        rows = time_zone.table(name, START)
        assert 6 <= len(time_zone.pack(rows)) <= 6 * limits.TIME_ZONE_CHANGES
        assert all(-14 * 60 <= minutes <= 14 * 60 for _, minutes in rows)
