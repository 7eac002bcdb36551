"""Who may enter, on both interpreters."""

import pytest


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
def test_every_refusal_has_its_reason(device, root, interpreter):
    script = root / "tests/device/scripts/access_decide.py"
    assert device.run(script, interpreter=interpreter).stdout == "ok\n"


@pytest.mark.parametrize("what", ["uses", "dual", "face", "schedules", "refused"])
def test_the_desk_keeps_to_the_rules_of_a_credential(device, root, tmp_path, what):
    script = root / "tests/device/scripts/desk_rules.py"
    assert device.run(script, heap="1m", args=[str(tmp_path / "flash.bin"), what]).stdout == "ok\n"
