"""Reads a raw image of a door's flash by what docs/formats.md says; shares no code with the firmware.

Nothing in it is secret but what the door holds anyway: numbers, times and keyed hashes. No key and no
template is read out; they are counted.
"""

import hashlib
import hmac
import struct
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from zlib import crc32

import cbor2

from altgate.errors import Refused
from altgate.protocol import limits, messages, names
from altgate.registry import periods, time_zone

SECTOR = 4096
HEAD = struct.Struct("<IIII")
RECORD = 128
RECORD_HEAD = struct.Struct("<IIIBBBBIIQ")
RECORD_EPOCH = struct.Struct("<IHH")
MACED, CHAINED, CHECKED = 72, 104, 120
GRAIN = 16
LOG_ENTRY = struct.Struct("<HHIII")
SLOT = 48
SLOT_ROW = struct.Struct("<16sIIIIIIBBH")
SCRATCH_SECTORS = 4
COUNTER = struct.Struct("<IIII")
BOOTS, LAYOUT = 0, 2  # keys of counters
SCHEDULES, TIME_ZONE = 9, 10  # keys of the state log
CONSENT = struct.Struct("<I32s32sI16sIIB16sBBBI")
SECRET_HEAD = struct.Struct("<IH")
MAGIC = {name: int.from_bytes(name.encode(), "little") for name in ("AGC1", "AGC2", "AGL1", "AGT1", "AGS1")}
SECRETS = {"face_keys": 128, "templates": 256, "journal_keys": 64}
RULES = {messages.RULE_SINGLE: "single", messages.RULE_DUAL: "dual"}
TYPES = {messages.TYPE_CARD: "card", messages.TYPE_LEGACY_UID: "legacy UID", messages.TYPE_PIN: "PIN"}


@dataclass
class Report:
    """What a flash image says. ``faults``: sentences, the first bad place first; ``skipped``: what does not
    check and counts for nothing, such as a record that a power cut left half-written, by partition."""

    flash_mb: int
    events: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: int = 0
    epochs: int = 0
    is_sealed: bool | None = None  # None where no key was given
    version: int = 0
    generation: int = 0
    settings: dict[int, int] = field(default_factory=dict)
    credentials: list[dict[str, Any]] = field(default_factory=list)
    schedules: dict[int, list[str]] = field(default_factory=dict)
    time_zone: list[dict[str, Any]] = field(default_factory=list)
    counters: dict[int, int] = field(default_factory=dict)
    consents: Counter[int] = field(default_factory=Counter)
    door_pins: int = 0
    secrets: dict[str, dict[str, int]] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def maps() -> dict[str, Any]:
    """The flash maps by name, as hardware/flash.toml has them."""
    text = (resources.files("altgate") / "rig" / "flash.toml").read_text(encoding="utf-8")
    boards: dict[str, Any] = tomllib.loads(text)["boards"]
    return boards


