"""Fixtures that every test shares: running a script on the real MicroPython, or on CPython."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from altgate.rig import supply

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent


class Device:
    """Runs scripts as a door would run them: MicroPython's Unix port, capped heap, firmware on its path."""

    def run(
        self,
        script: str | Path,
        heap: str = "128k",
        interpreter: str = "micropython",
        args: Sequence[str] = (),
        stdin: str | None = None,
        env: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a file, or source text holding a newline; raise AssertionError unless it exits with 0."""
        is_source = "\n" in str(script)
        program = ["-c", str(script)] if is_source else [str(script)]
        firmware, sim = ROOT / "firmware", ROOT / "firmware" / "sim"
        environment = {**os.environ, **(env or {})}
        if interpreter == "cpython":
            command = [sys.executable, "-W", "error", *program, *args]
            environment["PYTHONPATH"] = f"{firmware}:{ROOT / 'tests' / 'shims'}"
        else:
            command = [micropython(), "-X", f"heapsize={heap}", *program, *args]
            environment["MICROPYPATH"] = f"{sim}:{firmware}:.frozen"
        done = subprocess.run(
            command, env=environment, input=stdin, pass_fds=pass_fds, timeout=timeout,
            capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


def micropython() -> str:
    """Path of the interpreter: ``ALTGATE_MICROPYTHON``, or the one installed beside this Python."""
    return os.environ.get("ALTGATE_MICROPYTHON") or str(Path(sys.executable).parent / "micropython")


class SupplyWatch:
    """Holds the whole run to one promise: no board's face module has supply outside a claim."""

    def __init__(self) -> None:
        self._log = Path(tempfile.mkstemp(prefix="altgate-supply-")[1])
        self._before = os.environ.get(supply.LOG)
        os.environ[supply.LOG] = str(self._log)

    def rows(self) -> list[dict[str, int]]:
        """What each board whose supply rose has written."""
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A run in which the supply rose outside a claim has failed, whatever its tests said."""
        if any(row["outside_us"] for row in self.rows()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The figure, as in ``make bench``."""
        rows = self.rows()
        outside_ms = sum(row["outside_us"] for row in rows) / 1000
        rises = f"{sum(row['rises'] for row in rows)} rises, {len(rows)} boards"
        verdict = "SHORT" if outside_ms else "ok"
        terminalreporter.write_line(
            f"face.supply_high_outside {outside_ms:g} ms (bar == 0) {verdict}, {rises}"
        )

    def pytest_unconfigure(self) -> None:
        """Tidy up."""
        self._log.unlink(missing_ok=True)
        if self._before is None:
            os.environ.pop(supply.LOG, None)


def pytest_configure(config: pytest.Config) -> None:
    """Watch over every board that the tests start; of several processes only the first one judges."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SupplyWatch(), "supply-watch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tours first, then what waits for boards: where several tests run at once, what takes longest must not
    begin last."""
    items.sort(key=lambda item: ("test_tour" not in item.nodeid, "/system/" not in item.nodeid))


@pytest.fixture(scope="session")
def device() -> Device:
    return Device()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One browser for all tests of a module."""
    from support.browser import chromium

    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT
