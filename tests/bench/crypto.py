"""Figures of P-256 on the door: its steps, its operations, and the heap that it takes."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import Figure
from conftest import Device
from support import image

SCRIPTS = Path(__file__).parent / "scripts"
HEAP_KIB = 384
SLICE_MS = 1.0
OPERATIONS = ("generate", "shared", "sign", "verify", "request")
# How many times as long an ESP32 takes, from published scores against this port: an estimate, not measured.
ESP32 = (40, 100)


def _run() -> dict[str, Any]:
    """What the script says when it runs from an image, as a door without frozen code does."""
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder:
        tree = Path(folder) / "tree"
        image.firmware(tree)
        shutil.copy(SCRIPTS / "p256.py", tree / "job.py")
        packed = image.pack(tree)
        heap = packed.stat().st_size + HEAP_KIB * 1024
        done = Device().run(SCRIPTS / "link_image.py", heap=str(heap), args=[str(packed)])
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def _kib(count: int) -> float:
    return round(count / 1024, 1)


def p256() -> Iterator[Figure]:
    """Each step counts with the fastest of several runs: it is the same work every time."""
    got = _run()
    operations = got["operations"]
    longest, name = max((max(one["steps_us"]) / 1000, name) for name, one in operations.items())
    text = f"ms, the longest step, in {name}; collections apart"
    yield Figure("p256.slice_max", longest, text, "<=", SLICE_MS)
    for name in OPERATIONS:
        steps = operations[name]["steps_us"]
        yield Figure(f"p256.{name}", round(sum(steps) / 1000, 2), f"ms in {len(steps)} steps")
    slowest = max(sum(one["steps_us"]) for one in operations.values()) / 1e6
    low, high = (round(slowest * factor, 2) for factor in ESP32)
    times = f"{ESP32[0]} to {ESP32[1]} times as long as here"
    text = f"s on an ESP32 for the slowest of them, or {low:g} s: an estimate, {times}"
    yield Figure("p256.esp32_estimate", high, text)
    yield Figure("p256.heap_import", _kib(got["import"]), "KiB while it is imported")
    yield Figure("p256.heap_import_csr", _kib(got["import_csr"]), "KiB more with certificate requests")
    peak, live = (_kib(max(one[name] for one in operations.values())) for name in ("peak", "live"))
    yield Figure("p256.heap_operation", peak, f"KiB at a step's end, {live:g} KiB without its garbage")


BENCHES = (
    (
        (
            "p256.slice_max", *(f"p256.{name}" for name in OPERATIONS), "p256.esp32_estimate",
            "p256.heap_import", "p256.heap_import_csr", "p256.heap_operation",
        ),
        p256,
    ),
)  # fmt: skip
