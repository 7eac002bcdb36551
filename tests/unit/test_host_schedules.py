"""Schedules as managers write them and as doors get them, and what credentials are bound to."""

import struct
from typing import Any

import cbor2
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from test_host_cli import BO, CARD, Altgate, altgate

from altgate.errors import Refused
from altgate.ledger import review
from altgate.protocol import limits
from altgate.protocol import messages as m
from altgate.registry import doors, periods
from altgate.registry import site as sites
from altgate.registry.models import DoorOperation

__all__ = ["altgate"]

MON, TUE, WED, THU, FRI, SAT, SUN = (1 << day for day in range(7))
WEEK = MON | TUE | WED | THU | FRI
DAILY = WEEK | SAT | SUN


def minutes(text: str) -> int:
    hours, _, rest = text.partition(":")
    return 60 * int(hours) + int(rest)


@pytest.mark.parametrize(
    ("written", "rows"),
    [
        ("mon-fri 07:00-19:00", [(WEEK, "07:00", "19:00")]),
        ("  Mon,WED,fri   07:05-19:59 ", [(MON | WED | FRI, "07:05", "19:59")]),
        ("daily 00:00-24:00", [(DAILY, "00:00", "24:00")]),
        ("mon-tue,sun 00:00-00:01", [(MON | TUE | SUN, "00:00", "00:01")]),
        ("fri-mon 09:00-13:00", [(FRI | SAT | SUN | MON, "09:00", "13:00")]),
        ("wed-wed 09:00-13:00", [(WED, "09:00", "13:00")]),
        ("mon-fri 22:00-06:00", [(WEEK, "22:00", "24:00"), (WEEK << 1, "00:00", "06:00")]),
        ("sun 22:00-06:00", [(SUN, "22:00", "24:00"), (MON, "00:00", "06:00")]),
        ("daily 22:00-06:00", [(DAILY, "22:00", "24:00"), (DAILY, "00:00", "06:00")]),
        ("sat 22:00-00:00", [(SAT, "22:00", "24:00")]),
        ("sat 23:59-24:00", [(SAT, "23:59", "24:00")]),
    ],
)
def test_a_period_becomes_what_a_door_can_judge(written: str, rows: list[tuple[int, str, str]]) -> None:
    expected = [(days, minutes(first), minutes(last)) for days, first, last in rows]
    assert list(struct.iter_unpack("<BHH", periods.pack([periods.read(written)]))) == expected


def test_what_is_kept_is_what_was_written() -> None:
    for written, kept in (
        ("Mon,tue,WED 07:00-19:00", "mon-wed 07:00-19:00"),
        ("fri-mon 22:00-06:00", "mon,fri-sun 22:00-06:00"),
        ("mon-sun 00:00-24:00", "daily 00:00-24:00"),
    ):
        period = periods.read(written)
        assert period.text == kept and periods.read(kept) == period
        assert periods.unpack(periods.pack([period]))[0].text.split()[0] == kept.split()[0]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "is not a period"),
        ("07:00-19:00", "is not a period"),
        ("mon-fri", "is not a period"),
        ("mon-fri 7:00-19:00", "is not a period"),
        ("mon-fri 07:00", "is not a period"),
        ("mon-fri 07:00-19:00 20:00-21:00", "is not a period"),
        ("mon-fri 07:00 - 19:00", "is not a period"),
        ("mon-fri ٠٧:00-19:00", "is not a period"),
        ("mon-fri 07:00-24:01", "are not times"),
        ("mon-fri 24:00-07:00", "are not times"),
        ("mon-fri 07:60-19:00", "are not times"),
        ("mon-fri 07:00-25:00", "are not times"),
        ("monday 07:00-19:00", "is not a day"),
        ("mon-fri-sun 07:00-19:00", "is not a day"),
        ("mon- 07:00-19:00", "is not a day"),
        ("mon,,fri 07:00-19:00", "is not a day"),
        ("daily,mon 07:00-19:00", "is not a day"),
        ("mon, fri 07:00-19:00", "is not a period"),
        ("mon 07:00-07:00", "mon 00:00-24:00"),
    ],
)
def test_what_is_no_period_is_told_and_changes_nothing(altgate: Altgate, written: str, says: str) -> None:
    before = altgate.dump()
    said = altgate("schedule", "add", "office", "daily 01:00-02:00", written, code=2)
    assert says in said and said.count("\n") == 1 and said.rstrip().endswith(".")
    assert altgate.dump() == before


