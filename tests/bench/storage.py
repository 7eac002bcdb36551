"""Figures of the door's flash: credentials, journal, wear, templates."""

import json
import statistics
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import Figure
from conftest import ROOT, Device

FLASH = tomllib.loads((ROOT / "hardware" / "flash.toml").read_text(encoding="utf-8"))["boards"]
SECTOR = 4096
SCRIPTS = Path(__file__).parent / "scripts"
# The size at which the price of a lookup and of a change is measured, and how often one is changed there:
# often enough that every bucket was compacted.
MEASURED, CHANGES = "mb8", 150_000
BROUGHT, BY_FILES = 10_000, 200
SEAL_OPEN_US = 400
YEARS, ENTRIES_A_DAY, CYCLES = 20, 500, 100_000


def _run(script: str, *args: object) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as folder:
        given = [str(Path(folder) / "flash.bin"), *map(str, args)]
        done = Device().run(SCRIPTS / script, heap="64m", args=given, timeout=400)
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def _sectors(board: str, label: str) -> int:
    return int(FLASH[board]["partitions"][label][3]) // SECTOR


def _spread(counts: list[list[int]], column: int) -> list[int]:
    """Values in a column of rows that end with how often they were seen."""
    return [row[column] for row in counts for _ in range(row[-1])]


def table() -> Iterator[Figure]:
    """How many credentials each board holds, and what finding, adding and revoking one costs."""
    for board, flash in FLASH.items():
        changes = CHANGES if board == MEASURED else 0
        got = _run("table.py", _sectors(board, "credentials"), flash["credentials"], changes)
        assert not got["bad"] and not got["raised"]
        held = sum(row[1] for row in got["reads"]) - 2000
        yield Figure(f"storage.credentials_{board}", held, "filled and looked up", ">=", flash["credentials"])
        if not changes:
            continue
        reads = sorted(_spread(got["reads"], 0))
        yield Figure("storage.lookup_reads_p99", reads[len(reads) * 99 // 100], "reads of 4 KiB", "<=", 2)
        yield Figure("storage.lookup_reads_worst", reads[-1], "reads of 4 KiB", "<=", 2)
        log = _run("bring.py", _sectors(MEASURED, "credentials"), 8, 1)
        erases = 0
        for name in ("added", "revoked"):
            programs = statistics.median(_spread(got[name], 0)) + log["log_programs"]
            yield Figure(f"storage.programs_{name}", programs, "programs in the median", "<=", 3)
            median = statistics.median(_spread(got[name], 1))
            yield Figure(f"storage.erases_{name}", median, "erases in the median", "==", 0)
            erases += sum(_spread(got[name], 1))
        amortised = round(erases / 2 / changes + log["log_erases"], 4)
        yield Figure("storage.erases_amortised", amortised, "a change, the log's included", "<=", 0.05)
        heap_kib = round(max(got["heap"], got["heap_full"]) / 1024, 1)
        yield Figure("storage.heap_table", heap_kib, "KiB, empty and full alike", "<=", 12)


def brought() -> Iterator[Figure]:
    """How fast credentials come into an empty table, as state messages bring them, and as files would."""
    got = _run("bring.py", _sectors(MEASURED, "credentials"), BROUGHT, BY_FILES)
    rate = round(1_000_000 / got["us_each"])
    yield Figure("storage.brought", rate, "credentials a second, without the simulator's part", ">=", BROUGHT)
    ratio = round(got["us_file_all"] / got["us_all"], 1)
    beside = "times the rate of one JSON file a card on littlefs, the simulator's part included"
    yield Figure("storage.brought_against_files", ratio, beside)


def journal() -> Iterator[Figure]:
    """What an event costs, and how long the most worn sector of any region lives."""
    sectors = [_sectors("mb4", label) for label in ("journal", "journal_keys", "counters", "passes")]
    got = _run("wear.py", *sectors, ENTRIES_A_DAY)
    yield Figure("storage.journal_erases", round(got["erases_each"], 4), "an event", "<=", 1 / 32)
    bytes_each = round(got["bytes_each"], 1)
    yield Figure("storage.journal_bytes", bytes_each, "programmed an event, keys and mark too", "<=", 192)
    yield Figure("storage.heap_journal", round(got["heap"] / 1024, 1), "KiB", "<=", 12)
    years = min(CYCLES / worn / 365 for worn in got["erases_a_day"].values() if worn)
    where = ", ".join(f"{name} {worn:.2f} erases a day" for name, worn in got["erases_a_day"].items())
    yield Figure("storage.years", int(years), f"years of the most worn sector: {where}", ">=", YEARS)


def sealing() -> Iterator[Figure]:
    """Sealing a template and opening it again."""
    got = _run("seal.py")
    p99 = f"us in the median, p99 {got['p99_us']} us"
    yield Figure("storage.template_seal_open", got["us"], p99, "<=", SEAL_OPEN_US)


BENCHES = (
    (
        (
            *(f"storage.credentials_{board}" for board in FLASH),
            "storage.lookup_reads_p99", "storage.lookup_reads_worst", "storage.programs_added",
            "storage.erases_added", "storage.programs_revoked", "storage.erases_revoked",
            "storage.erases_amortised", "storage.heap_table",
        ),
        table,
    ),
    (("storage.brought", "storage.brought_against_files"), brought),
    (("storage.journal_erases", "storage.journal_bytes", "storage.heap_journal", "storage.years"), journal),
    (("storage.template_seal_open",), sealing),
)  # fmt: skip
