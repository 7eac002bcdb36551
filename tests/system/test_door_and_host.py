"""The shipped firmware on the simulated board, the real host and a broker, from a bare board on."""

import time

import pytest

from altgate.demo.building import PIN, UNIT, Building
from altgate.protocol import messages as m
from altgate.protocol import provisioning, reasons
from altgate.registry import commands, doors
from altgate.rig.ntag424 import CloneCard

SILENCE_S = 2


@pytest.fixture
def building(tmp_path):
    with Building(tmp_path) as made:
        yield made


def entry(building, after):
    """Reason and method of the first entry recorded after a record number."""
    found = building.wait_event(m.KIND_ENTRY, after)
    return found.reason, found.method


def test_the_host_opens_the_door_and_the_strike_secures_itself(building):
    before = building.last_number()
    number = building.request(m.VERB_UNLOCK)
    opened_us = building.board.wait_pin("strike", 1)
    assert building.wait_event(m.KIND_COMMAND, before).method == m.METHOD_COMMAND

    def result():
        with building.site.read() as session:
            return commands.result(session, number)

    assert building.wait(result, "the command's result") == reasons.DONE
    secured_us = building.board.wait_pin("strike", 0, 10)
    assert 4_900_000 < secured_us - opened_us < 6_500_000


def test_what_happens_around_the_door_reaches_the_register(building):
    # At rest the door is closed and the case is shut: nothing was reported of either.
    assert [event.kind for event in building.events()] == [m.KIND_BOOT] * 2
    for pin, level, kind in (
        ("exit_contact", 0, m.KIND_EXIT),
        ("door_contact", 1, m.KIND_DOOR_OPENED),
        ("door_contact", 0, m.KIND_DOOR_CLOSED),
        ("tamper", 1, m.KIND_TAMPER),
    ):
        before = building.last_number()
        building.board.drive(pin, level)
        building.wait_event(kind, before)
    assert building.board.pins["strike"] == 0


def test_a_door_opened_from_outside_without_leave_is_forced(building):
    before = building.last_number()
    building.board.drive("door_contact", 1)
    building.wait_event(m.KIND_FORCED_OPEN, before)


def test_the_register_reaches_the_door_and_outlives_its_supply(building):
    building.board.power_off()
    before = building.last_number()
    building.board.power_on()
    building.wait_event(m.KIND_BOOT, before)
    with building.site.read() as session:
        door = doors.find(session, "Front door")
    assert door.applied_version == door.state_version > 0
    building.board.tap(building.card())
    building.board.wait_pin("strike", 1)


def test_a_provisioned_console_answers_nobody(building):
    board = building.board
    silent_from = len(board.console.text())
    for line in (b"AG gQE=\n", b"\x03\x03\n", b"\x01print(1)\x04\n", b"AG " + b"A" * 900 + b"\n"):
        board.type(line)
    with pytest.raises(TimeoutError):
        board.wait_start(3, SILENCE_S)
    assert provisioning.MARK.decode() not in board.console.text()[silent_from:]


def test_a_genuine_card_opens_and_its_clone_does_not(building):
    board, card = building.board, building.card()
    before = building.last_number()
    board.tap(CloneCard(card))
    assert entry(building, before) == (reasons.CARD_NOT_GENUINE, m.METHOD_CARD)
    assert board.pins["strike"] == 0
    board.untap()
    before = building.last_number()
    board.tap(card)
    board.wait_pin("strike", 1, 10)
    assert entry(building, before) == (reasons.GRANTED, m.METHOD_CARD)


def test_a_pin_opens_and_a_wrong_one_is_refused_and_recorded(building):
    board = building.board
    before = building.last_number()
    assert board.press(f"{UNIT}#111111#") == len(UNIT) + 8
    assert entry(building, before) == (reasons.WRONG_PIN, m.METHOD_PIN)
    assert board.pins["strike"] == 0
    before = building.last_number()
    board.press(f"{UNIT}#{PIN}#")
    board.wait_pin("strike", 1)
    assert entry(building, before) == (reasons.GRANTED, m.METHOD_PIN)


def test_a_pass_opens_once_and_other_passes_do_not(building):
    good, pass_id = building.issue_pass()
    ended = building.issue_pass(lasts_s=1)[0]
    for text, reason in (
        (building.issue_pass("Back door")[0], reasons.OTHER_DOOR),
        (good[:-6] + "AAAAAA", reasons.PASS_NOT_GENUINE),
        ("DROP TABLE passes", reasons.PASS_MALFORMED),
        (good, reasons.GRANTED),
        (good, reasons.USED_UP),
    ):
        before = building.last_number()
        building.board.show_qr(text)
        assert entry(building, before) == (reason, m.METHOD_QR)
        detail = building.events(m.KIND_ENTRY)[-1].detail
        if reason == reasons.GRANTED:
            assert detail == int.from_bytes(pass_id, "big")
    # The pass's own end is what is waited for; the door's clock is at most a second behind the host's.
    time.sleep(2)
    before = building.last_number()
    building.board.show_qr(ended)
    assert entry(building, before) == (reasons.EXPIRED, m.METHOD_QR)