def test_a_period_past_midnight_counts_twice(altgate: Altgate) -> None:
    whole = [f"daily {hour:02}:00-{hour:02}:30" for hour in range(limits.SCHEDULE_PERIODS)]
    altgate("schedule", "add", "full", *whole)
    before = altgate.dump()
    said = altgate("schedule", "add", "more", *whole[1:], "daily 22:00-06:00", code=2)
    assert f"at most {limits.SCHEDULE_PERIODS} periods, and these are {limits.SCHEDULE_PERIODS + 1}" in said
    altgate("schedule", "set", "full", *whole, "mon 23:00-24:00", code=2)
    assert altgate.dump() == before


def test_none_at_all_is_no_schedule() -> None:
    with pytest.raises(Refused, match="without a period"):
        periods.pack([])


def test_there_are_as_many_schedules_as_a_door_has_room_for(altgate: Altgate) -> None:
    for number in range(limits.SCHEDULES):
        altgate("schedule", "add", f"S{number}", "daily 07:00-19:00")
    before = altgate.dump()
    said = altgate("schedule", "add", "one more", "daily 07:00-19:00", code=2)
    assert str(limits.SCHEDULES) in said and altgate.dump() == before
    altgate("schedule", "remove", "S7")
    assert altgate.json("schedule", "add", "one more", "daily 07:00-19:00")["number"] == 8


def operations(altgate: Altgate, name: str = "Front") -> list[list[Any]]:
    """What a door was given, oldest first."""
    site = sites.Site(altgate.data)
    with site.read() as session:
        found = of(session, name)
    site.close()
    return found


def of(session: Session, name: str) -> list[list[Any]]:
    rows = select(DoorOperation).where(DoorOperation.door == doors.find(session, name).id)
    return [cbor2.loads(row.operation) for row in session.scalars(rows.order_by(DoorOperation.version))]


def packed(*rows: tuple[int, str, str]) -> bytes:
    return b"".join(
        struct.pack("<BHH", days, minutes(first), minutes(last)) for days, first, last in rows
    )


def test_every_door_gets_a_schedule_and_what_becomes_of_it(altgate: Altgate) -> None:
    before = {name: len(operations(altgate, name)) for name in ("Front", "Garage")}
    made = altgate.json("schedule", "add", "office", "mon-fri 07:00-19:00", "sat 09:00-13:00")
    assert made == {
        "schedule": "office", "number": 1, "periods": ["mon-fri 07:00-19:00", "sat 09:00-13:00"],
        "credentials": 0, "actor": "Ana",
    }  # fmt: skip
    altgate("schedule", "set", "Office", "daily 08:00-20:00")
    altgate("schedule", "set", "office", "daily 08:00-20:00")
    assert [row["periods"] for row in altgate.json("schedule", "list")] == [["daily 08:00-20:00"]]
    assert "daily 08:00-20:00" in altgate("schedule", "list")
    altgate("schedule", "remove", "OFFICE")
    assert altgate.json("schedule", "list") == [] and "no schedule yet" in altgate("schedule", "list")
    for name, count in before.items():
        zone, *given = operations(altgate, name)[count:]
        assert zone[0] == m.OP_TIME_ZONE
        assert given == [
            [m.OP_SCHEDULE, 1, packed((WEEK, "07:00", "19:00"), (SAT, "09:00", "13:00"))],
            [m.OP_SCHEDULE, 1, packed((DAILY, "08:00", "20:00"))],
            [m.OP_SCHEDULE, 1, b""],
        ]
    said = [(row["what"], row["subject"], row["actor"]) for row in altgate.json("audit", "list")]
    assert said[-3:] == [
        ("schedule added", "office: mon-fri 07:00-19:00; sat 09:00-13:00", "Ana"),
        ("schedule changed", "office: daily 08:00-20:00", "Ana"),
        ("schedule removed", "office", "Ana"),
    ]
    site = sites.Site(altgate.data)
    assert review.verify(site)[1] is None
    site.close()


