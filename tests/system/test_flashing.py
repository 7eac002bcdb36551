"""``altgate flash`` on a board whose loader answers the real esptool: what is written, and what never is."""

import hashlib
import random
from pathlib import Path

import pytest
from esptool.bin_image import LoadFirmwareImage

from altgate.provision import esp, preflight, tables
from altgate.provision.causes import BoardFailed, BoardRefused
from altgate.provision.image import Region
from support import flashing
from support.board import MB, SECTOR, Board, Faults
from support.flashing import BOARD, Told, run, whole

TABLE_SECTOR = tables.OFFSET


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.fixture
def wanted(tmp_path: Path) -> list[Region]:
    return flashing.regions(tmp_path)


def test_a_bare_board_gets_everything_and_nothing_else(board: Board, wanted: list[Region]) -> None:
    with board.plugged():
        told = Told()
        made = run(board, wanted, told=told)
    assert made.state.text == "nothing that starts"
    assert whole(board, wanted) == ["boot loader", "factory", "partition-table", "vfs", "code_a"]
    written = sorted((one.offset, one.offset + len(one.data)) for one in wanted)
    for (_, end), (start, _) in zip(written, [*written[1:], (16 * MB, 0)], strict=True):
        assert board.flash.read(end, start - end).strip(b"\xff") == b""
    assert {step for step, _, _ in told.steps} == {"compare", *(f"write {one.label}" for one in wanted)}
    for step in {step for step, _, _ in told.steps}:
        done = [row[1:] for row in told.steps if row[0] == step]
        assert done == sorted(done) and done[-1][0] == done[-1][1] > 0


def test_the_loader_is_told_the_size_of_the_flash(board: Board, wanted: list[Region]) -> None:
    loader = wanted[0].data
    found = LoadFirmwareImage("esp32s3", loader)
    assert found.flash_size_freq >> 4 == 4  # 16 MB, where the file said 8
    assert found.stored_digest == found.calc_digest and found.checksum == found.calculate_checksum()


def test_a_second_run_writes_nothing(board: Board, wanted: list[Region]) -> None:
    with board.plugged():
        run(board, wanted)
    before = bytes(board.flash.data)
    with board.plugged():
        made = run(board, wanted)
        assert made.is_done and made.state.text == "altgate, not provisioned"
        assert not board.flash.programmed and not board.flash.erased
    assert before == board.flash.data


def test_only_the_sectors_that_differ_are_written(board: Board, wanted: list[Region]) -> None:
    with board.plugged():
        run(board, wanted)
    program = next(one for one in wanted if one.label == "factory")
    for at in (3, 4, 9):
        board.flash.data[program.offset + at * SECTOR] ^= 1
    with board.plugged():
        made = run(board, wanted)
        changed = [program.offset + at * SECTOR for at in (3, 4, 9)]
        assert board.flash.erased == [TABLE_SECTOR, *changed, TABLE_SECTOR]
    assert len(made.runs["factory"]) == 2 and len(whole(board, wanted)) == len(wanted)


def test_what_an_altgate_keeps_outlives_another_firmware(board: Board, wanted: list[Region]) -> None:
    with board.plugged():
        run(board, wanted)
    journal = BOARD.partitions["journal"].offset
    board.flash.data[journal : journal + 3] = b"log"
    board.flash.data[BOARD.partitions["code_b"].offset] = 0
    code = next(one for one in wanted if one.label == "code_a")
    newer = [*(one for one in wanted if one is not code), Region("code_a", code.offset, bytes(2 * SECTOR))]
    with board.plugged():
        made = run(board, newer)
    assert board.flash.read(journal, 3) == b"log" and len(whole(board, newer)) == len(newer)
    # Nor does an image in the other slot run instead of the one that was flashed.
    assert [label for label, _ in made.wipe] == ["code_b"]
    assert board.flash.read(BOARD.partitions["code_b"].offset, SECTOR).strip(b"\xff") == b""


def test_another_layout_is_erased_where_the_door_keeps_its_data(board: Board, wanted: list[Region]) -> None:
    flashing.make_stock(board)
    with board.plugged():
        made = run(board, wanted)
    assert made.state.text == "other software" and len(whole(board, wanted)) == len(wanted)
    written = {one.offset for one in wanted}
    for label, one in BOARD.partitions.items():
        if one.offset not in written:
            assert board.flash.read(one.offset, one.size).strip(b"\xff") == b"", label


