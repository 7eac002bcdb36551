"""What residents see of their own: ways in, what face does at each door, and their records only."""

from typing import Any

import pytest
from sqlalchemy import select
from test_host_consents import ENROLLED, GIVEN, Board, count, end, front, given, pseudonym, row, site
from test_host_notices import filled

from altgate.clock import now_s
from altgate.consent import notices, view
from altgate.consent.view import DoorView
from altgate.protocol import limits, reasons, topics
from altgate.protocol import messages as m
from altgate.registry import credentials, doors, passes, residents, schedules, settings
from altgate.registry import site as sites
from altgate.registry.models import Credential, Event

__all__ = ["front", "site"]


@pytest.fixture(autouse=True)
def face_is_on(site: sites.Site) -> None:
    with site.write() as session:
        on = {settings.FACE: 1, settings.FACE_UNPROVED: 1}
        doors.change_settings(site, session, doors.find(session, "Front"), on)


def seen(site: sites.Site, name: str = "Bo") -> dict[str, DoorView]:
    with site.read() as session:
        return {one.name: one for one in view.doors(session, residents.find(session, name))}


def face(site: sites.Site, name: str = "Front") -> str:
    return seen(site)[name].face


def test_face_goes_from_off_to_on_and_back(front: Board) -> None:
    assert seen(front.site)["Front"] == DoorView(
        front.id, "Front", 1, 0, 0, view.OFF, None, None, None, None, None, None, None
    )
    said = given(front)
    one = seen(front.site)["Front"]
    kept = row(front.site, said)
    assert (one.face, one.consent, one.notice, one.given_at) == (view.ASKED, kept.id, 1, kept.given_at)
    assert one.can_end and one.enrolled_at is None
    front.say(said, ENROLLED)
    assert face(front.site) == view.ON and seen(front.site)["Front"].enrolled_at
    end(front.site, said)
    one = seen(front.site)["Front"]
    assert one.face == view.ENDING and one.ended_at and not one.erased_at and not one.can_end
    front.say(said, m.CONSENT_WITHDRAWN)
    one = seen(front.site)["Front"]
    assert one.face == view.OFF and one.erased_at and not one.can_end


def test_others_see_nothing_of_it(front: Board) -> None:
    given(front)
    assert seen(front.site, "Cy")["Front"].face == view.OFF
    assert seen(front.site, "Cy")["Front"].consent is None


def test_off_here_still_lets_a_consent_be_taken_back(front: Board) -> None:
    assert face(front.site, "Back") == view.OFF_HERE
    said = given(front)
    with front.site.write() as session:
        doors.change_settings(front.site, session, doors.find(session, "Front"), {settings.FACE: 0})
    assert face(front.site) == view.OFF_HERE and seen(front.site)["Front"].can_end
    end(front.site, said)
    assert face(front.site) == view.ENDING


def test_a_new_notice_suspends_until_a_new_yes(front: Board) -> None:
    said = given(front)
    front.say(said, ENROLLED)
    with front.site.write() as session:
        notices.publish(front.site, session, filled("purpose", "en", "To open this door only."))
    one = seen(front.site)["Front"]
    assert (one.face, one.why, one.notice) == (view.SUSPENDED, "notice_changed", 1) and one.can_end
    again = given(Board(front.site))
    front.say(said, m.CONSENT_INVALIDATED)
    assert face(front.site) == view.ASKED and seen(front.site)["Front"].notice == 2
    front.say(again, ENROLLED)
    assert face(front.site) == view.ON


@pytest.mark.parametrize(
    "change", [{"revoked_at": 1}, {"not_after": 1}, {"not_before": 4_000_000_000}], ids=str
)
def test_without_its_card_a_consent_is_suspended(front: Board, change: dict[str, int]) -> None:
    given(front)
    with front.site.write() as session:
        bo, at = residents.find(session, "Bo"), [doors.find(session, "Front")]
        credentials.add(front.site, session, m.TYPE_PIN, b"1204#482915", bo, at, (0, 0))
        credentials.add(front.site, session, m.TYPE_CARD, bytes([4] * 7), bo, at, (0, 0))
        for name, value in change.items():
            setattr(session.get_one(Credential, 1), name, value)
    one = seen(front.site)["Front"]
    assert (one.face, one.why) == (view.SUSPENDED, "no_other_way") and one.can_end


