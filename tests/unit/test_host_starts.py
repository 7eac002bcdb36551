"""Starts of a door: an old hello is dropped; a flash, or a register, that was put back is an alarm."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from altgate.clock import DAY_S, now_s
from altgate.consent import states
from altgate.errors import BadMessage
from altgate.ledger import review
from altgate.link import inbox, sealed, starts, state
from altgate.link.orders import Orders
from altgate.protocol import limits, reasons, topics
from altgate.protocol import messages as m
from altgate.registry import credentials, doors, residents
from altgate.registry import site as sites
from altgate.registry.models import Consent, Door, Event

EPOCHS = [bytes([number]) * 16 for number in range(9)]


class Board:
    """Says what a door says."""

    def __init__(self, site: sites.Site) -> None:
        self.site, self.orders = site, Orders(site)
        with site.write() as session:
            door = doors.add(site, session, "Front", 1, None, False)
            # Nothing to renew for a while.
            door.certificate_until = now_s() + limits.CERTIFICATE_DAYS * DAY_S
            self.id, self.key = door.door_id, doors.link_key(site, door, "up")

    def send(self, name: str, fields: dict[int, Any]) -> list[tuple[str, dict[int, Any]]]:
        topic = topics.topic(self.id, name)
        return inbox.receive(self.site, self.orders, topic, sealed.seal(self.key, topic, fields))[1]

    def hello(
        self, boot: int, epoch: int, version: int = 0, acked: int = 0, dropped: Any = None, mark: bytes = b""
    ) -> Any:
        """Say hello, and answer for it where that is asked for."""
        answers = self.say(boot, epoch, version, acked, dropped, mark)
        return self.reply(answers[0][1], reasons.DONE) if answers[0][0] == topics.DOWN_COMMAND else answers

    def reply(self, question: dict[int, Any], result: int) -> Any:
        """Answer a question for a challenge."""
        more = {m.CHALLENGE: bytes(16)} if result == reasons.DONE else {m.EPOCH: self.door.epoch}
        return self.send(topics.UP_REPLY, {m.REQUEST: question[m.REQUEST], m.RESULT: result, **more})

    def say(
        self, boot: int, epoch: int, version: int = 0, acked: int = 0, dropped: Any = None, mark: bytes = b""
    ) -> Any:
        return self.send(
            topics.UP_HELLO,
            ({m.CHECKPOINT: mark} if mark else {})
            | {
                m.BOOT: boot, m.EPOCH: EPOCHS[epoch], m.STATE_VERSION: version, m.JOURNAL_HEAD: 9,
                m.FIRMWARE: "0.1.0", m.BUILD: "development", m.NONCE: bytes(16), m.TIME: 0,
                m.TIME_QUALITY: 0, m.BAD_INPUT: {} if dropped is None else dropped,
                m.JOURNAL_ACKED: acked, m.GENERATION: 0,
            },
        )  # fmt: skip

    def event(self, sequence: int, detail: int = 0) -> int:
        """Send an event; up to which one the host acknowledges."""
        fields = {
            m.SEQUENCE: sequence, m.BOOT: 1, m.TIME: 0, m.TIME_QUALITY: 0, m.KIND: m.KIND_ENTRY,
            m.REASON: reasons.GRANTED, m.METHOD: m.METHOD_CARD, m.CREDENTIAL: 1, m.RESIDENT: 1,
            m.DETAIL: detail,
        }  # fmt: skip
        ((_, answer),) = self.send(topics.UP_EVENT, fields)
        return int(answer[m.SEQUENCE])

    @property
    def door(self) -> Door:
        with self.site.read() as session:
            return doors.find(session, "Front")

    def alarms(self, action: str = starts.WENT_BACK) -> list[str | None]:
        with self.site.read() as session:
            return list(session.scalars(select(Event.subject).where(Event.action == action)))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    yield made
    made.close()


@pytest.fixture
def board(site: sites.Site) -> Board:
    return Board(site)


def test_starts_that_go_on_are_no_alarm(board: Board) -> None:
    for boot, epoch in ((1, 1), (1, 1), (2, 2), (5, 3)):
        board.hello(boot, epoch)
    assert board.alarms() == [] and board.door.journal == 1


def test_an_old_hello_is_dropped_however_often_it_comes(board: Board) -> None:
    board.hello(1, 1)
    board.hello(2, 2)
    for boot, epoch in ((1, 1), (2, 1), (9, 1)):
        with pytest.raises(BadMessage) as error:
            board.hello(boot, epoch)
        assert error.value.reason == reasons.STALE_EPOCH
    assert (board.door.boot, board.door.epoch, board.alarms()) == (2, EPOCHS[2], [])


@pytest.mark.parametrize("boot", [3, 1, 5])
def test_a_flash_that_was_put_back_is_an_alarm_and_is_brought_up_to_date(
    board: Board, boot: int, caplog: pytest.LogCaptureFixture
) -> None:
    site = board.site
    with site.write() as session:
        bo = residents.add(site, session, "Bo", "1")
        at = [doors.find(session, "Front")]
        card = credentials.add(site, session, m.TYPE_CARD, bytes([4] * 7), bo, at, (0, 0))
    board.hello(5, 1, version=1)
    assert [board.event(number) for number in (1, 2, 3)] == [1, 2, 3]
    with site.write() as session:
        credentials.revoke(site, session, credentials.find(session, card.id))
    board.hello(5, 1, version=2)
    # The image is of before the card was taken back, and of before the last two events.
    with caplog.at_level(logging.WARNING):
        (_, (_, ack)) = board.hello(boot, 2, version=1, acked=1)
    assert ack[m.SEQUENCE] == 1 and "put back to an older state" in caplog.text
    assert board.alarms() == [f"5 to {boot}"]
    with site.read() as session:
        batch = state.next_batch(session, board.door)
    assert batch and [operation[0] for operation in batch[m.OPERATIONS]] == [m.OP_DELETE]
    # It goes on where the image ended: the same numbers, and other events. One that the broker loses is not
    # acknowledged by the next one.
    assert board.event(3, detail=8) == 1
    assert board.event(2, detail=7) == 3
    with site.read() as session:
        columns = select(Event.journal, Event.sequence, Event.detail)
        rows = session.execute(columns.where(Event.sequence > 1)).all()
    assert sorted(map(tuple, rows)) == [(1, 2, 0), (1, 3, 0), (2, 2, 7), (2, 3, 8)]
    assert "are missing" in caplog.text and "events 1 to" not in caplog.text
    # Once is enough, and the next start is one like any other.
    board.hello(boot, 2, version=2)
    board.hello(boot + 1, 3, version=2)
    assert len(board.alarms()) == 1


def test_a_hello_that_was_kept_back_is_none(board: Board) -> None:
    """A broker brings the hello of a start that the host never heard of, after a later one."""
    board.hello(1, 1)
    board.hello(3, 3)
    assert board.event(1) == 1
    ((name, question),) = board.say(2, 2)
    assert name == topics.DOWN_COMMAND and question[m.EPOCH] == EPOCHS[2]
    assert question[m.VERB] == m.VERB_CHALLENGE
    assert board.reply({m.REQUEST: question[m.REQUEST] ^ 1}, reasons.DONE) == []
    assert board.reply(question, reasons.STALE_EPOCH) == []
    # The question is over, whatever comes to it later.
    assert board.reply(question, reasons.DONE) == []
    assert (board.door.boot, board.door.epoch, board.door.journal) == (3, EPOCHS[3], 1)
    assert board.alarms() == [] and board.hello(3, 3)[1][1][m.SEQUENCE] == 1


def test_what_had_ended_ends_again(board: Board, site: sites.Site) -> None:
    board.hello(5, 1)
    with site.write() as session:
        bo = residents.add(site, session, "Bo", "1")
        session.add(
            Consent(
                consent=b"c" * 32, door=board.door.id, resident=bo.pseudonym, credential=1, notice=b"n" * 32,
                boot=1, time=1, time_quality=2, nonce=bytes(16), state=m.CONSENT_WITHDRAWN, given_at=1,
                ended_at=2, ended_by=states.DOOR, erased_at=2,
            )
        )  # fmt: skip
    board.hello(2, 2)
    with site.read() as session:
        batch = state.next_batch(session, board.door)
    assert batch and [m.OP_END_CONSENT, b"c" * 32, m.CONSENT_WITHDRAWN] in batch[m.OPERATIONS]


def test_a_register_that_was_put_back_goes_on_behind_what_its_door_let_go(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    board.hello(5, 1)
    # The backup is of now: two events, and a third that came too early.
    assert [board.event(number) for number in (1, 2, 9)] == [1, 2, 2]
    with caplog.at_level(logging.WARNING):
        (_, (_, ack)) = board.hello(5, 1, acked=8)
    assert ack[m.SEQUENCE] == 9 and "events 3 to 8 are not in the register" in caplog.text
    assert board.alarms(starts.REGISTER_WENT_BACK) == ["events 3 to 8"]
    assert board.event(10) == 10
    # It is said once; a hello of before, or of the next start, says nothing new.
    for boot, epoch, acked in ((5, 1, 8), (5, 1, 0), (6, 2, 10)):
        assert board.hello(boot, epoch, acked=acked)[1][1][m.SEQUENCE] == 10
    assert len(board.alarms(starts.REGISTER_WENT_BACK)) == 1 and board.alarms() == []
    assert review.verify(board.site)[1] is None


def test_an_earlier_hello_moves_no_acknowledgement(board: Board) -> None:
    board.hello(1, 1)
    board.hello(2, 2)
    with pytest.raises(BadMessage):
        board.hello(1, 1, acked=7)
    assert board.door.acked_sequence == 0 and not board.alarms(starts.REGISTER_WENT_BACK)


@pytest.mark.parametrize("version", [1, 2, 7])
def test_a_door_that_knows_a_newer_register_gets_everything_again(board: Board, version: int) -> None:
    """Its version may be of changes that the backup has not, under numbers that were given anew since."""
    site = board.site
    with site.write() as session:
        bo = residents.add(site, session, "Bo", "1")
        at = [doors.find(session, "Front")]
        for number in (4, 5):
            credentials.add(site, session, m.TYPE_CARD, bytes([number] * 7), bo, at, (0, 0))
    board.hello(5, 1, version=version, acked=3)
    with site.read() as session:
        batch = state.next_batch(session, board.door)
    assert batch and batch[m.IS_SNAPSHOT] and batch[m.BASE_VERSION] == version
    assert batch[m.NEW_VERSION] > max(version, 2)
    assert [operation[0] for operation in batch[m.OPERATIONS]] == [m.OP_PUT, m.OP_PUT]


def test_what_a_door_threw_away_can_be_seen_and_damage_is_said_once(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    board.hello(1, 1, dropped={reasons.BAD_MAC: 3})
    assert "damaged" not in caplog.text
    for count in (2, 2):
        board.hello(1, 1, dropped={reasons.BAD_MAC: 3, reasons.DAMAGED: count})
    assert caplog.text.count("2 damaged places") == 1
    command = [sys.executable, "-m", "altgate", "--data", str(board.site.data), "door", "show", "Front"]
    shown = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout)["dropped"] == {"bad_mac": 3, "damaged": 2}
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "bad_mac 3, damaged 2" in shown.stdout


@pytest.mark.parametrize("dropped", [[], {300: 1}, {150: -1}, {150: "1"}, {150: True}, 7])
def test_counts_of_another_shape_are_dropped_with_the_hello(board: Board, dropped: Any) -> None:
    with pytest.raises(BadMessage):
        board.hello(1, 1, dropped=dropped)
    assert board.door.boot is None


def test_a_register_that_does_not_hold_what_a_door_was_told_of_is_an_alarm(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    _, (_, ack), *_ = board.hello(1, 1)
    board.event(1)
    _, (_, later), *_ = board.hello(1, 1, mark=ack[m.CHECKPOINT])
    mark = later[m.CHECKPOINT]
    assert not board.alarms(starts.REGISTER_WENT_BACK) and mark != ack[m.CHECKPOINT]
    length = int.from_bytes(mark[:4], "big")
    for other in (mark[:4] + bytes(32), (length + 1).to_bytes(4, "big") + mark[4:], bytes(4) + mark[4:]):
        with caplog.at_level(logging.WARNING):
            _, (_, answer), *_ = board.hello(1, 1, mark=other)
        assert "restored from a backup or altered" in caplog.text
        caplog.clear()
        # From then on the door keeps what this register says.
        board.hello(1, 1, mark=answer[m.CHECKPOINT])
        assert not caplog.text
        # And once is enough.
        board.hello(1, 1, mark=other)
    told = [str(one).split()[1] for one in board.alarms(starts.REGISTER_WENT_BACK)]
    assert told == [str(one) for one in (length, length + 1, 0)]
    for wrong in (mark[:-1], mark + b"\0"):
        with pytest.raises(BadMessage):
            board.hello(1, 1, mark=wrong)
