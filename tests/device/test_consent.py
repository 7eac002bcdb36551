"""Consent on the door: off until asked, off for good once taken back, whatever happens in between."""

import pytest

BOTH = pytest.mark.parametrize("interpreter", ["micropython", "cpython"])


def run(device, root, name, *args):
    """The last line that a script prints; before it stand errors of files that a cut left open."""
    script = root / f"tests/device/scripts/{name}"
    return device.run(script, heap="4m", args=[str(arg) for arg in args]).stdout.splitlines()[-1]


@BOTH
def test_every_refusal_comes_in_its_order(device, root, interpreter):
    script = root / "tests/device/scripts/consent_state.py"
    assert device.run(script, interpreter=interpreter).stdout == "ok\n"


@BOTH
def test_no_lease_comes_of_what_was_hoarded_or_altered(device, root, interpreter):
    script = root / "tests/device/scripts/consent_lease.py"
    assert device.run(script, interpreter=interpreter).stdout == "ok\n"


def test_the_register_is_the_old_or_the_new_one_after_a_cut_anywhere(device, root, tmp_path):
    name, cuts = run(device, root, "consent_register.py", tmp_path / "flash.bin").split()
    assert name == "cuts" and int(cuts) > 150


def test_what_was_taken_back_does_not_come_back_after_a_cut_anywhere(device, root, tmp_path):
    name, cuts = run(device, root, "consent_cuts.py", tmp_path / "flash.bin").split()
    assert name == "cuts" and int(cuts) > 100


@pytest.mark.parametrize(
    "part",
    [
        "off_until_asked", "settings_and_notice", "bound_card", "numbers", "leases", "endings", "door_pins",
        "tries", "damaged_register", "no_vault", "lost_template", "full_register", "at_the_same_time",
        "worn_flash", "worn_at_start", "worn_wipe", "unrecorded_enrolment",
    ],
)  # fmt: skip
def test_gate(device, root, tmp_path, part):
    assert run(device, root, "consent_gate.py", tmp_path / "flash.bin", part) == "ok"


@pytest.mark.parametrize(
    "part",
    [
        "yes", "not_without", "too_late", "shots", "presence_ends", "others_at_the_keypad", "three_stars",
        "forgotten_meanwhile", "card_once_more", "only_the_last_card", "claims", "alike",
        "taken_back_while_looking", "nothing_is_swallowed", "flash_refuses",
    ],
)  # fmt: skip
def test_keypad_and_camera(device, root, tmp_path, part):
    assert run(device, root, "consent_ceremony.py", tmp_path / "flash.bin", part) == "ok"
