"""Fixtures that every test shares: running a script on the real MicroPython, or on CPython."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def device() -> Device:
    return Device()


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT
