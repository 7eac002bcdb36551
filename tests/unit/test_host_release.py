"""Images and the key that signs them: no one-time key signs twice, and no damage passes for an image."""

import io
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyhsslms import pyhsslms

from altgate import cli
from altgate.errors import CheckFailed, Refused
from altgate.hardware import make_partitions
from altgate.protocol import update
from altgate.provision import board_file, image
from altgate.release import key as keys
from altgate.release.slot import Image, from_slot, manifest

PASSPHRASE = "a long one"
ROM = bytes(range(256)) * 20
MANIFEST = manifest(ROM, "1.0", "board", 2, 1, 0)


@pytest.fixture(autouse=True)
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this computer has seen of keys, away from whoever runs the tests."""
    monkeypatch.setattr(keys.platformdirs, "user_state_dir", lambda name: str(tmp_path / "state" / name))
    return tmp_path / "state" / "altgate" / "release-keys.json"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "release.key"
    keys.create(path, PASSPHRASE, 32)
    return path


def number(signature: bytes) -> int:
    """Which one-time key it was."""
    return int.from_bytes(signature[16:20], "big")


def test_a_key_signs_what_its_public_half_takes_and_nothing_else(key: Path) -> None:
    signature, held = keys.sign(key, PASSPHRASE, MANIFEST)
    assert held.left == 31 and keys.is_signed(held.public_key, MANIFEST, signature)
    assert not keys.is_signed(held.public_key, MANIFEST + b"x", signature)
    for at in range(0, len(signature), 97):
        changed = bytearray(signature)
        changed[at] ^= 1
        assert not keys.is_signed(held.public_key, MANIFEST, bytes(changed))
        assert not keys.is_signed(held.public_key, MANIFEST, signature[:at])


def test_the_file_is_for_its_owner_and_holds_no_seed_in_the_clear(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    seeds: list[bytes] = []
    real = pyhsslms.LmsPrivateKey

    class Watched(real):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **given: Any) -> None:
            seeds.append(given["SEED"])
            super().__init__(*args, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyhsslms, "LmsPrivateKey", Watched)
        keys.sign(key, PASSPHRASE, MANIFEST)
    (seed,) = seeds
    held = keys.read(key)
    assert len(seed) == 32 and seed.hex() not in key.read_text(encoding="utf-8")
    assert seed not in held.sealed and PASSPHRASE not in key.read_text(encoding="utf-8")
    with pytest.raises(Refused, match="never written over"):
        keys.create(key, PASSPHRASE, 32)
    key.chmod(0o644)
    with pytest.raises(Refused, match="open to other users"):
        keys.sign(key, PASSPHRASE, MANIFEST)


def test_no_part_of_it_signs_twice_and_then_it_is_spent(key: Path) -> None:
    found = [number(keys.sign(key, PASSPHRASE, MANIFEST)[0]) for _ in range(32)]
    assert found == list(range(32))
    with pytest.raises(Refused, match="no signature left"):
        keys.sign(key, PASSPHRASE, MANIFEST)


def test_it_is_spent_before_the_signature_is_made(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, message: bytes) -> bytes:
        assert keys.read(key).next == 1, "the signature is made before its number is on the disk"
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(pyhsslms.LmsPrivateKey, "sign", broken)
        with pytest.raises(RuntimeError):
            keys.sign(key, PASSPHRASE, MANIFEST)
    assert number(keys.sign(key, PASSPHRASE, MANIFEST)[0]) == 1


def test_a_wrong_passphrase_spends_nothing(key: Path) -> None:
    with pytest.raises(CheckFailed, match="passphrase is wrong"):
        keys.sign(key, "another", MANIFEST)
    assert number(keys.sign(key, PASSPHRASE, MANIFEST)[0]) == 0


def test_a_copy_that_was_put_back_is_refused(key: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.key"
    shutil.copy2(key, old)
    keys.sign(key, PASSPHRASE, MANIFEST)
    with pytest.raises(Refused, match="old copy"):
        keys.sign(old, PASSPHRASE, MANIFEST)
    shutil.copy2(key, old)
    assert number(keys.sign(old, PASSPHRASE, MANIFEST)[0]) == 1
    with pytest.raises(Refused, match="old copy"):
        keys.sign(key, PASSPHRASE, MANIFEST)


def test_a_lost_memory_of_keys_is_no_leave_to_sign(key: Path, history: Path) -> None:
    keys.sign(key, PASSPHRASE, MANIFEST)
    for spoiled in ("", "[]", '{"a": "b"}'):
        history.write_text(spoiled, encoding="utf-8")
        with pytest.raises(Refused, match="Restore it"):
            keys.sign(key, PASSPHRASE, MANIFEST)
    assert keys.read(key).next == 1


def test_two_at_once_never_get_the_same_part(key: Path) -> None:
    def one(_: int) -> int | None:
        try:
            return number(keys.sign(key, PASSPHRASE, MANIFEST)[0])
        except Refused as error:
            assert "in use" in str(error)
            return None

    with ThreadPoolExecutor(4) as pool:
        found = [value for value in pool.map(one, range(8)) if value is not None]
    assert found and len(set(found)) == len(found)
    assert not key.with_name(key.name + ".lock").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "altgate/release-key/2"},
        {"public_key": "00"},
        {"public_key": "00" * 56},
        {"next": -1},
        {"next": 33},
        {"next": "0"},
        {"salt": 5},
        None,
    ],
)
def test_a_damaged_key_is_named_as_that(key: Path, change: dict[str, Any] | None) -> None:
    held = json.loads(key.read_text(encoding="utf-8"))
    text = json.dumps({**held, **change}) if change else "no JSON"
    key.write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="no release key"):
        keys.read(key)


def test_every_damage_to_an_image_is_found() -> None:
    whole = Image(MANIFEST, b"s" * 100, ROM).in_slot()
    assert from_slot(whole) == Image(MANIFEST, b"s" * 100, ROM)
    lengths = (0, 10, 60, update.HEAD_BYTES - 1, update.HEAD_BYTES, len(whole) - 1)
    for length in lengths:
        with pytest.raises(CheckFailed):
            from_slot(whole[:length])
    places = [*range(60), *range(update.CONTENT_AT, update.CONTENT_AT + len(MANIFEST), 3)]
    places += range(update.HEAD_BYTES, len(whole), 501)
    for at in places:
        changed = bytearray(whole)
        changed[at] ^= 4
        with pytest.raises(CheckFailed):
            from_slot(bytes(changed))


class Altgate:
    """Runs ``altgate release``."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._patch = capsys, monkeypatch

    def __call__(self, *args: object, code: int = 0, stdin: str = "") -> str:
        self._patch.setattr(sys, "argv", ["altgate", "release", *map(str, args)])
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, out + err
        return out if code == 0 else err


