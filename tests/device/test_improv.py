"""Wi-Fi by Improv, as far as it needs no serial line: frames, answers, and what a scan gives."""

import pytest


@pytest.mark.parametrize("script", ["improv_frames", "improv_scan"])
def test_improv(device, root, script):
    assert device.run(root / f"tests/device/scripts/{script}.py", heap="256k").stdout == "ok\n"
