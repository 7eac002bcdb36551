"""The door's flash: what was kept is there after a power cut at any operation."""

import random

import pytest


@pytest.mark.parametrize(
    ("name", "every", "least"),
    [("store_cuts.py", 5, 400), ("state_cuts.py", 1, 300), ("pass_cuts.py", 1, 12)],
)
def test_what_was_kept_is_there_after_a_cut_anywhere(device, root, tmp_path, name, every, least):
    seed = random.randrange(2**30)
    print("seed", seed)
    given = [str(tmp_path / "flash.bin"), str(seed), str(every)]
    done = device.run(root / "tests/device/scripts" / name, heap="4m", args=given, timeout=200)
    word, count = done.stdout.split()
    assert word == "cuts" and int(count) > least


def test_a_full_journal_keeps_what_is_owed_and_tells_the_gap(device, root, tmp_path):
    script = root / "tests/device/scripts/store_full.py"
    assert device.run(script, args=[str(tmp_path / "flash.bin")]).stdout == "ok\n"


def test_worn_or_spoiled_flash_brings_back_nothing_that_was_taken_out(device, root, tmp_path):
    script = root / "tests/device/scripts/state_worn.py"
    assert device.run(script, heap="4m", args=[str(tmp_path / "flash.bin")]).stdout == "ok\n"


def test_raw_stores_stay_outside_flash_encryption_because_it_keeps_what_they_zero(device, root, tmp_path):
    script = root / "tests/device/scripts/flash_encrypted.py"
    assert device.run(script, heap="1m", args=[str(tmp_path / "flash.bin")]).stdout == "ok\n"


@pytest.mark.parametrize("what", ["whole", "behind_a_cut", "layout", "unsealed"])
def test_what_is_lost_is_told_and_lets_nobody_in(device, root, tmp_path, what):
    script = root / "tests/device/scripts/store_lost.py"
    assert device.run(script, heap="1m", args=[str(tmp_path / "flash.bin"), what]).stdout == "ok\n"
