"""Figures of face: from the module's last byte to the strike, what stays in flash, heap."""

import re
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from altgate.demo.building import FRONT, Building
from altgate.demo.faces.made_up import Face
from altgate.demo.person import RELEASED, SECURE, Person
from altgate.protocol import limits
from altgate.registry import doors, settings
from bench.door import HEAP_KIB, _image
from bench.figures import Figure
from support import erasure, image

CLAIM_MS = 3.0
CLAIMS = 9
HEAP_OVER_KIB = 24.0
TEMPLATES = 200
VAULT_BYTES = 5 * 4096  # of keys and templates in tests/device/scripts/vault_erase.py
MEMORY = re.compile(r"^MEM (\d+)$", re.MULTILINE)


@contextmanager
def _building(script: str, heap_kib: int) -> Iterator[tuple[Building, Person]]:
    with (
        _image() as built,
        tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder,
        Building(Path(folder), board=image.boards(built, heap_kib, script)) as building,
    ):
        with building.site.write() as session:
            shortest = {settings.RELEASE_S: limits.RELEASE_S_MIN}
            doors.change_settings(building.site, session, doors.find(session, FRONT), shortest)
        building.wait_applied()
        yield building, Person(building)


def claim() -> Iterator[Figure]:
    """From the last byte of the module's line to the strike."""
    face, times = Face(1), []
    with _building("run_image.py", HEAP_KIB) as (building, person):
        board = building.board
        person.enrol(face.shots())
        for _ in range(CLAIMS):
            board.wait_pin("strike", SECURE)
            since = board.now_us()
            with person.looking():
                person.claim(face.shot())
            released = board.wait_pin("strike", RELEASED, after_us=since)
            times.append((released - board.camera.last_byte_ns / 1000) / 1000)
        outside_ms = board.supply.outside_us / 1000
    yield Figure("face.claim_to_strike", round(statistics.median(times), 3), "ms", "<=", CLAIM_MS)
    yield Figure("face.claim_to_strike_worst", round(max(times), 3), "ms")
    yield Figure("face.supply_high_outside", outside_ms, "ms", "==", 0)


def heap() -> Iterator[Figure]:
    """What enrolment and verification take on top of an idle door, both at their highest."""
    face = Face(1)
    with _building("run_image_memory.py", 2 * HEAP_KIB) as (building, person):

        def highest(act: Callable[[], object]) -> int:
            before = len(building.board.console.text())
            act()
            return max(int(found) for found in MEMORY.findall(building.board.console.text()[before:]))

        # A wrong PIN: what any key and any claim take is not face's.
        idle = highest(lambda: (person.type("1204#111111#"), building.wait_event(1)))
        enrolment = highest(lambda: person.enrol(face.shots()))
        building.board.wait_pin("strike", SECURE)

        def enter() -> None:
            with person.looking():
                person.claim(face.shot())

        verification = highest(enter)
    for name, taken in (("enrolment", enrolment), ("verification", verification)):
        over_kib = round((taken - idle) / 1024, 1)
        yield Figure(f"face.heap_{name}", over_kib, "KiB", "<=", HEAP_OVER_KIB)


def erased() -> Iterator[Figure]:
    """Bytes of keys and templates in the raw flash after templates came and went among other writes."""
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder:
        rows = erasure.play(Path(folder), 1, TEMPLATES)
        left = erasure.left(rows, Path(folder))
        # Nor anything else: of the two partitions nothing is left but what is erased or zeroed.
        flash = (Path(folder) / "flash.bin").read_bytes()[:VAULT_BYTES]
        left += sum(byte not in (0x00, 0xFF) for byte in flash)
    yield Figure("face.erased_bytes_left", left, f"bytes of {len(rows)} templates", "==", 0)


BENCHES = (
    (("face.claim_to_strike", "face.claim_to_strike_worst", "face.supply_high_outside"), claim),
    (("face.heap_enrolment", "face.heap_verification"), heap),
    (("face.erased_bytes_left",), erased),
)