def test_a_door_is_shown_for_every_way_and_for_a_consent_alone(front: Board) -> None:
    site = front.site
    said = given(front)
    with site.write() as session:
        bo, back = residents.find(session, "Bo"), doors.find(session, "Back")
        third, fourth = (doors.add(site, session, name, 1, None, False) for name in ("Third", "Fourth"))
        for digits in (b"1204#482915", b"1204#482916"):
            credentials.add(site, session, m.TYPE_PIN, digits, bo, [back], (0, 0))
        passes.issue(site, session, [third, back], (0, now_s() + 60), 1, "", bo)
        over, _ = passes.issue(site, session, [fourth], (0, now_s() + 60), 1, "", bo)
        over.not_after = now_s() - 1
        passes.issue(site, session, [fourth], (0, now_s() + 60), 1, "", None)
        credentials.revoke(site, session, credentials.find(session, 1))
    ways = {name: (one.cards, one.pins, one.passes) for name, one in seen(site).items()}
    assert ways == {"Back": (0, 2, 1), "Front": (0, 0, 0), "Third": (0, 0, 1)}
    front.say(said, m.CONSENT_WITHDRAWN)
    assert set(seen(site)) == {"Back", "Third"}
    with site.write() as session:
        doors.remove(site, session, doors.find(session, "Third"))
    assert set(seen(site)) == {"Back"}


def test_what_does_not_open_alone_or_at_any_hour_is_seen_by_its_owner(site: sites.Site) -> None:
    with site.write() as session:
        bo = residents.find(session, "Bo")
        front, back = (doors.find(session, name) for name in ("Front", "Back"))
        night = schedules.add(site, session, "night", ["mon-fri 22:00-06:00", "sat,sun 00:00-24:00"])
        for digits, at, terms in (
            (b"1204#482915", front, credentials.Terms(schedule=night)),
            (b"1204#482916", front, credentials.Terms(schedule=night, is_dual=True)),
            (b"1204#482917", back, credentials.Terms(uses=3)),
        ):
            credentials.add(site, session, m.TYPE_PIN, digits, bo, [at], (0, 0), terms)
        dual = credentials.Terms(is_dual=True)
        credentials.add(site, session, m.TYPE_CARD, bytes([4] * 7), bo, [front, back], (0, 0), dual)
    hours = (
        view.Hours([(0, 4)], "22:00", "06:00"), view.Hours([(5, 6)], "00:00", "24:00")
    )  # fmt: skip
    second = limits.SECOND_S
    assert seen(site)["Front"].bounds == (
        view.Bound("card", 1, (), second), view.Bound("pin", 2, hours, 0), view.Bound("pin", 1, (), second)
    )  # fmt: skip
    assert seen(site)["Back"].bounds == (view.Bound("card", 1, (), second),)
    assert seen(site, "Cy")["Front"].bounds == ()
    with site.write() as session:
        credentials.revoke(site, session, session.get_one(Credential, 3))
    assert view.Bound("pin", 1, hours, 0) in seen(site)["Front"].bounds


def report(board: Board, sequence: int, resident: int, kind: int = m.KIND_ENTRY, **more: Any) -> None:
    fields = {m.BOOT: 1, m.KIND: kind, m.REASON: reasons.GRANTED, m.METHOD: m.METHOD_CARD, m.CREDENTIAL: 1}
    fields |= {m.SEQUENCE: sequence, m.RESIDENT: resident, m.TIME: 0, m.TIME_QUALITY: 0, m.DETAIL: 0}
    board.send(topics.UP_EVENT, fields | {getattr(m, name): value for name, value in more.items()})


def test_entries_are_ones_own_the_newest_first_and_by_name(front: Board) -> None:
    bo, cy = pseudonym(front.site), pseudonym(front.site, "Cy")
    report(front, 1, bo, TIME=1_800_000_000)
    report(front, 2, cy)
    report(front, 3, 0, REASON=reasons.WRONG_PIN)
    report(front, 4, bo, m.KIND_CEREMONY, REASON=reasons.NOTICE_CODE_OLD, METHOD=m.METHOD_FACE)
    given(front)
    report(front, 5, bo, m.KIND_CONSENT, REASON=reasons.NONE, DETAIL=7 << 8 | GIVEN, METHOD=m.METHOD_FACE)
    report(front, 6, bo, 99, REASON=99, METHOD=99)
    count(front.site)
    with front.site.read() as session:
        person = residents.find(session, "Bo")
        found = view.entries(session, person, 10)
        assert view.entries(session, person, 2) == found[:2]
        received = session.scalars(select(Event.received_at).where(Event.sequence == 1)).one()
    said = [(one.kind, one.method, one.reason, one.state) for one in found]
    assert said == [
        ("99", "99", "99", None),
        ("consent", "face", "none", "given"),
        ("ceremony", "face", "notice_code_old", None),
        ("entry", "card", "granted", None),
    ]
    assert (found[-1].door, found[-1].time, found[-1].received_at) == ("Front", 1_800_000_000, received)
    assert found[0].time is None
