"""A stock MicroPython image: which file it is, whether it is for the board, and whether it is whole."""

import hashlib
from pathlib import Path

import pytest

from altgate.errors import AltgateError
from altgate.provision import flash, stock
from altgate.provision.image import Region
from altgate.provision.tables import OFFSET
from support import flashing
from support.board import image
from support.flashing import BOARD


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "micropython.bin"
    file.write_bytes(image(program=flashing.program(1)))
    return file


def refused(error: pytest.ExceptionInfo[AltgateError]) -> str:
    return str(getattr(error.value, "cause", None))


@pytest.mark.parametrize(("chip", "loader_at"), [("esp32", 0x1000), ("esp32s3", 0)])
def test_an_image_is_taken_apart(tmp_path: Path, chip: str, loader_at: int) -> None:
    data, file = image(chip), tmp_path / "image.bin"
    file.write_bytes(data)
    found = stock.read(file)
    assert (found.family, found.loader_at, found.psram) == (chip, loader_at, "octal")
    assert data.startswith(found.loader) and found.sha256 == hashlib.sha256(data).hexdigest()
    assert data[0x10000 - loader_at :] == found.program


@pytest.mark.parametrize(
    ("program", "psram"),
    [
        (b"octal_psram", "octal"),
        (b"quad_psram", "quad"),
        (b"ESP32_GENERIC_S3-SPIRAM_OCT", "octal"),
        (b"x", ""),
    ],
)
def test_the_kind_of_psram_is_read_off_the_program(tmp_path: Path, program: bytes, psram: str) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(image(program=program + bytes(100)))
    assert stock.read(file).psram == psram


def test_an_image_for_other_psram_is_refused_with_the_right_ones_name(tmp_path: Path) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(image(program=b"quad_psram" + bytes(100)))
    with pytest.raises(AltgateError, match="ESP32_GENERIC_S3-SPIRAM_OCT") as caught:
        stock.check_board(stock.read(file), BOARD)
    assert refused(caught) == "image_of_other_psram"
    file.write_bytes(image(program=b"untold" + bytes(100)))
    stock.check_board(stock.read(file), BOARD)


def test_an_image_for_another_chip_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(image("esp32"))
    with pytest.raises(AltgateError, match="is for an ESP32; .* has an ESP32-S3") as caught:
        stock.check_board(stock.read(file), BOARD)
    assert refused(caught) == "image_of_other_chip"


def test_a_program_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(image(program=b"octal_psram" + bytes(BOARD.partitions["factory"].size)))
    with pytest.raises(AltgateError) as caught:
        stock.check_board(stock.read(file), BOARD)
    assert refused(caught) == "image_too_big"


def test_a_region_that_does_not_fit_is_refused(path: Path) -> None:
    slot = BOARD.partitions["code_a"]
    own = [Region("partition-table", OFFSET, b"x"), Region("code_a", slot.offset, bytes(slot.size + 1))]
    with pytest.raises(AltgateError, match="code_a") as caught:
        flash.regions_of(stock.read(path), own, BOARD)
    assert refused(caught) == "image_too_big"


@pytest.mark.parametrize("at", [40, 9000, 0x10000 + 40, 0x10000 + 60_000, -1], ids=hex)
def test_a_byte_that_is_another_one_is_noticed(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(AltgateError) as caught:
        stock.read(path)
    assert refused(caught) == "damaged_image"


@pytest.mark.parametrize("length", [0, 23, 24, 30, 0x8000, 0x8C00, 0x10000, 0x10018, 0x10100, 0x18000])
def test_an_image_that_ends_early_is_refused(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(AltgateError) as caught:
        stock.read(path)
    assert refused(caught) in ("not_an_image", "damaged_image")


@pytest.mark.parametrize(
    "data", [b"UF2\n" + bytes(5000), b"\x7fELF" + bytes(5000), bytes(5000), b"\xe9" * 5000]
)
def test_another_kind_of_file_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(AltgateError, match="is no MicroPython image.*page") as caught:
        stock.read(path)
    assert refused(caught) == "not_an_image"


def test_a_program_alone_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[0x10000:])
    with pytest.raises(AltgateError, match="partition table") as caught:
        stock.read(path)
    assert refused(caught) == "not_an_image"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AltgateError, match="No such file") as caught:
        stock.read(tmp_path / "none.bin")
    assert refused(caught) == "not_an_image"


def test_the_hash_decides_which_file_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stock.read(path)
    assert not stock.check_hash(found, None)
    assert stock.check_hash(found, found.sha256.upper())
    with pytest.raises(AltgateError, match="Do not use this file") as caught:
        stock.check_hash(found, "0" * 64)
    assert refused(caught) == "wrong_hash"
    monkeypatch.setattr(stock, "known", lambda: [{"name": "other.bin", "sha256": found.sha256}])
    assert stock.check_hash(found, None)
    monkeypatch.setattr(stock, "known", lambda: [{"name": path.name, "sha256": "1" * 64}])
    with pytest.raises(AltgateError) as caught:
        stock.check_hash(found, None)
    assert refused(caught) == "wrong_hash"


def test_the_list_of_known_images_is_well_formed() -> None:
    for row in stock.known():
        assert set(row) == {"name", "sha256"} and len(bytes.fromhex(row["sha256"])) == 32
