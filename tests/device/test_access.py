"""Who may enter, on both interpreters."""

import pytest


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
def test_every_refusal_has_its_reason(device, root, interpreter):
    script = root / "tests/device/scripts/access_decide.py"
    assert device.run(script, interpreter=interpreter).stdout == "ok\n"
