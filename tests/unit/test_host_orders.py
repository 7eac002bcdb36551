"""Commands to the doors: asked as often as needed, acted on once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from altgate.link import orders
from altgate.link.orders import Orders
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.registry import commands, doors
from altgate.registry import site as sites

EPOCH = b"e" * 16


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        for name in ("Front", "Back"):
            doors.add(made, session, name, 1, None, False).epoch = EPOCH
    yield made
    made.close()


class Host:
    """Orders with a clock that the test moves."""

    def __init__(self, site: sites.Site, patch: pytest.MonkeyPatch) -> None:
        self.site, self.now = site, 1000.0
        patch.setattr(orders.time, "monotonic", lambda: self.now)
        self.orders = Orders(site)

    def request(self, name: str = "Front", valid_s: int = 30) -> int:
        with self.site.write() as session:
            return commands.request(
                self.site, session, doors.find(session, name), m.VERB_UNLOCK, valid_s
            )

    def due(self, after_s: float = 0) -> list[tuple[int, int, bytes | None]]:
        """Request, verb and challenge of each step that is due."""
        self.now += after_s
        steps = []
        for _door, (_topic, fields) in self.orders.due():
            assert fields[m.EPOCH] == EPOCH
            steps.append((fields[m.REQUEST], fields[m.VERB], fields.get(m.CHALLENGE)))
        return steps

    def reply(
        self, request: int, result: int = reasons.DONE, challenge: int = 0, name: str = "Front"
    ) -> None:
        content: dict[int, Any] = {m.REQUEST: request, m.RESULT: result}
        if challenge:
            content[m.CHALLENGE] = bytes([challenge]) * 16
        with self.site.write() as session:
            self.orders.take(session, doors.find(session, name), content)

    def result(self, number: int) -> int | None:
        with self.site.read() as session:
            return commands.result(session, number)


@pytest.fixture
def host(site: sites.Site, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(site, monkeypatch)


ASK = (2, m.VERB_CHALLENGE, None)


def unlock(challenge: int, number: int = 1) -> tuple[int, int, bytes]:
    return (2 * number + 1, m.VERB_UNLOCK, bytes([challenge]) * 16)


def test_a_challenge_is_asked_for_once_and_answered_once(host: Host) -> None:
    assert host.request() == 1
    assert host.due() == [ASK] and host.due(1) == []
    host.reply(2, challenge=1)
    assert host.orders.is_due() and host.due() == [unlock(1)]
    host.reply(3)
    assert host.due(5) == [] and host.result(1) == reasons.DONE and not host.orders.is_due()


def test_a_lost_question_is_asked_again_under_the_same_number(host: Host) -> None:
    host.request()
    assert host.due() == [ASK] and host.due(2.9) == [] and host.due(0.2) == [ASK]
    host.orders.ask_again()
    assert host.orders.is_due() and host.due() == [ASK] and host.due() == []


def test_of_several_answers_only_the_newest_challenge_is_used(host: Host) -> None:
    host.request()
    assert [host.due(), host.due(3), host.due(3)] == [[ASK]] * 3
    host.reply(2, challenge=1)
    assert host.due() == []
    host.reply(2, challenge=2)
    assert host.due() == []
    host.reply(2, challenge=3)
    assert host.due() == [unlock(3)]


def test_a_question_that_stays_unanswered_holds_nothing_up(host: Host) -> None:
    host.request()
    assert host.due() == host.due(3) == [ASK]
    host.reply(2, challenge=2)
    assert host.due(0.9) == [] and host.due(0.2) == [unlock(2)]


def test_the_step_that_acts_never_leaves_twice(host: Host) -> None:
    host.request()
    host.due()
    host.reply(2, challenge=1)
    assert host.due() == [unlock(1)]
    host.reply(2, challenge=2)
    host.orders.ask_again()
    assert host.due() == host.due(4) == []
    host.orders = Orders(host.site)
    host.reply(2, challenge=3)
    assert host.due() == host.due(4) == []
    with host.site.read() as session:
        host.orders.restarted(doors.find(session, "Front"))
    assert host.due() == [] and host.result(1) is None


def test_a_host_that_starts_again_asks_again(host: Host) -> None:
    host.request()
    host.due()
    host.orders = Orders(host.site)
    assert host.due() == [ASK]


def test_a_door_that_restarted_is_asked_again_and_its_old_challenge_forgotten(host: Host) -> None:
    host.request()
    host.due()
    host.reply(2, challenge=1)
    with host.site.read() as session:
        host.orders.restarted(doors.find(session, "Front"))
    assert host.due() == [ASK]
    host.reply(2, reasons.STALE_EPOCH)
    assert host.result(1) is None and host.due(3) == [ASK]


def test_an_expired_command_ends_and_is_not_sent(host: Host) -> None:
    host.request(valid_s=-1)
    assert host.due() == [] and host.result(1) == reasons.TIMED_OUT
    host.reply(2, challenge=1)
    assert host.due() == []


def test_two_commands_for_one_door_do_not_spoil_each_others_challenge(host: Host) -> None:
    for name in ("Front", "Front", "Back"):
        host.request(name)
    assert host.due() == [ASK, (6, m.VERB_CHALLENGE, None)]
    host.reply(2, challenge=1)
    assert host.due() == [unlock(1)]
    assert host.due() == [(4, m.VERB_CHALLENGE, None)]
    host.reply(4, challenge=2)
    assert host.due() == [unlock(2, 2)]


def test_another_door_cannot_answer(host: Host) -> None:
    host.request()
    host.due()
    host.reply(2, challenge=1, name="Back")
    host.reply(3, name="Back")
    assert host.due() == [] and host.result(1) is None


def test_a_door_never_heard_is_not_asked(host: Host) -> None:
    with host.site.write() as session:
        doors.find(session, "Front").epoch = None
    host.request()
    assert host.due() == []
    with host.site.write() as session:
        doors.find(session, "Front").epoch = EPOCH
    host.now += 1
    assert host.orders.is_due() and host.due() == [ASK]