def test_from_the_key_to_a_signed_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    altgate = Altgate(capsys, monkeypatch)
    path, first, second = tmp_path / "a.key", tmp_path / "1.img", tmp_path / "2.img"
    says = PASSPHRASE + "\n"
    altgate("key", path, "--signatures", "32", "--stdin", stdin=says)
    altgate("build", first, "--key", path)
    monkeypatch.chdir(tmp_path)
    altgate("build", "2.img", "--key", path)
    assert first.read_bytes() == second.read_bytes()
    unsigned = json.loads(altgate("show", first, "--json"))
    assert unsigned["signed"] == "no" and unsigned["board"] == "ESP32-S3-DevKitC-1 N16R8"
    result = json.loads(altgate("sign", first, "--key", path, "--stdin", "--json", stdin=says))
    assert result["signatures_left"] == 31
    signed = from_slot(first.read_bytes())
    assert signed.manifest == from_slot(second.read_bytes()).manifest
    assert keys.is_signed(keys.read(path).public_key, signed.manifest, signed.signature)
    assert json.loads(altgate("show", first, "--key", path, "--json"))["signed"] == "yes"
    assert "signed already" in altgate("sign", first, "--key", path, "--stdin", stdin=says, code=2)
    other = tmp_path / "b.key"
    altgate("key", other, "--signatures", "32", "--stdin", stdin=says)
    assert "not with this key" in altgate("show", first, "--key", other, code=1)
    assert "signatures left: 31" in altgate("key", path)
    second.write_bytes(second.read_bytes()[:-1])
    assert "damaged" in altgate("show", second, code=1)
    assert "cannot be read" in altgate("show", tmp_path / "none", code=2)


