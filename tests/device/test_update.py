"""Updates on the real MicroPython: what is taken, which slot starts, and power cuts at every operation."""

import json
import random

from pyhsslms import pyhsslms

from altgate.protocol import limits
from altgate.provision import board_file
from altgate.release import slot


def test_the_loader_starts_the_newest_good_image_and_one_on_trial_once(device, root, tmp_path):
    script = root / "tests/device/scripts/slot_choice.py"
    done = device.run(script, heap="1m", args=[str(tmp_path / "flash.bin")])
    assert done.stdout.splitlines()[-1] == "ok"


def test_an_image_is_judged_before_anything_is_erased(device, root, tmp_path):
    keys = [pyhsslms.LmsPrivateKey(lmots_type=pyhsslms.lmots_sha256_n32_w4) for _ in range(2)]
    public, other = (key.publicKey().serialize() for key in keys)
    rom = random.Random(7).randbytes(9000)
    name = board_file.read(board_file.DEFAULT)["board"]["name"]
    manifest = slot.manifest(rom, "1.2.3", name, limits.FLASH_LAYOUT, 7, 1_700_000_000)
    given = {
        "key": public, "other_key": other, "rom": rom, "manifest": manifest,
        "signature": keys[0].I + keys[0].sign(manifest),
    }  # fmt: skip
    done = device.run(
        root / "tests/device/scripts/update_rules.py", heap="1m", args=[str(tmp_path / "flash.bin")],
        stdin=json.dumps({key: value.hex() for key, value in given.items()}),
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "ok"


def test_a_cut_anywhere_leaves_a_board_that_starts(device, root, tmp_path):
    seed = random.randrange(2**30)
    print("seed", seed)
    given = [str(tmp_path / "flash.bin"), str(seed), "2"]
    done = device.run(root / "tests/device/scripts/update_cuts.py", heap="4m", args=given, timeout=200)
    word, count = done.stdout.splitlines()[-1].split()
    assert word == "cuts" and int(count) > 200


def test_an_image_is_confirmed_by_the_doors_test_and_the_host_or_time(device, root, tmp_path):
    script = root / "tests/device/scripts/trial_rules.py"
    done = device.run(script, heap="1m", args=[str(tmp_path / "flash.bin")])
    assert done.stdout.splitlines()[-1] == "ok"
