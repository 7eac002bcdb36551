"""Figures of the door's way to its host: what is kept, who waits for whom, and how fast it is."""

import hashlib
import logging
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from altgate.demo.building import FRONT, RESIDENT, Building
from altgate.demo.person import RELEASED, SECURE
from altgate.protocol import limits, messages
from altgate.registry import doors, residents
from bench import client
from bench.door import HEAP_KIB, STEP_HEAP_KIB, _image
from bench.figures import Figure
from support import image
from support.broker import BuildingMosquitto
from support.proxy import Proxy

EVENTS, APART_S, HELD_S = 60, 0.25, 0.1
HOLE_AT, HOLE_S, BROKER_AT = 12, 8, 30
LATE_S = 15
AWAY = "run_image_away.py"
HANGS, UP = "resolver: hangs", "link: up"
TAPS, UNLOCKS = 15, 25
BEGINS_S = 1.0  # the storm's, or the hanging attempt's: more than the pause before the door connects again
HANG_RATIO = 2.0
UNLOCK_MS = 20.0
USERS = 10_000
SNAPSHOT_S = 60.0
USER_S = 0.1  # esp-rfid: 150 users synchronised in 15 s


class Reached(Building):
    """A building over mosquitto whose door finds the broker by name, behind a proxy."""

    def __init__(self, folder: Path, built: Path, heap_kib: int, script: str = "run_image.py") -> None:
        boards = image.boards(built, heap_kib, script)
        super().__init__(folder, BuildingMosquitto, boards)
        self.folder = folder
        self.proxy = Proxy(self.broker.port)

    def broker_address(self) -> tuple[str, int]:
        """By name, so that the door has to look it up."""
        return "localhost", self.proxy.port

    def stop(self) -> None:
        """End the proxy too."""
        super().stop()
        self.proxy.stop()


@contextmanager
def _reached(script: str, heap_kib: int = HEAP_KIB) -> Iterator[Reached]:
    with (
        _image() as built,
        tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder,
        Reached(Path(folder), built, heap_kib, script) as building,
    ):
        yield building


def _press_exit(building: Building) -> None:
    rest = building.board.wiring.rest["exit_contact"]
    building.board.drive("exit_contact", 1 - rest)
    time.sleep(HELD_S)
    building.board.drive("exit_contact", rest)


def _kept(disturb: Callable[[Reached, int], None]) -> int:
    """How many of 60 events, four a second, the register has: each once, in order, without a hole.

    disturb(building, number) is called before each event.
    """
    with _reached("run_image.py") as building:
        began = time.monotonic()
        for number in range(EVENTS):
            time.sleep(max(0.0, began + number * APART_S - time.monotonic()))
            disturb(building, number)
            _press_exit(building)
        deadline = time.monotonic() + LATE_S
        while time.monotonic() < deadline:
            came = building.events(messages.KIND_EXIT)
            if len(came) >= EVENTS:
                break
            time.sleep(APART_S)
    assert len(came) <= EVENTS
    # Whoever comes late is out of order, and what is missing is a hole.
    first = min((event.sequence or 0 for event in came), default=0)
    return sum(event.sequence == first + at for at, event in enumerate(came))


def _black_hole(building: Reached, number: int) -> None:
    """Everything is swallowed for 8 s, and then the connection, in which both ends believe, is cut."""
    if number == HOLE_AT:
        building.proxy.is_black_hole = True
    if number == HOLE_AT + HOLE_S / APART_S:
        building.proxy.cut()
        building.proxy.is_black_hole = False


def _broker_restart(building: Reached, number: int) -> None:
    """The broker is killed, and started anew."""
    if number == BROKER_AT:
        building.broker.stop(at_once=True)
    if number == BROKER_AT + 2:
        building.broker.start()


def kept() -> Iterator[Figure]:
    """Events through a network that goes and comes. Both run at once: they wait more than they compute."""
    unit = f"of {EVENTS} events in the register, in order and once each"
    with ProcessPoolExecutor(2, initializer=logging.disable) as pool:
        hole, restart = pool.map(_kept, (_black_hole, _broker_restart))
    yield Figure("link.black_hole", hole, unit, "==", EVENTS)
    yield Figure("link.broker_restart", restart, unit, "==", EVENTS)


def _taps(building: Building) -> float:
    """Milliseconds from the card's last byte to the strike, the median."""
    board, times = building.board, []
    for _ in range(TAPS):
        tapped, since = building.card(), board.now_us()
        board.tap(tapped)
        released = board.wait_pin("strike", RELEASED, after_us=since)
        times.append(released / 1000 - tapped.last_byte_ns / 1_000_000)
        board.untap()
        board.wait_pin("strike", SECURE, after_us=released)
    return statistics.median(times)


