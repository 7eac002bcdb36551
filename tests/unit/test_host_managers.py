"""Managers: who may act, whose name a change carries, and that one always remains."""

from pathlib import Path

import pytest

from altgate.errors import Refused
from altgate.ledger import review
from altgate.registry import doors, managers
from altgate.registry import site as sites


@pytest.fixture
def data(tmp_path: Path) -> Path:
    site = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with site.write() as session:
        managers.add(site, session, "Ben")
    site.close()
    return tmp_path / "site"


def test_a_change_carries_the_name_of_who_made_it(data: Path) -> None:
    site = sites.Site(data, "Ben")
    with site.write() as session:
        assert doors.add(site, session, "Front", 1, None, False).actor == "Ben"
        last = review.latest(session, 1, "en")[0]
    assert (last["actor"], last["what"]) == ("Ben", "door added")
    site.close()


def test_several_managers_leave_nobody_to_guess(data: Path) -> None:
    site = sites.Site(data)
    with site.read() as session:
        assert [one.name for one in managers.present(session)] == ["Ana", "Ben"]
    with pytest.raises(Refused, match="--actor"):
        site.check_actor()
    with pytest.raises(Refused, match="--actor"), site.write() as session:
        doors.add(site, session, "Front", 1, None, False)
    with site.read() as session:
        assert doors.present(session) == []
    site.close()


def test_a_removed_manager_cannot_act_and_stays_in_the_audit(data: Path) -> None:
    site = sites.Site(data, "Ben")
    with site.write() as session:
        managers.remove(site, session, "Ana")
    with site.write() as session, pytest.raises(Refused, match="only manager"):
        managers.remove(site, session, "Ben")
    site.close()
    with pytest.raises(Refused, match="Ben"):
        sites.Site(data, "Ana")
    alone = sites.Site(data)
    assert alone.actor == "Ben" and review.verify(alone)[1] is None
    with alone.read() as session:
        said = [(one["actor"], one["what"], one["subject"]) for one in review.latest(session, 9, "en")]
    assert said[1:] == [("Ana", "manager added", "Ben"), ("Ben", "manager removed", "Ana")]
    alone.close()
