"""Figures of the door: heap, steps, the way from a card to the strike, flash operations."""

import logging
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from altgate.demo import cast
from altgate.demo.building import FRONT, RESIDENT, Building
from altgate.demo.tour import Tour
from altgate.errors import CheckFailed
from altgate.protocol import limits, messages
from altgate.registry import credentials, doors, residents, settings
from bench.figures import Figure
from support import image

TOUR_S = 90
HEAP_KIB = 224
HEAP_STEP_KIB = 8
HEAP_LEAST_KIB = 184
STEP_MS = 1.0
# The reference board has megabytes. A step is timed with room enough that memory is collected when the door
# chooses to, in steps of its own; what a door does in the least heap is door.heap's figure.
STEP_HEAP_KIB = 384
STEP_RUNS = 5
CARD_MS = 3.0
TAPS = 15
CARDS = 40
# The handshake of TLS lies in C and starts with no claim open; it is printed beside the bar.
HANDSHAKE = "_open"
SIMULATOR = "_listen"  # the simulated board's own task
STEP = re.compile(r"^STEP ([\w.]+) (\d+)$", re.MULTILINE)
TIMED = "run_image_timed.py"


@contextmanager
def _image() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder:
        yield image.build(Path(folder))


def _tour(
    built: Path, heap_kib: int, script: str = "run_image.py", is_renewed: bool = False
) -> tuple[str, float] | None:
    """What the door printed in a whole tour with so much heap, and the seconds that the tour took once the
    building was set up; None where the tour failed or memory ended. is_renewed: a renewal follows it."""
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder:
        building = Building(Path(folder), board=image.boards(built, heap_kib, script))
        try:
            building.start()
            _many_cards(building)
            began = time.monotonic()
            Tour(building, lambda _line: None, cast.made_of_numbers()).run()
            taken = time.monotonic() - began
            if is_renewed:
                _renew(building)
        except (CheckFailed, TimeoutError):
            return None
        finally:
            building.stop()
            printed = building.board.console.text()
    return None if "MemoryError" in printed else (printed, taken)


def _renew(building: Building) -> None:
    """A renewal of certificate and keys, taken by a door that goes on opening."""
    with building.site.write() as session:
        door = doors.find(session, FRONT)
        door.certificate_until, before = None, door.generation
    building.pause_host()
    building.serve()

    def look() -> bool | None:
        with building.site.read() as session:
            return doors.find(session, FRONT).generation > before or None

    building.wait(look, "the door to be heard under its new keys")


def _many_cards(building: Building) -> None:
    """As many cards as fill several state messages."""
    with building.site.write() as session:
        front = doors.find(session, FRONT)
        resident = residents.find(session, RESIDENT)
        for number in range(CARDS):
            uid = bytes((4, 0xB0, 0, 0, 0, 0, number))
            credentials.add(building.site, session, messages.TYPE_CARD, uid, resident, [front], (0, 0))
    building.wait_applied()


def heap() -> Iterator[Figure]:
    """The least heap, in steps of 8 KiB, with which the whole tour passes, and with every larger one too.

    The tours run at the same time: each waits far more than it computes, and only its end counts.
    """
    sizes = range(HEAP_LEAST_KIB, HEAP_KIB + 1, HEAP_STEP_KIB)
    with _image() as built, ProcessPoolExecutor(len(sizes), initializer=logging.disable) as pool:
        passed = list(pool.map(_passes, [(built, size) for size in sizes]))
        least = HEAP_KIB + HEAP_STEP_KIB
        for size, has_passed in zip(reversed(sizes), reversed(passed), strict=True):
            if not has_passed:
                break
            least = size
        yield Figure("door.heap", least, "KiB", "<=", HEAP_KIB)
        yield Figure("door.image", round(built.stat().st_size / 1024, 1), "KiB")


def _passes(task: tuple[Path, int]) -> bool:
    return _tour(*task) is not None


def steps() -> Iterator[Figure]:
    """The longest single step of any task, and the seconds of the tour: the best of up to five tours."""
    best, handshake, name, seconds = float("inf"), 0.0, "", float("inf")
    with _image() as built:
        for _ in range(STEP_RUNS):
            toured = _tour(built, STEP_HEAP_KIB, TIMED, is_renewed=True)
            if toured is None:
                continue
            printed, seconds = toured[0], min(seconds, toured[1])
            # From the door's start with an identity on: a bare board opens nothing that could wait.
            found = STEP.findall(printed.rsplit("build, door ", 1)[1])
            taken = {step: int(us) / 1000 for step, us in found}
            own = {step: ms for step, ms in taken.items() if step not in (HANDSHAKE, SIMULATOR)}
            took, longest = max((ms, step) for step, ms in own.items())
            if took < best:
                best, name, handshake = took, longest, taken[HANDSHAKE]
            if best <= STEP_MS:
                break
    yield Figure("tour.seconds", round(seconds, 1), "s", "<=", TOUR_S)
    yield Figure("door.step_max", best, f"ms in {name or 'no tour that passed'}", "<=", STEP_MS)
    yield Figure("door.handshake_step", handshake, "ms")


def card() -> Iterator[Figure]:
    """From the card's last byte to the strike, and the flash operations of an entry."""
    times = []
    with (
        _image() as built,
        tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder,
        Building(Path(folder), board=image.boards(built, HEAP_KIB)) as building,
    ):
        board = building.board
        with building.site.write() as session:
            shortest = {settings.RELEASE_S: limits.RELEASE_S_MIN}
            doors.change_settings(building.site, session, doors.find(session, FRONT), shortest)
        building.wait_applied()
        before = board.flash_counts()
        for _ in range(TAPS):
            tapped, number = building.card(), building.last_number()
            since = board.now_us()
            board.tap(tapped)
            released = board.wait_pin("strike", 1, after_us=since)
            times.append((released - tapped.last_byte_ns / 1000) / 1000)
            board.untap()
            building.wait_event(messages.KIND_ENTRY, number)
            board.wait_pin("strike", 0, after_us=released)
        after = board.flash_counts()
    if after["raised"]:
        raise AssertionError("the firmware tried to set a bit that flash can only clear")
    yield Figure("door.card_to_strike", round(statistics.median(times), 3), "ms", "<=", CARD_MS)
    yield Figure("door.card_to_strike_worst", round(max(times), 3), "ms")
    spent = {name: (after[name] - before[name]) / TAPS for name in ("reads", "programs", "erases")}
    total = round(sum(spent.values()), 2)
    parts = ", ".join(f"{value:.2f} {name}" for name, value in spent.items())
    yield Figure("door.flash_ops_per_entry", total, f"operations: {parts}")


BENCHES = (
    (("door.heap", "door.image"), heap),
    (("tour.seconds", "door.step_max", "door.handshake_step"), steps),
    (("door.card_to_strike", "door.card_to_strike_worst", "door.flash_ops_per_entry"), card),
)
