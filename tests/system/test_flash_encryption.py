"""A board that encrypts part of its flash: the door runs on it, and on none that encrypts what it zeroes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from altgate.demo.building import HEAP, Building
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.rig.board import Board

ENCRYPTED = ("keys", "data")


def encrypting(folder: Path) -> Board:
    board = Board(folder, heap=HEAP, is_on=False)
    board.encrypt_flash(*ENCRYPTED)
    return board


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    with Building(tmp_path, board=encrypting) as made:
        yield made


def test_a_door_is_provisioned_opens_and_comes_back_with_its_identity_encrypted(
    building: Building, tmp_path: Path
) -> None:
    board = building.board
    for start in (1, 2):
        number = building.last_number()
        board.tap(building.card())
        assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED, start
        board.untap()
        number = building.last_number()
        board.power_off()
        board.power_on()
        building.wait_event(m.KIND_BOOT, number)
    assert board.flash_counts()["raised"] == 0
    offset, size = board.wiring.partition("keys")
    assert b"AGW" not in (tmp_path / "board" / "flash.bin").read_bytes()[offset : offset + size]


@pytest.mark.parametrize("label", ["journal_keys", "state", "credentials"])
def test_a_table_that_encrypts_what_is_zeroed_in_place_leaves_the_door_locked(
    building: Building, label: str
) -> None:
    board = building.board
    board.power_off()
    board.encrypt_flash(*ENCRYPTED, label)
    board.power_on()
    board.wait_console("the flash does not open", 20)
    board.encrypt_flash(*ENCRYPTED)
    number = building.last_number()
    building.wait_event(m.KIND_BOOT, number, 60)
