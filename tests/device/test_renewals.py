"""Certificates and link keys renew: on the door's real code, by the host's real code, through 400 days."""

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from altgate import clock
from altgate.keys.authority import ends_at
from altgate.keys.derive import link_key, renewal_key
from altgate.link import inbox, renewals, sealed, starts
from altgate.link.orders import Orders
from altgate.protocol import limits, reasons, renewal, topics
from altgate.protocol import messages as m
from altgate.protocol import provisioning as p
from altgate.registry import doors, enrolments, managers
from altgate.registry import site as sites
from altgate.registry.models import Door
from conftest import ROOT, Device, micropython
from support.applicant import admitted

SCRIPT = ROOT / "tests" / "device" / "scripts" / "link_renewal.py"
DOOR, START, DAY = "0a1b2c3d", 1_800_000_000, clock.DAY_S
DAYS = 400
LATE = limits.CERTIFICATE_DAYS * DAY * 3 // 4  # renewed since half of it


class Board:
    """The door's part, in MicroPython on a simulated flash."""

    def __init__(self, folder: Path, payload: bytes) -> None:
        path = f"{ROOT / 'firmware' / 'sim'}:{ROOT / 'firmware'}:{SCRIPT.parent}:.frozen"
        self._process = subprocess.Popen(
            [micropython(), "-X", "heapsize=1m", str(SCRIPT), str(folder / "flash.bin")],
            env={**os.environ, "MICROPYPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1,
        )  # fmt: skip
        self._send(payload.hex())
        self.tell("look")

    def _send(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def line(self, command: str) -> str:
        self._send(command)
        assert self._process.stdout
        seen = []
        for answer in self._process.stdout:
            if answer.startswith("> "):
                return answer[2:].strip()
            # A file that a cut left open, and that the collector closes when the board is long off.
            seen.append(answer)
        raise AssertionError("the door's part has ended: " + "".join(seen))

    def tell(self, command: str) -> str:
        """Have it do something; what it says to that, beside what is kept here."""
        words = self.line(command).split()
        self.generation, self.held = int(words[0]), int(words[2])
        self.certificate = x509.load_der_x509_certificate(bytes.fromhex(words[1]))
        self.up, self.down = bytes.fromhex(words[3]), bytes.fromhex(words[4])
        return " ".join(words[5:])

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Time:
    """Stands for the module ``time`` in the host's clock."""

    def __init__(self) -> None:
        self.now = START

    def time(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "time", made)
    monkeypatch.setattr(
        "altgate.keys.authority.datetime",
        SimpleNamespace(
            now=lambda _: datetime.fromtimestamp(made.now, UTC), fromtimestamp=datetime.fromtimestamp
        ),
    )
    return made


@pytest.fixture
def site(tmp_path: Path, time: Time) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("localhost",))
    yield made
    made.close()


def provisioned(site: sites.Site) -> bytes:
    """A door is registered, and given its identity."""
    with site.write() as session:
        doors.add(site, session, "Front", 1, DOOR, False)
    made, admission = admitted(site, "Front")
    with site.write() as session:
        enrolments.heard(session, doors.find(session, "Front"))
    return made.identity(admission)


@pytest.fixture
def board(site: sites.Site, tmp_path: Path) -> Iterator[Board]:
    made = Board(tmp_path, provisioned(site))
    yield made
    made.end()


def the_door(site: sites.Site) -> Door:
    with site.read() as session:
        return doors.find(session, "Front")


class Link:
    """What goes between a door and its host, as much of it as arrives."""

    def __init__(self, site: sites.Site, board: Board) -> None:
        self.site, self.board, self.boot = site, board, 1
        self.orders = Orders(site)
        self.epoch = bytes(16)

    def restart(self) -> None:
        self.boot += 1
        self.epoch = self.boot.to_bytes(16, "big")
        self.board.tell("restart")

    def hello(self) -> list[tuple[str, dict[int, object]]]:
        fields = {
            m.BOOT: self.boot, m.EPOCH: self.epoch, m.STATE_VERSION: 0, m.JOURNAL_HEAD: 0, m.JOURNAL_ACKED: 0,
            m.FIRMWARE: "0.1.0", m.BUILD: "development", m.NONCE: bytes(16), m.TIME: 0, m.TIME_QUALITY: 0,
            m.BAD_INPUT: {}, m.GENERATION: self.board.generation,
        }  # fmt: skip
        topic = topics.topic(DOOR, topics.UP_HELLO)
        return inbox.receive(self.site, self.orders, topic, sealed.seal(self.board.up, topic, fields))[1]

    def connect(self, is_lost: bool = False) -> bool:
        """One connection; whether the broker took the door. ``is_lost``: the host's words do not arrive."""
        certificate = self.board.certificate
        certificate.verify_directly_issued_by(
            x509.load_der_x509_certificate(self.site.authority().certificate)
        )
        at = datetime.fromtimestamp(clock.now_s(), UTC)
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            self.board.tell("refused")
            return False
        answers = self.hello()
        # The host speaks under the keys that the door spoke under.
        assert doors.link_key(self.site, the_door(self.site), "down") == self.board.down
        if is_lost:
            self.board.tell("lost")
            return True
        self.board.tell("confirmed")
        for name, fields in answers:
            if name == topics.DOWN_RENEWAL:
                sealed_renewal = fields[m.SEALED]
                assert isinstance(sealed_renewal, bytes) and len(sealed_renewal) <= limits.RENEWAL_BYTES
                if self.board.tell(f"take {sealed_renewal.hex()}") == "True":
                    self.board.tell("lost")
                    return self.connect()
        return True


def test_a_renewal_in_good_time_and_no_other(site: sites.Site, board: Board, time: Time) -> None:
    link = Link(site, board)
    first = board.certificate
    assert link.connect() and board.generation == 0
    time.now += limits.CERTIFICATE_DAYS * DAY // 2 - DAY
    assert link.connect() and board.generation == 0 and the_door(site).sealed_renewal is None
    time.now += 2 * DAY
    assert link.connect() and board.generation == 1 and board.held == 1
    door = the_door(site)
    assert door.generation == 1 and door.sealed_renewal is None
    assert door.certificate_until == time.now + limits.CERTIFICATE_DAYS * DAY
    assert board.certificate.serial_number != first.serial_number
    link.restart()
    assert board.generation == 1 and link.connect() and board.held == 1
    with site.read() as session:
        assert [event.action for event in session.query(inbox.Event) if event.action == renewals.RENEWED]


def test_a_door_that_is_away_is_offered_the_same_renewal_until_it_was_heard_under_it(
    site: sites.Site, board: Board, time: Time
) -> None:
    link = Link(site, board)
    assert link.connect()
    time.now += LATE
    assert len(renewals.offers(site)) == 1
    kept = the_door(site).sealed_renewal
    for _ in range(3):
        assert link.connect(is_lost=True)
        assert len(renewals.offers(site)) == 1 and the_door(site).sealed_renewal == kept
    issued = len(site.authority().serials({DOOR}))
    assert link.connect() and board.generation == 1
    assert len(site.authority().serials({DOOR})) == issued and not renewals.offers(site)


def test_a_broker_that_refuses_the_new_one_is_tried_with_the_old_one(
    site: sites.Site, board: Board, time: Time
) -> None:
    link = Link(site, board)
    assert link.connect()
    time.now += LATE
    (_, (_, fields)) = renewals.offers(site)[0]
    renewal = fields[m.SEALED].hex()
    assert board.tell(f"take {renewal}") == "True"
    # What is in use stays so until the connection ends.
    assert (board.generation, board.held) == (0, 2)
    board.tell("lost")
    assert (board.generation, board.held) == (1, 2)
    for generation in (0, 1, 0):
        board.tell("refused")
        assert board.generation == generation
    # Under the old one the host is heard, and nothing is forgotten.
    assert board.tell("confirmed") == "" and board.held == 2
    assert board.tell(f"take {renewal}") == "False"
    board.tell("lost")
    assert board.generation == 1
    link.restart()
    assert (board.generation, board.held) == (1, 2) and link.connect() and board.held == 1


def test_a_hello_under_old_keys_is_dropped_once_newer_ones_were_heard(
    site: sites.Site, board: Board, time: Time
) -> None:
    link = Link(site, board)
    old = board.up
    time.now += LATE
    assert link.connect() and board.generation == 1
    new, board.up, board.generation = board.up, old, 0
    with pytest.raises(inbox.BadMessage) as dropped:
        link.hello()
    assert dropped.value.reason == reasons.STALE_EPOCH
    # Nor does it help to say the newer number, or one that is not that of the keys.
    far = doors.link_key(site, the_door(site), "up", inbox.AHEAD + 2)
    for up, generation in ((old, 1), (old, 2), (new, 2), (new, 1 << 16), (far, inbox.AHEAD + 2)):
        board.up, board.generation = up, generation
        with pytest.raises(inbox.BadMessage):
            link.hello()
    assert the_door(site).generation == 1


def test_a_board_under_old_keys_is_told_of_once_for_each_of_its_starts(
    site: sites.Site, board: Board, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    link = Link(site, board)
    assert link.connect()
    old = (board.up, board.generation)
    time.now += LATE
    assert link.connect() and board.generation == 1

    def told() -> list[str | None]:
        with site.read() as session:
            found = session.query(inbox.Event).filter_by(action=starts.OLD_KEYS)
            return [event.subject for event in found]

    # A start that was heard before is an old message; another one is of an old copy of the flash.
    new, (board.up, board.generation) = (board.up, board.generation), old
    with pytest.raises(inbox.BadMessage):
        link.hello()
    assert not told()
    for boot in (7, 8):
        link.boot, link.epoch = boot, boot.to_bytes(16, "big")
        assert link.hello() == []
        with pytest.raises(inbox.BadMessage):
            link.hello()
    assert told() == ["start 7, generation 0", "start 8, generation 0"]
    assert "provision it again" in caplog.text
    board.up, board.generation = new
    link.boot, link.epoch = 1, bytes(16)
    assert link.connect() and the_door(site).generation == 1


def test_a_board_that_takes_the_place_of_another_one_speaks_under_keys_of_its_own(
    site: sites.Site, board: Board, tmp_path: Path
) -> None:
    link = Link(site, board)
    assert link.connect()
    made, admission = admitted(site, "Front", is_replacing=True)
    (tmp_path / "other").mkdir()
    other = Board(tmp_path / "other", made.identity(admission))
    try:
        assert other.generation == 1 and other.up != board.up
        second = Link(site, other)
        second.restart()
        assert second.connect()
        with pytest.raises(inbox.BadMessage):
            link.hello()
        link.boot = 50
        link.restart()
        # A start of the board before is told of, and not answered.
        assert link.hello() == []
    finally:
        other.end()


def test_a_clock_that_is_behind_makes_no_certificate(site: sites.Site, board: Board, time: Time) -> None:
    with site.write() as session:
        doors.find(session, "Front").certificate_until = None
    link = Link(site, board)
    for days in (2, 400, 9000):
        time.now = START - days * DAY
        assert topics.DOWN_RENEWAL not in dict(link.hello()) and not renewals.offers(site)
    time.now = START
    assert link.connect() and board.generation == 1


def test_in_the_last_year_of_the_authority_nothing_is_renewed_over_and_over(
    site: sites.Site, board: Board, time: Time
) -> None:
    link, ends = Link(site, board), ends_at(site.authority().certificate)
    time.now = ends - 190 * DAY
    renewal = dict(link.hello())[topics.DOWN_RENEWAL][m.SEALED]
    assert isinstance(renewal, bytes) and board.tell(f"take {renewal.hex()}") == "True"
    board.tell("lost")
    assert link.connect() and the_door(site).certificate_until == ends
    for left in (180, 100, 1):
        time.now = ends - left * DAY
        assert link.connect() and board.generation == 1 and not renewals.offers(site)


def test_with_several_managers_nobody_has_to_say_who_they_are(
    site: sites.Site, board: Board, time: Time
) -> None:
    with site.write() as session:
        managers.add(site, session, "Ben")
    other = sites.Site(site.data)
    try:
        time.now += LATE
        assert Link(other, board).connect() and board.generation == 1
    finally:
        other.close()


def test_what_is_no_renewal_changes_nothing(board: Board, site: sites.Site) -> None:
    with site.read() as session:
        key = renewal_key(doors.board_key(site, doors.find(session, "Front")))
    certificate = board.certificate.public_bytes(serialization.Encoding.DER)
    good = {p.GENERATION: 1, p.CERTIFICATE: certificate}

    def seal(fields: object, by: bytes = key, bound: str = DOOR) -> str:
        content = fields if isinstance(fields, bytes) else cbor2.dumps(fields, canonical=True)
        return AESSIV(by).encrypt(content, [renewal.LABEL, bound.encode()]).hex()

    for wrong, reason in (
        (seal(good, bytes(64)), reasons.BAD_MAC), (seal(good, bound="0a1b2c3e"), reasons.BAD_MAC),
        ("00", reasons.BAD_MAC), (seal(good)[:-2], reasons.BAD_MAC), (seal(b"\xff"), reasons.BAD_CBOR),
        (seal([1]), reasons.BAD_SHAPE), (seal({}), reasons.BAD_SHAPE),
        (seal(good | {p.CERTIFICATE: "x"}), reasons.BAD_SHAPE),
        (seal(good | {p.CERTIFICATE: bytes(9)}), reasons.BAD_SHAPE),
        (seal(good | {p.CERTIFICATE: bytes(2049)}), reasons.BAD_SHAPE),
        (seal(good | {p.PRIVATE_KEY: bytes(121)}), reasons.BAD_SHAPE),
        (seal(good | {p.GENERATION: True}), reasons.BAD_SHAPE), (seal(good | {99: 1}), reasons.BAD_SHAPE),
        (seal(good | {p.GENERATION: 0}), reasons.BAD_SHAPE),
        (seal(good | {p.GENERATION: 2}), reasons.VERSION_MISMATCH),
        (seal(good | {p.GENERATION: 1 << 16}), reasons.BAD_SHAPE),
    ):  # fmt: skip
        assert board.tell(f"take {wrong}") == str(reason), (wrong, reason)
        assert (board.generation, board.held) == (0, 1)
    board.tell("restart")
    assert (board.generation, board.held) == (0, 1)
    assert board.tell(f"take {seal(good)}") == "True"


def test_both_sides_make_the_same_keys(board: Board, site: sites.Site) -> None:
    with site.read() as session:
        key = doors.board_key(site, doors.find(session, "Front"))
    assert (board.up, board.down) == (link_key(key, "up", 0), link_key(key, "down", 0))


def test_a_cut_at_any_operation_leaves_a_door_that_connects(
    board: Board, site: sites.Site, time: Time
) -> None:
    Link(site, board).connect()
    time.now += LATE
    (_, (_, fields)) = renewals.offers(site)[0]
    assert int(board.line(f"cuts {fields[m.SEALED].hex()}")) > 40


def test_four_hundred_days(site: sites.Site, board: Board, time: Time, tmp_path: Path) -> None:
    """A door that is away for weeks, loses messages and restarts; a host that is restored from a backup."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    drawn = random.Random(seed)
    link, backup = Link(site, board), tmp_path / "backup"
    database = site.data / sites.DATABASE
    away, restored, connected = 0, 0, 0
    for day in range(DAYS):
        time.now = START + day * DAY
        if day % 30 == 0:
            with sqlite3.connect(database) as source, sqlite3.connect(backup) as target:
                source.backup(target)
        if not away and drawn.random() < 0.01:
            # Twice in a row is less than the half year that a renewal is early.
            away = drawn.randrange(1, 85)
        if drawn.random() < 0.01:
            with sqlite3.connect(backup) as source, sqlite3.connect(database) as target:
                source.backup(target)
            restored += 1
            # So that its own start is not one that this register has heard of, nor an earlier one.
            link.restart()
        if away:
            away -= 1
            continue
        if drawn.random() < 0.1:
            link.restart()
        took = any(link.connect(is_lost=drawn.random() < 0.2) for _ in range(2))
        assert took, f"day {day}: no certificate of this door is good"
        connected += 1
    assert link.connect()
    renewed = the_door(site).generation
    print(f"{connected} days connected, host restored {restored} times, {renewed} renewals")
    assert renewed and board.generation == renewed and board.held == 1
    assert not renewals.is_due(the_door(site))
    shutil.rmtree(backup, ignore_errors=True)


def test_which_certificate_is_tried_next(device: Device, tmp_path: Path) -> None:
    script = SCRIPT.with_name("link_unheard.py")
    assert device.run(script, heap="256k", args=[str(tmp_path / "flash.bin")]).stdout.endswith("ok\n")
