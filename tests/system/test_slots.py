"""A board that starts as a stock MicroPython image does: loader, code slots, updates, and the way back."""

import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from altgate.demo.building import Building
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.provision import board_file, image
from altgate.provision.image import Region
from altgate.release import key as keys
from altgate.release.slot import Image
from altgate.rig.board import Board
from support import image as boards

OLD, NEW = "0.1.0", "0.2.0"
READY = "build, waiting to be provisioned"
BROKEN = "raise ValueError\n"
PROMPT = ">>>"
BOARD = board_file.read(board_file.DEFAULT)
PASSPHRASE = "a long one"


@pytest.fixture(autouse=True)
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys.platformdirs, "user_state_dir", lambda name: str(tmp_path / "state"))


@pytest.fixture(scope="module")
def loader() -> list[Region]:
    """Partition table and loader."""
    return image.regions()[:2]


def build(folder: Path, version: str = OLD, main: str | None = None, public_key: bytes = b"") -> Image:
    """An image that takes an update when it is told to; ``main`` in place of that."""
    tree = folder / version / "tree"
    image.whole(tree, BOARD, public_key)
    source = main or (boards.SCRIPTS / "slot_main.py").read_text(encoding="utf-8")
    (tree / "main.py").write_text(source, encoding="utf-8")
    module = tree / "altgate" / "__init__.py"
    text = module.read_text(encoding="utf-8").replace(OLD, version)
    module.write_text(text, encoding="utf-8")
    return image.image_of(tree, BOARD)


def slot(image_: Image, label: str = "code_a") -> Region:
    offset = boards.load(boards.BOARD_FILE).partition(label)[0]
    return Region(label, offset, image_.in_slot())


@contextmanager
def bare(folder: Path, regions: list[Region]) -> Iterator[Board]:
    """A board that runs, and gives nobody a prompt."""
    board = boards.stock(folder / "board", regions)
    try:
        board.power_on()
        yield board
    finally:
        board.stop()
    assert PROMPT not in board.console.text()


def ready(board: Board, version: str, starts: int = 1) -> None:
    """Wait until so many starts have come to this version's line of readiness."""
    line = re.compile(rf"^altgate {re.escape(version)}, \w+ {READY}", re.M)
    board.events.wait(
        lambda: len(line.findall(board.console.text())) >= starts or None, 20, f"{version} to be ready"
    )


def test_a_whole_door_runs_from_its_slot(tmp_path: Path, loader: list[Region]) -> None:
    regions = image.regions()
    with Building(tmp_path, board=lambda folder: boards.stock(folder, regions)) as building:
        number = building.last_number()
        building.board.tap(building.card())
        assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED
        before = building.board.starts
        building.board.power_off()
        building.board.power_on()
        building.wait_event(m.KIND_BOOT, number)
        assert building.board.starts == before + 1


def test_the_strike_is_safe_before_anything_of_a_slot_is_read(tmp_path: Path, loader: list[Region]) -> None:
    with bare(tmp_path, loader) as board:
        board.wait_console("no firmware in either slot: locked", 10)
        assert board.pins == {"strike": 0, "face_supply": 0}
        # Nobody gets a prompt: neither by Ctrl-C nor by typing.
        board.type(b"\x03\x03\r\nimport machine\r\n\x01\x04")
        with pytest.raises(TimeoutError):
            board.wait_console(PROMPT, 1)
        assert board.starts == 1


@pytest.mark.parametrize("label", ["vfs", "code_a"])
def test_a_stock_board_without_a_loader_gives_a_prompt_and_a_spoiled_slot_does_not(
    tmp_path: Path, loader: list[Region], label: str
) -> None:
    spoiled = slot(build(tmp_path))
    spoiled = Region(spoiled.label, spoiled.offset, spoiled.data[:-50])
    regions = [*loader, spoiled]
    board = boards.stock(
        tmp_path / "board", [one for one in regions if one.label != label or label == "code_a"]
    )
    try:
        board.power_on()
        board.wait_console(PROMPT if label == "vfs" else "code_a is damaged", 10)
        assert (PROMPT in board.console.text()) == (label == "vfs")
    finally:
        board.stop()


def told(board: Board, how: object = True) -> None:
    board._runner.tell({"update": how})


