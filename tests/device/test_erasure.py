"""Making a board bare: keys first, through power cuts at every operation, and nothing of them left."""

import random


def test_a_cut_anywhere_leaves_a_door_that_refuses_or_a_board_that_is_bare(device, root, tmp_path):
    seed = random.randrange(2**30)
    print("seed", seed)
    given = [str(tmp_path / "flash.bin"), str(seed), "4"]
    done = device.run(root / "tests/device/scripts/erasure_cuts.py", heap="4m", args=given, timeout=200)
    word, count = done.stdout.splitlines()[-1].split()
    assert word == "cuts" and int(count) > 40
