"""``altgate audit flash``: a reader that shares no code with the firmware reads what the firmware wrote."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from sqlalchemy import select

from altgate.demo.building import FRONT, Building
from altgate.protocol import messages
from altgate.registry import credentials, doors, residents
from altgate.registry.models import Credential
from altgate.reports import flash_image
from support.flash import with_layout

RECORD = 128


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    """A door that opened for a card, refused a PIN, and lost its supply once."""
    made = Building(tmp_path_factory.mktemp("building"))
    with made:
        board = made.board
        with made.site.write() as session:
            front = doors.find(session, FRONT)
            other = residents.add(made.site, session, "Cy", "77")
            for number in range(20):
                uid = bytes((4, 0xC0, 0, 0, 0, 0, number))
                added = credentials.add(made.site, session, messages.TYPE_CARD, uid, other, [front], (0, 0))
                if number < 3:
                    credentials.revoke(made.site, session, added)
        made.wait_applied()
        number = made.last_number()
        board.tap(made.card())
        made.wait_event(messages.KIND_ENTRY, number)
        board.untap()
        boots = len(made.events(messages.KIND_BOOT))
        board.power_off()
        board.power_on()
        made.wait(lambda: len(made.events(messages.KIND_BOOT)) > boots or None, "a second start")
    yield made


def flash(made: Building) -> Path:
    return made.site.data.parent / "board" / "flash.bin"


def run(made: Building, image: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "altgate", "--data", str(made.site.data), "audit", "flash", str(image)]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False)


def part(label: str) -> int:
    (offset,) = (row[2] for name, row in flash_image.maps()["mb16"]["partitions"].items() if name == label)
    return int(offset)


def test_what_the_door_wrote_is_what_the_host_knows(building: Building) -> None:
    done = run(building, flash(building), "--door", FRONT, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["is_sealed"] and told["faults"] == [] and told["skipped"] == {} and told["epochs"] >= 2
    with building.site.read() as session:
        front = doors.find(session, FRONT)
        assert told["version"] == front.state_version
        live = set(session.scalars(select(Credential.id).where(Credential.revoked_at.is_(None))))
    assert {one["id"] for one in told["credentials"]} == live
    here = [event for event in told["events"] if event["epoch"]]
    known = {event.sequence: event for event in building.events()}
    assert {event["sequence"] for event in here} <= set(known) and len(here) >= 3
    for event in here:
        row = known[event["sequence"]]
        assert (event["boot"], event["credential"], event["detail"]) == (row.boot, row.credential, row.detail)
    assert told["counters"]["0"] >= 2 and told["secrets"]["journal_keys"]["live"] == 1


def test_for_people_and_without_the_key(building: Building) -> None:
    done = run(building, flash(building))
    assert done.returncode == 0 and "seals not checked" in done.stdout and "16 MB" in done.stdout


@pytest.mark.parametrize(
    ("what", "says"),
    [("altered", "does not follow"), ("sealed by another", "seal of event"), ("moved", "no lookup finds it")],
)
def test_the_first_bad_place_is_named(building: Building, tmp_path: Path, what: str, says: str) -> None:
    data = bytearray(flash(building).read_bytes())
    if what == "moved":
        table = part("credentials")
        at = next(
            at
            for at in range(table, len(data), 4096)
            if data[at : at + 4] == b"AGT1" and data[at + 16 : at + 64] != bytes(48)
        )
        data[at + 4096 : at + 8192] = data[at : at + 4096]
    else:
        # An event in the middle, with a CRC that is right again: only chain and seal can tell.
        at = part("journal") + RECORD * 2
        data[at + 8 if what == "altered" else at + 80] ^= 1
        struct.pack_into("<I", data, at + 120, crc32(data[at : at + 120]))
    image = tmp_path / "image.bin"
    image.write_bytes(data)
    done = run(building, image, "--door", FRONT)
    assert done.returncode == 1
    assert says in (done.stderr if what != "altered" else done.stderr + " ".join(faults(building, image)))


def faults(made: Building, image: Path) -> list[str]:
    with made.site.read() as session:
        key = doors.journal_key(made.site, doors.find(session, FRONT))
    return flash_image.read(image, key).faults


def test_an_image_of_another_layout_is_refused(building: Building, tmp_path: Path) -> None:
    data = bytearray(flash(building).read_bytes())
    with_layout(data, part("counters"), 1)
    image = tmp_path / "image.bin"
    image.write_bytes(data)
    done = run(building, image)
    assert done.returncode == 2 and "has layout 1" in done.stderr and "Traceback" not in done.stderr


def test_what_is_no_image_is_refused_in_a_sentence(building: Building, tmp_path: Path) -> None:
    short = tmp_path / "short.bin"
    short.write_bytes(bytes(5000))
    for image, says in ((short, "5000 bytes"), (tmp_path / "none.bin", "cannot be read")):
        done = run(building, image)
        assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
    done = run(building, flash(building), "--door", "Attic")
    assert done.returncode == 2 and "Attic" in done.stderr
