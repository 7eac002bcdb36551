"""A slice of a campaign: one process that makes cases from a seed until its time is up, and its outcome."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conftest import ROOT, micropython

SCRIPTS = Path(__file__).parent / "scripts"
SEEDS = 1 << 30
STARTING_S = 60  # beyond its own time, for starting, shrinking and a busy machine
PER_CAMPAIGN = 10**7
_running: set[subprocess.Popen[bytes]] = set()
_stopping: list[bool] = []


@dataclass(frozen=True)
class Plant:
    """A fault for a control: a piece of a module's source, and what stands there instead."""

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Outcome:
    """What a slice did."""

    seed: int
    cases: int = 0
    frames: int = 0
    repaired: int = 0
    genuine: int = 0
    reboots: int = 0
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    kind: str = ""
    case: str = ""
    trace: str = ""

    @property
    def is_failed(self) -> bool:
        """Whether the oracle objected."""
        return bool(self.kind)


@dataclass(frozen=True)
class Campaign:
    """One parser or conversation. ``heap`` caps MicroPython's; empty means host code, on CPython.

    plants: by what is left out; a few together where one care is enough.
    mended: inputs that once showed a fault of the product, by what it was.
    """

    name: str
    unit: str
    heap: str
    plants: Mapping[str, Plant | tuple[Plant, ...]]
    mended: dict[str, str] = field(default_factory=dict)
    bar: int = PER_CAMPAIGN

    def slice(
        self, seed: int, seconds: float, plant: str = "", replay: str = "", cases: int = 0
    ) -> Outcome:
        """Run one slice, or one case; a program that hangs or dies is an outcome like any other.

        cases: at the most so many, 0 for as many as the time allows.
        """
        settings = {
            "seed": seed % SEEDS, "seconds": seconds, "replay": replay, "trace": False, "shrink": not plant,
            "cases": cases, **self._settings(plant),
        }  # fmt: skip
        ended, output = self._run(settings, seconds + STARTING_S)
        if "\nREPORT " in output:
            return _outcome(seed, output)
        if _stopping:
            return Outcome(seed)
        case = replay or self._last_case(settings, 2 * seconds + STARTING_S)
        return Outcome(seed, kind=ended, case=case, trace=output[-2000:])

    def _settings(self, plant: str) -> dict[str, object]:
        chosen = self.plants[plant] if plant else ()
        together = chosen if isinstance(chosen, tuple) else (chosen,)
        return {"plants": [tuple(vars(one).values()) for one in together]}

    def _last_case(self, settings: dict[str, object], timeout_s: float) -> str:
        """What hung or killed the program: the last case it prints, the one frame of it where that does."""
        _, traced = self._run({**settings, "trace": True}, timeout_s)
        case = (traced.splitlines() or [""])[-1]
        for frame in case.split(","):
            if "\nREPORT " not in self._run({**settings, "replay": frame}, timeout_s)[1]:
                return frame
        return case

    def explain(self, outcome: Outcome) -> str:
        """What a person needs to look into a failure."""
        again = f"PYTHONPATH=tests .venv/bin/python -m faults.run --replay {self.name}:{outcome.case}"
        return (
            f"{self.name} FAILED with seed {outcome.seed}: {outcome.kind}\n"
            f"input {outcome.case or 'none, but for the seed'}\nagain: {again}\n{outcome.trace}"
        )

    def _run(self, settings: dict[str, object], timeout_s: float) -> tuple[str, str]:
        """``(how it ended, what it printed)``."""
        command, environment = self._command()
        with tempfile.TemporaryDirectory(prefix="altgate-faults-") as folder, subprocess.Popen(
            command, env=environment, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            _running.add(process)
            try:
                said = json.dumps({**settings, "folder": folder}).encode() + b"\n"
                output, _ = process.communicate(said, timeout_s)
                ended = f"ends with {process.returncode}"
            except subprocess.TimeoutExpired:
                _kill(process)
                output, _ = process.communicate()
                ended = "hangs"
            finally:
                _kill(process)
                _running.discard(process)
        return ended, output.decode(errors="replace")

    def _command(self) -> tuple[list[str], dict[str, str]]:
        script = str(SCRIPTS / f"fuzz_{self.name}.py")
        if not self.heap:
            return [sys.executable, "-W", "error", script], dict(os.environ)
        firmware = ROOT / "firmware"
        path = f"{firmware / 'sim'}:{firmware}:.frozen"
        return [micropython(), "-X", f"heapsize={self.heap}", script], {**os.environ, "MICROPYPATH": path}


def stop() -> None:
    """End all slices that run, in whatever thread; what they did does not count."""
    _stopping.append(True)
    for process in list(_running):
        _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """With what it has started itself: it leads a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _outcome(seed: int, output: str) -> Outcome:
    report = json.loads(output.rsplit("\nREPORT ", 1)[1].splitlines()[0])
    fault = report.pop("fault") or {"kind": "", "input": "", "trace": ""}
    return Outcome(seed, kind=fault["kind"], case=fault["input"], trace=fault["trace"], **report)