def test_an_update_is_tried_confirmed_and_stays(tmp_path: Path, loader: list[Region]) -> None:
    key = tmp_path / "key"
    public = keys.create(key, PASSPHRASE, 32).public_key
    old, new = build(tmp_path, public_key=public), build(tmp_path, NEW, public_key=public)
    signature, _ = keys.sign(key, PASSPHRASE, new.manifest)
    signed = Image(new.manifest, signature, new.rom)
    regions = [*loader, slot(old), boards.parked(signed)]
    with Building(tmp_path, board=lambda folder: boards.stock(folder, regions)) as building:
        board, number = building.board, building.last_number()
        told(board, "signed")
        board.wait_console("UPDATE is taken", 20)
        building.wait_event(m.KIND_BOOT, number)
        # It has heard the host: from now on it is the door's image.
        board.wait_console("code_b is confirmed", 20)
        board.power_off()
        number = building.last_number()
        board.power_on()
        building.wait_event(m.KIND_BOOT, number)
        printed = board.console.text()
        assert printed.rfind(f"altgate {NEW}") > printed.index("confirmed") > printed.index(f"altgate {NEW}")
        assert "back to" not in printed
        number = building.last_number()
        board.tap(building.card())
        assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED


@pytest.mark.parametrize("what", ["broken", "cut"])
def test_an_update_that_does_not_prove_itself_goes_back(
    tmp_path: Path, loader: list[Region], what: str
) -> None:
    new = build(tmp_path, NEW, BROKEN if what == "broken" else None)
    with bare(tmp_path, [*loader, slot(build(tmp_path)), boards.parked(new)]) as board:
        ready(board, OLD)
        told(board)
        board.wait_console("UPDATE is taken", 20)
        if what == "cut":
            ready(board, NEW)
            board.power_off()
            board.power_on()
        ready(board, OLD, 2)
        printed = board.console.text()
        assert "code_b was not confirmed: back to code_a" in printed
        assert ("altgate: loader: ValueError" in printed) == (what == "broken")
        # It was tried once.
        board.power_off()
        board.power_on()
        ready(board, OLD, 3)
        assert board.console.text().count("back to") == 1


def test_an_image_that_hangs_is_ended_and_goes_back(
    tmp_path: Path, loader: list[Region], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = build(tmp_path), build(tmp_path, NEW, "while True:\n    pass\n")
    # The loader with a shorter watchdog: a test cannot wait for the real one.
    copy = tmp_path / "firmware"
    shutil.copytree(image.FIRMWARE, copy, ignore=shutil.ignore_patterns("sim"))
    source = (copy / "loader" / "loader.py").read_text(encoding="utf-8")
    (copy / "loader" / "loader.py").write_text(source.replace("30_000", "1_500"), encoding="utf-8")
    monkeypatch.setattr(image, "FIRMWARE", copy)
    hasty = image.loader(BOARD, len(loader[1].data))
    assert hasty != loader[1].data
    regions = [loader[0], Region("vfs", loader[1].offset, hasty), slot(old), boards.parked(new)]
    with bare(tmp_path, regions) as board:
        ready(board, OLD)
        told(board)
        board.wait_console("code_b was not confirmed: back to code_a", 20)
        ready(board, OLD, 2)


def test_what_is_not_signed_or_was_altered_is_not_taken(tmp_path: Path, loader: list[Region]) -> None:
    key = tmp_path / "key"
    public = keys.create(key, PASSPHRASE, 32).public_key
    old, new = build(tmp_path, public_key=public), build(tmp_path, NEW)
    signature, _ = keys.sign(key, PASSPHRASE, old.manifest)
    altered = Image(new.manifest, signature, new.rom)
    for at, (parked, reason) in enumerate(((new, "not_signed"), (altered, "bad_signature"))):
        folder = tmp_path / str(at)
        with bare(folder, [*loader, slot(old), boards.parked(parked)]) as board:
            ready(board, OLD)
            told(board, "signed")
            board.wait_console(f"UPDATE {reason}", 10)


def test_a_cut_in_an_update_leaves_a_board_that_starts(tmp_path: Path, loader: list[Region]) -> None:
    new = build(tmp_path, NEW)
    regions = [*loader, slot(build(tmp_path)), boards.parked(new)]
    operations = (len(new.rom) // 4096 + 2) + (len(new.rom) // 256)
    for how in ("clean", "half", "garbage"):
        at = random.randrange(1, operations + 8)
        print(how, at, "of", operations)
        with bare(tmp_path / how, regions) as board:
            ready(board, OLD)
            board.cut_after(at, how)
            told(board)
            # What the door writes beside counts too: the cut comes at the latest when that was enough.
            taken = board.events.wait(
                lambda: (
                    not board.is_on and "cut" or "UPDATE is taken" in board.console.text() and "taken" or None
                ),
                20, "the cut",
            )  # fmt: skip
            if taken == "cut":
                board.power_on()
                ready(board, OLD, 2)
            else:
                ready(board, NEW)