def test_a_door_that_is_added_later_knows_the_schedules_before_any_credential(altgate: Altgate) -> None:
    for name in ("office", "gone", "night"):
        altgate("schedule", "add", name, f"daily 0{len(name)}:00-24:00")
    altgate("schedule", "remove", "gone")
    altgate("door", "add", "Roof", "--legacy-uid")
    zone, *rest = operations(altgate, "Roof")
    assert zone == operations(altgate, "Garage")[0] and zone[0] == m.OP_TIME_ZONE
    assert rest == [
        [m.OP_SCHEDULE, 1, packed((DAILY, "06:00", "24:00"))],
        [m.OP_SCHEDULE, 3, packed((DAILY, "05:00", "24:00"))],
        [m.OP_SETTING, m.SETTING_LEGACY_UID, 1],
    ]


def test_without_a_schedule_no_door_hears_of_hours(altgate: Altgate) -> None:
    kinds = {operation[0] for name in ("Front", "Garage") for operation in operations(altgate, name)}
    assert kinds == {m.OP_PUT}


def test_a_schedule_that_is_in_use_stays_until_its_last_credential_is_revoked(altgate: Altgate) -> None:
    altgate("schedule", "add", "office", "mon-fri 07:00-19:00")
    added = altgate.json(*CARD, "--schedule", "office")
    assert altgate.json("schedule", "list")[0]["credentials"] == 1
    assert "1 credential is bound" in altgate("schedule", "remove", "office", code=2)
    altgate("credential", "revoke", str(added["credential"]))
    altgate("schedule", "remove", "office")
    # Its number was free again, so that its name may be as well.
    assert altgate.json("schedule", "add", "office", "daily 07:00-19:00")["number"] == 2


ADD = {
    "card": (CARD, ""),
    "legacy-uid": (("credential", "add", "legacy-uid", "01020304", *BO, "--door", "Front"), ""),
    "pin": (("credential", "add", "pin", *BO, "--door", "Front", "--stdin"), "739215\n"),
}
BOUNDS = {
    "none": ((), (m.RULE_SINGLE, 0, 0), {"uses": 0, "dual": False, "schedule": None}),
    "uses": (("--uses", "255"), (m.RULE_SINGLE, 0, 255), {"uses": 255}),
    "any uses": (("--uses", "0"), (m.RULE_SINGLE, 0, 0), {"uses": 0}),
    "dual": (("--dual",), (m.RULE_DUAL, 0, 0), {"dual": True}),
    "schedule": (("--schedule", "office"), (m.RULE_SINGLE, 2, 0), {"schedule": "office"}),
    "dual in hours": (("--dual", "--schedule", "Office"), (m.RULE_DUAL, 2, 0), {"schedule": "office"}),
    "uses in hours": (("--uses", "2", "--schedule", "office"), (m.RULE_SINGLE, 2, 2), {"uses": 2}),
}


@pytest.mark.parametrize("kind", ADD)
@pytest.mark.parametrize("bound", BOUNDS)
def test_a_credential_is_bound_at_its_door_and_in_the_list(altgate: Altgate, kind: str, bound: str) -> None:
    for name in ("first", "office"):
        altgate("schedule", "add", name, "mon-fri 07:00-19:00")
    command, stdin = ADD[kind]
    options, told, shown = BOUNDS[bound]
    added = altgate.json(*command, *options, stdin=stdin)
    listed = altgate.json("credential", "list")[-1]
    assert added.items() >= shown.items() and listed.items() >= shown.items()
    put = operations(altgate)[-1]
    household = altgate.json("resident", "list")[0]["household"]
    assert put[:2] == [m.OP_PUT, added["credential"]] and len(put) == 12
    assert put[8] == household and (put[9], put[10], put[11]) == told


def test_what_a_credential_is_bound_to_is_said(altgate: Altgate) -> None:
    altgate("schedule", "add", "office", "mon-fri 07:00-19:00")
    said = altgate(*CARD, "--schedule", "office", "--uses", "3")
    assert "schedule office" in said and "Each door accepts it 3 times" in said
    said = altgate("credential", "add", "card", "04000000000002", *BO, "--door", "Front", "--dual")
    assert f"within {limits.SECOND_S} seconds" in said and "not --dual still opens alone" in said
    listed = altgate("credential", "list")
    assert "schedule office" in listed and "uses 3 at each door" in listed and "dual" in listed
    other = (*CARD[:3], "04000000000003", *CARD[4:])
    assert "leave out --uses" in altgate(*other, "--dual", "--uses", "1", code=2)