def test_the_firmware_gets_the_key_and_the_image_has_it(tmp_path: Path) -> None:
    public = bytes(range(56))
    folder = tmp_path / "firmware" / "altgate"
    folder.mkdir(parents=True)
    module = image.release_key_module(public)
    (folder / "release_key.py").write_text(module, encoding="utf-8")
    check = f"import release_key; raise SystemExit(release_key.PUBLIC_KEY != bytes.fromhex('{public.hex()}'))"
    assert not subprocess.run([sys.executable, "-c", check], cwd=folder, check=False).returncode
    source = (image.FIRMWARE / image.RELEASE_KEY).read_text(encoding="utf-8")
    assert image.release_key_module(b"") == source and image.release_key() == b""
    board = board_file.read(board_file.DEFAULT)
    assert public in image.build(board, 0, public).rom
    assert public not in image.build(board).rom


# The board's file.


def test_a_boards_image_is_the_same_each_time_and_has_its_pins(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = board_file.DEFAULT.read_text(encoding="utf-8")
    own.write_text(text.replace("strike = 4", "strike = 2").replace("N16R8", "mine"), encoding="utf-8")
    (table, loader, slot), again = image.regions(own), image.regions(own)
    assert [table, loader, slot] == again
    assert [one.label for one in again] == ["partition-table", "vfs", "code_a"]
    standard = image.regions()
    assert standard[0] == table and standard[1].data != loader.data
    assert from_slot(slot.data).fields[update.BOARD].endswith("mine")
    boards = make_partitions.flash_map()["boards"].values()
    slots = [one["partitions"][label][3] for one in boards for label in ("code_a", "code_b")]
    assert len(slot.data) <= min(slots)
    assert b"Pin((2), Pin.OUT, value=1 - (1))" in loader.data
    # An image that was built before, and for this board only.
    given = from_slot(slot.data)
    signed = Image(given.manifest, b"signature", given.rom)
    assert image.regions(own, signed)[2].data == signed.in_slot()
    with pytest.raises(Refused, match="mine"):
        image.regions(board_file.DEFAULT, signed)


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        ("strike = 4", "strike = 5", "pin 5 to strike and tone"),
        ("keypad_columns = [39, 40, 41]", "keypad_columns = [39, 40, 39]", "pin 39"),
        ("strike = 4", "strike = '4'", "pins.strike"),
        ("strike = 4", "strike = -1", "pins.strike"),
        ("strike = 4", "", "lacks pins.strike"),
        ("strike = 4", "strike = 4\ncamera = 3", "pins.camera"),
        ("[i2c]", "[i3c]", "i3c"),
        ("[uarts.scanner]", "[uarts.osdp]", "uarts.osdp"),
        ('flash = "mb16"', 'flash = "mb32"', "mb4, mb8, mb16"),
        ("strike_released = 1", "strike_released = 2", "levels.strike_released"),
        ("[board]", "[board", "no TOML"),
    ],
)
def test_a_board_that_cannot_be_is_refused(tmp_path: Path, find: str, put: str, says: str) -> None:
    own, text = tmp_path / "own.toml", board_file.DEFAULT.read_text(encoding="utf-8")
    assert find in text
    own.write_text(text.replace(find, put, 1), encoding="utf-8")
    with pytest.raises(Refused) as refused:
        board_file.read(own)
    assert says in str(refused.value)


def test_a_missing_board_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        image.regions(tmp_path / "none.toml")
