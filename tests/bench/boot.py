"""Figures of starts from a code slot, and of what checks an update."""

import json
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pyhsslms import pyhsslms

from altgate.demo.building import Building
from altgate.provision import board_file, image
from altgate.provision.image import Region
from altgate.release.slot import Image
from bench.figures import Figure
from conftest import ROOT, Device
from support import image as boards

SLOT_KIB, READY_S, STEP_MS = 320, 1.0, 1.0
HEAP_KIB = 224
STARTS, RUNS = 9, 5
READY = re.compile(r" build, door [0-9a-f]{8}")  # what was cut off before it may lack its end of line
FREE = re.compile(r"^FREE (\d+)", re.M)
MESSAGE = bytes(range(90))


def _with_main(folder: Path) -> Image:
    board, tree = board_file.read(board_file.DEFAULT), folder / "own" / "tree"
    image.whole(tree, board)
    (tree / "main.py").write_bytes((Path(__file__).parent / "scripts" / "boot_main.py").read_bytes())
    return image.image_of(tree, board)


def boot() -> Iterator[Figure]:
    """The firmware's size in a slot; a provisioned door's start, and the heap that it then has."""
    regions = image.regions()
    size = len(regions[-1].data) / 1024
    yield Figure("update.slot_kib", round(size, 1), "KiB of a slot", "<=", SLOT_KIB)
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as name:
        folder = Path(name)
        own, simulated = _with_main(folder), boards.build_simulated(folder)
        given = [*regions[:2], Region("code_a", regions[2].offset, own.in_slot())]
        # The image lies in the heap, too.
        heap_kib = HEAP_KIB + len(own.rom) // 1024 + 1
        with Building(
            folder / "site", board=lambda place: boards.stock(place, given, heap_kib, simulated)
        ) as building:
            board, taken = building.board, []
            for _ in range(STARTS):
                board.power_off()
                before = len(READY.findall(board.console.text()))
                began = time.monotonic()
                board.power_on()
                while len(READY.findall(board.console.text())) == before:
                    if time.monotonic() - began > 20:
                        raise AssertionError(f"the door is not ready:\n{board.console.text()}")
                    time.sleep(0.002)
                taken.append(time.monotonic() - began)
            time.sleep(1)
            free = [int(found) for found in FREE.findall(board.console.text())]
    yield Figure("boot.ready_s", round(statistics.median(taken), 3), "s", "<=", READY_S)
    yield Figure("boot.heap_free", round(free[-1] / 1024, 1), f"KiB of {HEAP_KIB} KiB beside the image")


def verify() -> Iterator[Figure]:
    """The longest step of checking a signature, the best of some runs: the rest is other programs."""
    key = pyhsslms.LmsPrivateKey(pyhsslms.lms_sha256_m32_h10, pyhsslms.lmots_sha256_n32_w4)
    case = [key.publicKey().serialize(), MESSAGE, key.sign(MESSAGE)]
    line = json.dumps([part.hex() for part in case]) + "\n"
    script = ROOT / "tests" / "device" / "scripts" / "crypto_lms.py"
    printed = Device().run(script, stdin=line * RUNS, args=["times"]).stdout.split()
    assert printed[::2] == ["1"] * RUNS
    step = min(int(us) for us in printed[1::2]) / 1000
    yield Figure("update.verify_step", step, "ms", "<=", STEP_MS)


BENCHES = (
    (("update.slot_kib", "boot.ready_s", "boot.heap_free"), boot),
    (("update.verify_step",), verify),
)