def read(path: Path, journal_key: bytes | None) -> Report:
    """Read an image. ``journal_key``: the journal's first key, to check its seals. Raises Refused."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): give the image of a whole flash.") from None
    found = [board for board in maps().values() if board["flash_bytes"] == len(data)]
    if not found:
        sizes = ", ".join(str(board["flash_bytes"]) for board in maps().values())
        raise Refused(
            f"{path} has {len(data)} bytes, and a door's flash has one of {sizes}: read out the whole of it."
        )
    parts = {
        label: data[offset : offset + size]
        for label, (_, _, offset, size) in found[0]["partitions"].items()
    }
    report = Report(len(data) // 2**20)
    _counters(report, parts["counters"])
    layout = report.counters.get(LAYOUT, 0)
    if report.counters.get(BOOTS) and layout != limits.FLASH_LAYOUT:
        raise Refused(
            f"{path} is of a door whose flash has layout {layout}, and this altgate reads layout "
            f"{limits.FLASH_LAYOUT}: read it with the altgate that the door's firmware came with."
        )
    _journal(report, parts["journal"], journal_key)
    _state(report, parts["state"])
    _credentials(report, parts["credentials"])
    _consents(report, parts["consents"])
    for label, size in SECRETS.items():
        report.secrets[label] = _secrets(parts[label], size)
    return report


# Journal


def _journal(report: Report, part: bytes, first_key: bytes | None) -> None:
    records = {}
    for at in range(0, len(part), RECORD):
        record = part[at : at + RECORD]
        if record == b"\xff" * RECORD:
            continue
        if crc32(record[:CHECKED]) != int.from_bytes(record[CHECKED : CHECKED + 4], "little"):
            report.skipped["journal"] += 1
            continue
        records[int.from_bytes(record[:4], "little")] = record
    keys = _Ratchet(first_key) if first_key else None
    before: bytes | None = None
    epochs = set()
    for sequence in sorted(records):
        record = records[sequence]
        values = RECORD_HEAD.unpack_from(record)
        epoch, place, _ = RECORD_EPOCH.unpack_from(record, RECORD_HEAD.size)
        epochs.add(epoch)
        if before is not None and record[40:MACED] != before:
            report.faults.append(f"Event {sequence} does not follow from the one before it.")
        before = hashlib.sha256(record[:CHAINED]).digest()
        # Epoch 0 is a board before it was provisioned, which has no key.
        if keys and epoch:
            code = hmac.digest(keys.key(epoch, place), record[:MACED], "sha256")
            if not hmac.compare_digest(code, record[MACED:CHAINED]):
                report.faults.append(f"The seal of event {sequence} is not of this door's key.")
        if record[CHECKED + 4 :] == bytes(4):
            report.acknowledged = sequence
        report.events.append(_event(values, epoch))
    report.epochs = len(epochs - {0})
    if keys:
        report.is_sealed = not report.faults


class _Ratchet:
    """The keys of a journal from its first one on. Asked for rising epochs and places, but for a board whose
    supply ended in its admission: that begins with the first epoch once more."""

    def __init__(self, first: bytes) -> None:
        self._begin = first
        self._restart()

    def _restart(self) -> None:
        self._first, self._epoch = self._begin, 1
        self._key, self._place = self._begin, 0

    def key(self, epoch: int, place: int) -> bytes:
        """The key of the record in this place."""
        if (epoch, place) < (self._epoch, self._place):
            self._restart()
        while self._epoch < epoch:
            self._first = hashlib.sha256(b"altgate/journal/epoch" + self._first).digest()
            self._epoch += 1
            self._key, self._place = self._first, 0
        while self._place < place:
            self._key = hashlib.sha256(b"altgate/journal/record" + self._key).digest()
            self._place += 1
        return self._key


def _event(values: tuple[int, ...], epoch: int) -> dict[str, Any]:
    sequence, boot, time, quality, kind, reason, method, credential, resident, detail = values
    return {
        "sequence": sequence, "boot": boot, "epoch": epoch, "time": time, "time_quality": quality,
        "kind": names.KINDS.get(kind, str(kind)), "reason": names.REASONS.get(reason, str(reason)),
        "method": names.METHODS.get(method, str(method)), "credential": credential, "resident": resident,
        "detail": detail,
    }  # fmt: skip


# State and credentials


def _log(report: Report, part: bytes, label: str) -> Iterator[bytes]:
    """The contents of a log's entries, oldest first."""
    halves = (part[: len(part) // 2], part[len(part) // 2 :])
    good = [half for half in halves if HEAD.unpack_from(half)[0] == MAGIC["AGL1"] and _is_headed(half)]
    begun = [half for half in halves if _entry(half, GRAIN) and LOG_ENTRY.unpack_from(half, GRAIN)[2] == 1]
    if not good and not begun:
        return
    # Without a head that checks, what begins with a whole summary is all there is.
    half = max(good, key=lambda one: HEAD.unpack_from(one)[1]) if good else begun[-1]
    at, last = GRAIN, 0
    while at + GRAIN <= len(half):
        sequence, content = LOG_ENTRY.unpack_from(half, at)[2], _entry(half, at)
        if sequence > last and content:
            if sequence != last + 1:
                report.skipped[label] += sequence - last - 1
            last = sequence
            at += (GRAIN + len(content) + GRAIN - 1) // GRAIN * GRAIN
            yield content
        else:
            at += GRAIN


def _entry(half: bytes, at: int) -> bytes:
    """The content of the entry there, which is never empty; empty where none checks."""
    _, length, _, check, _ = LOG_ENTRY.unpack_from(half, at)
    content = half[at + GRAIN : at + GRAIN + length]
    is_good = len(content) == length and crc32(content, crc32(half[at : at + 8])) == check
    return content if is_good else b""


def _is_headed(half: bytes) -> bool:
    return crc32(half[:12]) == int.from_bytes(half[12:16], "little")


def _state(report: Report, part: bytes) -> None:
    for content in _log(report, part, "state"):
        entry = cbor2.loads(content)
        report.version = entry.get(1, report.version)
        report.generation = entry.get(2, report.generation)
        report.settings = entry.get(3, report.settings)
        if SCHEDULES in entry:
            report.schedules = {
                number: [period.text for period in periods.unpack(packed)]
                for number, packed in sorted(entry[SCHEDULES].items())
            }
        if TIME_ZONE in entry:
            report.time_zone = [
                {"from": at, "offset": time_zone.offset_text(minutes)}
                for at, minutes in time_zone.unpack(entry[TIME_ZONE])
            ]
    # A log that was never begun: nothing was applied, and the table is of its first generation.
    report.generation = report.generation or 1


def _credentials(report: Report, part: bytes) -> None:
    buckets = len(part) // SECTOR - SCRATCH_SECTORS
    for bucket in range(buckets):
        sector = part[bucket * SECTOR : (bucket + 1) * SECTOR]
        for at in range(HEAD.size, SECTOR - SLOT + 1, SLOT):
            slot = sector[at : at + SLOT]
            if slot in (b"\xff" * SLOT, bytes(SLOT)):
                continue
            body, check = slot[:-4], int.from_bytes(slot[-4:], "little")
            if crc32(body, report.generation) != check:
                # Of an older generation, or cut short: either way it opens nothing.
                is_old = HEAD.unpack_from(sector)[1] < report.generation
                report.skipped["credentials of before" if is_old else "credentials"] += 1
                continue
            row = SLOT_ROW.unpack(body)
            if bucket not in _buckets(row, buckets):
                report.faults.append(f"Credential {row[1]} is in a bucket in which no lookup finds it.")
            report.credentials.append(_credential(row))
    report.credentials.sort(key=lambda one: int(one["id"]))


def _buckets(row: tuple[Any, ...], count: int) -> tuple[int, int]:
    if row[7] & 15 == messages.TYPE_PIN:
        unit = struct.pack("<I", row[6])
        first, second = crc32(unit), crc32(unit, 1)
    else:
        first, second = struct.unpack_from("<II", row[0])
    first %= count
    return first, (first + 1 + second % (count - 1)) % count


def _credential(row: tuple[Any, ...]) -> dict[str, Any]:
    kind, rule = row[7] & 15, row[7] >> 4
    return {
        "id": row[1], "type": TYPES.get(kind, str(kind)), "resident": row[2], "household": row[3],
        "unit": row[6], "not_before": row[4], "not_after": row[5], "rule": RULES.get(rule, str(rule)),
        "schedule": row[8], "uses": row[9],
    }  # fmt: skip


# Counters, consents, secrets


def _counters(report: Report, part: bytes) -> None:
    def good(entry: bytes) -> bool:
        return crc32(entry[:12]) == int.from_bytes(entry[12:], "little")

    halves = (part[: len(part) // 2], part[len(part) // 2 :])
    headed = [half for half in halves if good(half[:16]) and COUNTER.unpack_from(half)[0] == MAGIC["AGC1"]]
    if not headed:
        return
    half = max(headed, key=lambda one: COUNTER.unpack_from(one)[1])
    for at in range(16, len(half), 16):
        entry = half[at : at + 16]
        if entry == b"\xff" * 16:
            continue
        if good(entry):
            key, value = COUNTER.unpack(entry)[:2]
            report.counters[key] = value
        else:
            report.skipped["counters"] += 1


def _consents(report: Report, part: bytes) -> None:
    newest, content = 0, b""
    for half in (part[: len(part) // 2], part[len(part) // 2 :]):
        magic, number, length, check = HEAD.unpack_from(half)
        if magic == 0xFFFFFFFF:
            continue
        said = half[HEAD.size : HEAD.size + length]
        if magic == MAGIC["AGC2"] and len(said) == length and crc32(said, crc32(half[:12])) == check:
            if number > newest:
                newest, content = number, said
        else:
            report.skipped["consents"] += 1
    if not content:
        return
    end = 2 + content[1] * CONSENT.size
    for at in range(2, end, CONSENT.size):
        report.consents[CONSENT.unpack_from(content, at)[9]] += 1
    report.door_pins = (len(content) - end) // 20


def _secrets(part: bytes, size: int) -> dict[str, int]:
    """How many slots hold something, were zeroed, or are free, and bytes that are in none of these."""
    counts = {"live": 0, "zeroed": 0, "free": 0, "bytes of neither": 0}
    for at in range(0, len(part), size):
        slot = part[at : at + size]
        if slot == b"\xff" * size:
            counts["free"] += 1
        elif slot == bytes(size):
            counts["zeroed"] += 1
        elif crc32(slot[:-4]) == int.from_bytes(slot[-4:], "little"):
            counts["live"] += 1
        else:
            counts["bytes of neither"] += sum(byte not in (0x00, 0xFF) for byte in slot)
    return counts
