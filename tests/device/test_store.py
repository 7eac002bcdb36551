"""The door's flash: what was kept is there after a power cut at any operation."""

import random


def test_counters_and_journal_outlive_a_cut_anywhere(device, root, tmp_path):
    seed = random.randrange(2**30)
    print("seed", seed)
    script = root / "tests/device/scripts/store_cuts.py"
    done = device.run(script, heap="2m", args=[str(tmp_path / "flash.bin"), str(seed), "7"], timeout=200)
    name, count = done.stdout.split()
    assert name == "cuts" and int(count) > 350


def test_a_full_journal_keeps_what_is_owed_and_tells_the_gap(device, root, tmp_path):
    script = root / "tests/device/scripts/store_full.py"
    assert device.run(script, args=[str(tmp_path / "flash.bin")]).stdout == "ok\n"


def test_the_state_is_the_old_or_the_new_one_after_a_cut_anywhere(device, root, tmp_path):
    seed = random.randrange(2**30)
    print("seed", seed)
    script = root / "tests/device/scripts/state_cuts.py"
    done = device.run(script, heap="4m", args=[str(tmp_path / "flash.bin"), str(seed), "1"], timeout=200)
    name, count = done.stdout.split()
    assert name == "cuts" and int(count) > 300


def test_no_use_of_a_pass_is_lost_by_a_cut_anywhere(device, root, tmp_path):
    script = root / "tests/device/scripts/pass_cuts.py"
    name, count = device.run(script, heap="4m", args=[str(tmp_path / "flash.bin")]).stdout.split()
    assert name == "cuts" and int(count) > 12