def test_a_door_is_refused_until_it_is_said_to_erase_it(board: Board, wanted: list[Region]) -> None:
    flashing.make_door(board, wanted)
    before = bytes(board.flash.data)
    newer = flashing.regions(board.port.parent, seed=2)
    with board.plugged():
        with pytest.raises(BoardRefused, match="provisioned door.*--erase") as caught:
            run(board, newer)
        assert not board.flash.erased and board.flash.data == before and caught.value.cause == "door"
    with board.plugged():
        assert run(board, wanted).is_done  # nothing to do is nothing lost
        run(board, newer, erase=True)
        # Its keys first, then what makes it start.
        keys = BOARD.partitions["keys"].offset
        assert board.flash.erased[:3] == [keys, keys + SECTOR, TABLE_SECTOR]
    assert len(whole(board, newer)) == len(newer)
    for label in ("keys", "face_keys", "templates", "journal", "data", "credentials", "nvs"):
        one = BOARD.partitions[label]
        assert board.flash.read(one.offset, one.size).strip(b"\xff") == b"", label


def test_a_door_that_was_refused_is_started_again(
    board: Board, wanted: list[Region], monkeypatch: pytest.MonkeyPatch
) -> None:
    resets: list[str] = []
    monkeypatch.setattr(esp.cmds, "reset_chip", lambda _, how: resets.append(how))
    flashing.make_door(board, wanted)
    with board.plugged(), pytest.raises(BoardRefused):
        run(board, flashing.regions(board.port.parent, seed=2))
    assert resets == ["hard-reset"]


def test_a_door_of_another_layout_is_a_door(board: Board, wanted: list[Region]) -> None:
    flashing.make_door(board, wanted)
    table = bytearray(wanted[2].data[: tables.BYTES])
    rows = tables.parse(bytes(table))
    at = 32 * list(rows).index("keys")
    moved = rows["keys"].offset - 0x100000
    table[at + 4 : at + 8] = moved.to_bytes(4, "little")
    end = 32 * len(rows)
    table[end + 16 : end + 32] = hashlib.md5(table[:end]).digest()
    board.flash.data[tables.OFFSET : tables.OFFSET + tables.BYTES] = table
    board.flash.data[moved : moved + 8] = bytes(8)
    with board.plugged():
        with pytest.raises(BoardRefused, match="provisioned door"):
            run(board, wanted)
        run(board, wanted, erase=True)
        assert moved in board.flash.erased[:4]
    assert board.flash.read(moved, 8) == b"\xff" * 8


def test_a_flash_that_does_not_keep_what_is_written_is_noticed(board: Board, wanted: list[Region]) -> None:
    program = next(one for one in wanted if one.label == "factory")
    at = next(at for at in range(50_000, 51_000) if program.data[at] & 1)
    with board.plugged(Faults(stuck=program.offset + at)), pytest.raises(BoardFailed) as caught:
        run(board, wanted)
    assert caught.value.cause == "bad_write" and "take another board" in str(caught.value)
    assert not tables.parse(board.flash.read(tables.OFFSET, tables.BYTES))


def test_a_cable_that_spoils_what_is_fast_costs_time_only(board: Board, wanted: list[Region]) -> None:
    told = Told()
    with board.plugged(Faults(garbles_above=115200)):
        run(board, wanted, told=told)
    assert len(whole(board, wanted)) == len(wanted)
    assert len(told.notes) == 1 and "115200" in told.notes[0]


def test_a_cable_that_spoils_everything_is_named(board: Board, wanted: list[Region], monkeypatch):
    monkeypatch.setattr(preflight, "BAUD", 230400)  # the lowest rate, so that the loader is reached
    with board.plugged(Faults(garbles_above=115200)), pytest.raises(BoardFailed) as caught:
        run(board, wanted)
    assert caught.value.cause == "weak_cable" and not board.flash.programmed


@pytest.mark.parametrize(
    ("chip", "size", "cause"),
    [
        ("esp32", 16 * MB, "wrong_chip"),
        ("esp32c3", 16 * MB, "wrong_chip"),
        ("esp32s3", 8 * MB, "flash_small"),
    ],
)
def test_a_board_that_does_not_fit_is_not_touched(
    tmp_path: Path, wanted: list[Region], chip: str, size: int, cause: str
) -> None:
    board = Board(tmp_path, chip, size)
    with board.plugged():
        with pytest.raises(BoardRefused) as caught:
            run(board, wanted)
        assert caught.value.cause == cause and not board.flash.erased and not board.flash.programmed


@pytest.mark.parametrize("start", [flashing.make_stock, None], ids=["stock", "bare"])
def test_a_cut_at_any_moment_leaves_a_board_that_the_same_command_completes(
    tmp_path: Path, wanted: list[Region], start
) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    flashing.cut_and_complete(tmp_path, wanted, random.Random(seed), start)


def test_half_a_board_that_would_start_is_noticed(board: Board, wanted: list[Region]) -> None:
    for one in wanted:
        board.flash.data[one.offset : one.offset + len(one.data)] = one.data
    flashing.check_no_half_board(board, wanted)
    board.flash.data[wanted[1].offset] ^= 1
    with pytest.raises(AssertionError, match="before what it tells of"):
        flashing.check_no_half_board(board, wanted)
