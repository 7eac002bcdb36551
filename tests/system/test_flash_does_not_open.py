"""A door whose flash does not open: locked, and it says so; what needs less of it goes on."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from altgate.demo.building import PIN, UNIT, Building
from altgate.protocol import messages as m
from altgate.protocol import names, reasons
from support.flash import with_layout

SAYS = "the flash does not open"


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    with Building(tmp_path) as made:
        made.board.power_off()
        yield made


@pytest.mark.parametrize("label", ["journal", "state", "credentials"])
def test_it_stays_locked_tells_the_host_and_comes_back_by_itself(
    building: Building, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    board, before, released = building.board, building.last_number(), []
    strike = board.wiring.pin("strike")
    board.subscribe(lambda told: released.append(told) if told.get("pin") == strike else None)
    board.kill_flash(label)
    with caplog.at_level(logging.WARNING, "altgate.link.inbox"):
        board.power_on()
        board.wait_console(SAYS, 20)
        building.wait(lambda: "cannot open its flash" in caplog.text or None, "word over MQTT", 20)
    board.press(f"{UNIT}#{PIN}#")
    board.kill_flash()
    # It starts anew by itself, and then everything is as before.
    building.wait_event(m.KIND_BOOT, before, 60)
    assert not [told for told in released if told["v"] == 1]
    number = building.last_number()
    board.tap(building.card())
    assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED


def test_a_flash_of_another_layout_is_not_guessed_at(building: Building, tmp_path: Path) -> None:
    board, image = building.board, tmp_path / "board" / "flash.bin"
    written = image.read_bytes()
    older = bytearray(written)
    with_layout(older, board.wiring.partition("counters")[0], 1)
    image.write_bytes(older)
    board.power_on()
    board.wait_console(f"{SAYS} (OtherLayout)", 20)
    board.power_off()
    # Nothing but counters' own business was touched: with its own firmware the door is what it was.
    assert image.read_bytes() == older
    image.write_bytes(written)
    number = building.last_number()
    board.power_on()
    building.wait_event(m.KIND_BOOT, number, 30)


@pytest.mark.parametrize("label", ["keys", "data"])
def test_without_its_identity_only_the_console_tells(building: Building, label: str) -> None:
    board, starts = building.board, building.board.starts
    board.kill_flash(label)
    board.power_on()
    board.wait_console(SAYS, 20)
    board.kill_flash()
    board.wait_start(starts + 2, 60)
    number = building.last_number()
    building.wait_event(m.KIND_BOOT, number - 1, 30)


def test_a_spoiled_key_does_not_make_a_bare_board_of_a_door(building: Building, tmp_path: Path) -> None:
    board, image = building.board, tmp_path / "board" / "flash.bin"
    at = board.wiring.partition("keys")[0] + 20

    def flip() -> None:
        content = bytearray(image.read_bytes())
        content[at] ^= 1
        image.write_bytes(content)

    flip()
    board.power_on()
    board.wait_console(f"{SAYS} (Damaged)", 20)
    board.power_off()
    # Nothing was made anew in its place: with the byte as it was, the door is what it was.
    flip()
    number = building.last_number()
    board.power_on()
    building.wait_event(m.KIND_BOOT, number, 30)


@pytest.mark.parametrize("label", ["consents", "face_keys", "templates", "passes"])
def test_what_only_face_or_passes_need_stops_nothing_else(building: Building, label: str) -> None:
    board, number = building.board, building.last_number()
    board.kill_flash(label)
    board.power_on()
    building.wait_event(m.KIND_BOOT, number)
    number = building.last_number()
    board.tap(building.card())
    assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED
    text, _ = building.issue_pass(uses=1)
    number = building.last_number()
    board.scanner.show(text)
    reason = building.wait_event(m.KIND_ENTRY, number).reason
    assert names.REASONS[reason] == ("used_up" if label == "passes" else "granted")
