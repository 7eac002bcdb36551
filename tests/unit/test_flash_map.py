"""The flash maps: nothing overlaps, everything fits, and the code keeps to what they say."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from conftest import ROOT

FLASH = tomllib.loads((ROOT / "hardware" / "flash.toml").read_text(encoding="utf-8"))
BOARDS, TABLE = FLASH["boards"], FLASH["table"]
SECTOR = 4096
APP, DATA = 0, 1
APP_ALIGNMENT = 0x10000
TABLE_AT, TABLE_BYTES = 0x8000, 0x1000  # ESP-IDF's own place for the partition table
PROMISED = {"mb4": 15_000, "mb8": 40_000, "mb16": 200_000}
BOTH_HALVES = ("counters", "consents", "state")


@pytest.mark.parametrize("name", BOARDS)
def test_partitions_lie_side_by_side_in_the_flash(name: str) -> None:
    board = BOARDS[name]
    end = TABLE_AT + TABLE_BYTES
    for label, (kind, _, offset, size) in board["partitions"].items():
        assert offset >= end and offset % SECTOR == size % SECTOR == 0 and size > 0, label
        assert kind in (APP, DATA) and (kind == DATA or offset % APP_ALIGNMENT == 0), label
        assert len(label) <= 16
        end = offset + size
    assert end <= board["flash_bytes"]


@pytest.mark.parametrize("name", BOARDS)
def test_each_kind_of_partition_is_there_once_and_has_the_sectors_that_its_store_needs(name: str) -> None:
    partitions = BOARDS[name]["partitions"]
    kinds = [(label, *row[:2]) for label, row in partitions.items()]
    assert kinds == [(label, *row[:2]) for label, row in BOARDS["mb4"]["partitions"].items()]
    assert len({kind[1:] for kind in kinds}) == len(kinds)
    assert all(partitions[label][3] // SECTOR % 2 == 0 for label in BOTH_HALVES)


@pytest.mark.parametrize("name", BOARDS)
def test_the_promised_credentials_fit_with_room_to_spare(name: str) -> None:
    board = BOARDS[name]
    sectors = board["partitions"]["credentials"][3] // TABLE["sector_bytes"] - TABLE["scratch_sectors"]
    slots = sectors * ((TABLE["sector_bytes"] - TABLE["head_bytes"]) // TABLE["slot_bytes"])
    assert board["credentials"] == PROMISED[name] and board["credentials"] / slots < 0.8


def test_only_what_is_never_zeroed_in_place_is_encrypted() -> None:
    assert FLASH["encrypted"] == ["keys", "data"]
    assert all(label in board["partitions"] for board in BOARDS.values() for label in FLASH["encrypted"])


def test_the_table_in_the_firmware_is_the_one_of_the_map() -> None:
    source = (ROOT / "firmware" / "altgate" / "store" / "table.py").read_text(encoding="utf-8")
    for constant, key in (("SECTOR", "sector"), ("HEAD", "head"), ("SLOT", "slot")):
        assert re.search(rf"^{constant} = {TABLE[f'{key}_bytes']}$", source, re.M), constant
    assert re.search(rf"^SCRATCHES = {TABLE['scratch_sectors']}$", source, re.M)


@pytest.mark.parametrize("name", BOARDS)
def test_a_reader_that_is_not_ours_reads_the_partition_table(name: str, tmp_path: Path) -> None:
    from mp_image_tool_esp32.partition_table import PartitionTable

    assert make_partitions(name, tmp_path / "table.bin") == make_partitions(name, tmp_path / "table.csv") == 0
    data = (tmp_path / "table.bin").read_bytes()
    table = PartitionTable.from_bytes(data)
    assert len(data) <= TABLE_BYTES
    found = {part.name: [part.type, part.subtype, part.offset, part.size] for part in table}
    assert found == BOARDS[name]["partitions"]
    # That reader does not look at the flags: the last word of a row.
    flags = {row[12:28].rstrip(b"\0").decode(): row[28:] for row in re.findall(rb"(?s)\xaa\x50.{30}", data)}
    assert {label for label, word in flags.items() if word == b"\1\0\0\0"} == set(FLASH["encrypted"])
    rows = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == list(found)
    assert {row.split(",")[0] for row in rows if row.endswith(",encrypted")} == set(FLASH["encrypted"])


def test_a_table_for_no_board_is_refused(tmp_path: Path) -> None:
    assert make_partitions("mb32", tmp_path / "table.bin") == 2
    assert make_partitions("mb4", tmp_path / "table.txt") == 2
    assert make_partitions("mb4", tmp_path / "none" / "table.bin") == 2
    assert not list(tmp_path.iterdir())


def make_partitions(name: str, target: Path) -> int:
    command = [sys.executable, str(ROOT / "hardware" / "make_partitions.py"), name, str(target)]
    return subprocess.run(command, check=False, stderr=subprocess.PIPE).returncode
