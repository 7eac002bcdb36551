"""``altgate audit flash`` on an image that is made here by hand, as docs/formats.md has it."""

import hashlib
import hmac
import json
import struct
from pathlib import Path
from zlib import crc32

import cbor2
import pytest
from test_host_cli import Altgate, altgate

from altgate.protocol import messages as m
from altgate.reports import flash_image

__all__ = ["altgate"]

BOARD = flash_image.maps()["mb4"]
GENERATION = 3
NIGHT = struct.pack("<BHHBHH", 127, 22 * 60, 24 * 60, 127, 0, 6 * 60)
ZONE = struct.pack("<IhIh", 0, 60, 1_806_195_600, 120)


def headed(fields: bytes) -> bytes:
    return fields + struct.pack("<I", crc32(fields))


def state_log(*entries: dict[int, object]) -> bytes:
    half = headed(struct.pack("<4sII", b"AGL1", 1, 0))
    for sequence, entry in enumerate(entries, 1):
        content = cbor2.dumps(entry, canonical=True)
        head = struct.pack("<HHI", 1 if sequence == 1 else 2, len(content), sequence)
        half += head + struct.pack("<II", crc32(content, crc32(head)), 0) + content
        half += b"\xff" * (-len(half) % 16)
    return half


def slot(*row: object) -> bytes:
    body = struct.pack("<16sIIIIIIBBH", *row)
    return body + struct.pack("<I", crc32(body, GENERATION))


def image(path: Path, *entries: dict[int, object]) -> Path:
    """A flash with this state, a card and a PIN with all that they can be bound to, and one old card."""
    data = bytearray(b"\xff" * BOARD["flash_bytes"])
    places = {label: (offset, size) for label, (_, _, offset, size) in BOARD["partitions"].items()}
    log = state_log(*entries)
    data[places["state"][0] : places["state"][0] + len(log)] = log
    offset, size = places["credentials"]
    buckets = size // 4096 - 4
    tag = bytes(16)
    unit = struct.pack("<I", 1204)
    rows = {
        0: slot(tag, 7, 1111, 2222, 0, 0, 0, m.TYPE_CARD | m.RULE_DUAL << 4, 0, 0),
        crc32(unit) % buckets: slot(tag, 8, 1111, 2222, 5, 6, 1204, m.TYPE_PIN, 2, 255),
    }
    for bucket, row in rows.items():
        at = offset + 4096 * bucket
        data[at : at + 16] = headed(struct.pack("<4sII", b"AGT1", GENERATION, bucket))
        data[at + 16 : at + 64] = row
    path.write_bytes(data)
    return path


BEFORE: dict[int, object] = {1: 4, 2: GENERATION, 3: {}, 4: b"", 5: b"", 6: 0}


def read(altgate: Altgate, path: Path) -> dict:
    return json.loads(altgate("audit", "flash", str(path), "--json"))


def test_what_a_credential_is_bound_to_is_read(altgate: Altgate, tmp_path: Path) -> None:
    told = read(altgate, image(tmp_path / "flash.bin", BEFORE))
    assert told["skipped"] == {} and told["credentials"] == [
        {"id": 7, "type": "card", "resident": 1111, "household": 2222, "unit": 0, "not_before": 0,
         "not_after": 0, "rule": "dual", "schedule": 0, "uses": 0},
        {"id": 8, "type": "PIN", "resident": 1111, "household": 2222, "unit": 1204, "not_before": 5,
         "not_after": 6, "rule": "single", "schedule": 2, "uses": 255},
    ]  # fmt: skip
    assert told["schedules"] == {} and told["time_zone"] == []


def test_schedules_and_the_time_zone_are_those_of_the_last_entry_that_has_them(
    altgate: Altgate, tmp_path: Path
) -> None:
    first = BEFORE | {9: {1: struct.pack("<BHH", 31, 420, 1140)}, 10: struct.pack("<Ih", 0, -210)}
    entries = (first, {1: 5, 9: {2: NIGHT, 1: struct.pack("<BHH", 64, 0, 1440)}}, {1: 6, 10: ZONE}, {1: 7})
    path = image(tmp_path / "flash.bin", *entries)
    told = read(altgate, path)
    assert told["version"] == 7
    assert told["schedules"] == {
        "1": ["sun 00:00-24:00"], "2": ["daily 22:00-24:00", "daily 00:00-06:00"]
    }  # fmt: skip
    assert told["time_zone"] == [
        {"from": 0, "offset": "UTC+01:00"}, {"from": 1_806_195_600, "offset": "UTC+02:00"}
    ]  # fmt: skip
    shown = altgate("audit", "flash", str(path))
    assert "1: sun 00:00-24:00" in shown and "2: daily 22:00-24:00; daily 00:00-06:00" in shown
    assert "UTC+01:00 at first, known to change until 2027-03-28T01:00:00Z" in shown
    assert "1 dual, 1 to a schedule, 1 to a number of uses" in shown


@pytest.mark.parametrize("entry", [BEFORE, BEFORE | {9: {}, 10: b""}], ids=("older", "empty"))
def test_a_door_without_them_is_read_as_before(
    altgate: Altgate, tmp_path: Path, entry: dict[int, object]
) -> None:
    shown = altgate("audit", "flash", str(image(tmp_path / "flash.bin", entry)))
    assert "schedules" in shown and "time zone" in shown and "none" in shown


def journal(first: bytes, *places: tuple[int, int]) -> bytes:
    """Records with these epochs and places, under keys that follow from the first one."""
    part, before = b"", bytes(32)
    for sequence, (epoch, place) in enumerate(places, 1):
        key = first
        for _ in range(epoch - 1):
            key = hashlib.sha256(b"altgate/journal/epoch" + key).digest()
        for _ in range(place):
            key = hashlib.sha256(b"altgate/journal/record" + key).digest()
        head = struct.pack("<IIIBBBBIIQ", sequence, epoch, 0, 0, m.KIND_BOOT, 0, 0, 0, 0, 0)
        head += struct.pack("<IHH", epoch, place, 0xFFFF) + before
        record = head + hmac.digest(key, head, "sha256")
        before = hashlib.sha256(record).digest()
        record += b"\xff" * 16
        part += record + struct.pack("<I", crc32(record)) + b"\xff" * 4
    return part


def test_a_journal_that_began_once_more_in_an_admission_is_sealed(tmp_path: Path) -> None:
    key, other = b"k" * 32, b"o" * 32
    path = image(tmp_path / "flash.bin", BEFORE)
    data, at = bytearray(path.read_bytes()), BOARD["partitions"]["journal"][2]
    part = journal(key, (1, 0), (1, 1), (2, 0), (1, 0), (1, 1), (2, 0))
    data[at : at + len(part)] = part
    path.write_bytes(data)
    report = flash_image.read(path, key)
    assert report.is_sealed and len(report.events) == 6
    assert flash_image.read(path, other).faults