def _hanging(building: Reached, is_away: Callable[[bool], object]) -> float:
    """The taps' median while ``is_away(True)`` holds for each new connection; the door is back on return."""
    before = building.board.console.text().count(UP)
    is_away(True)
    building.proxy.cut()
    time.sleep(BEGINS_S)
    median = _taps(building)
    is_away(False)

    def look() -> bool | None:
        return building.board.console.text().count(UP) > before or None

    building.wait(look, "the door to be back")
    return median


def _slam(building: Reached, is_away: bool) -> None:
    """A broker that accepts and closes at once."""
    building.proxy.is_slamming = is_away


def _mute(building: Reached, is_away: bool) -> None:
    """A broker that accepts, and never answers the TLS handshake."""
    building.proxy.is_black_hole = is_away


def _unresolved(building: Reached, is_away: bool) -> None:
    """A name that is found only after 10 s."""
    flag = building.folder / "board" / "hang"
    if is_away:
        flag.touch()
        return
    flag.unlink()
    assert HANGS in building.board.console.text()


def hanging() -> Iterator[Figure]:
    """A card while the network hangs."""
    with _reached(AWAY) as building:
        idle = _taps(building)
        accepted = building.proxy.accepted
        taken = {"reconnecting": _hanging(building, partial(_slam, building))}
        storms = building.proxy.accepted - accepted
        taken["handshake"] = _hanging(building, partial(_mute, building))
        taken["lookup"] = _hanging(building, partial(_unresolved, building))
    times = ", ".join(f"{name} {median:.2f}" for name, median in taken.items())
    text = f"times the idle {idle:.2f} ms in the worst of: {times} ms; {storms} connections in the storm"
    yield Figure("link.card_while_hanging", round(max(taken.values()) / idle, 2), text, "<=", HANG_RATIO)


def unlock() -> Iterator[Figure]:
    """From a manager's command in the register to the strike, over mosquitto with mutual TLS."""
    with (
        _image() as built,
        tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder,
        Building(Path(folder), BuildingMosquitto, image.boards(built, HEAP_KIB, AWAY)) as building,
    ):
        board, times = building.board, []
        for number in range(UNLOCKS):
            # At all times of the host's own round.
            time.sleep(number / UNLOCKS / 20)
            asked = board.now_us()
            building.request(messages.VERB_UNLOCK)
            committed = board.now_us()
            released = board.wait_pin("strike", RELEASED, after_us=asked)
            times.append((released - committed) / 1000)
            board.wait_pin("strike", SECURE, after_us=released)
    p99 = sorted(times)[math.ceil(len(times) * 0.99) - 1]
    text = f"ms in the median of {len(times)}, p99 {p99:.1f} ms"
    yield Figure("link.unlock_to_strike", round(statistics.median(times), 1), text, "<=", UNLOCK_MS)


def _many(building: Building) -> None:
    """As many credentials as a snapshot is to bring, as the register sends them."""
    with building.site.write() as session:
        front, resident = doors.find(session, FRONT), residents.find(session, RESIDENT)
        for number in range(USERS):
            tag = hashlib.sha256(number.to_bytes(4, "big")).digest()[: limits.TAG_BYTES]
            terms = (0, 0, int(resident.unit), resident.pseudonym, 0, 0, 0, 0)
            put = [messages.OP_PUT, USERS + number, messages.TYPE_CARD, tag, *terms]
            doors.operate(building.site, session, front, put)


def snapshot() -> Iterator[Figure]:
    """How long a new door takes to have every credential, over mosquitto with mutual TLS."""
    with _image() as built, tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder:
        # As door.step_max: what a door does in the least heap is another figure's.
        building = Building(Path(folder), BuildingMosquitto, image.boards(built, STEP_HEAP_KIB))
        try:
            building.start_host()
            _many(building)
            building.start_door()
            building.wait(partial(_applied, building, 0), "the door's hello")
            began = time.monotonic()
            building.wait(partial(_applied, building, USERS), "the snapshot", SNAPSHOT_S)
            taken = time.monotonic() - began
            assert "altgate: broker:" not in building.board.console.text()
        finally:
            building.stop()
    yield Figure("link.snapshot", round(taken, 1), f"s for {USERS} credentials")
    per_user = round(taken / USERS / USER_S, 3)
    yield Figure("link.snapshot_per_user", per_user, f"of the {USER_S} s that esp-rfid takes for a user")


def _applied(building: Building, at_least: int) -> bool | None:
    with building.site.read() as session:
        applied = doors.find(session, FRONT).applied_version
    return True if applied is not None and applied >= at_least else None


BENCHES = (
    *client.BENCHES,
    (("link.black_hole", "link.broker_restart"), kept),
    (("link.card_while_hanging",), hanging),
    (("link.unlock_to_strike",), unlock),
    (("link.snapshot", "link.snapshot_per_user"), snapshot),
)
