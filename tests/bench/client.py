"""Figures of the door's MQTT client beside chumicro-mqtt: messages a second, and the least heap."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from bench.figures import Figure
from conftest import ROOT, micropython
from support import image
from support.broker import Mosquitto, free_port
from support.pki import Authority

SCRIPTS = Path(__file__).parent / "scripts"
OWN, PEER, FLOOR = "link_own.py", "link_peer.py", "link_floor.py"
PEER_PACKAGES = ("chumicro_mqtt", "chumicro_sockets", "chumicro_timing", "chumicro_config")
MESSAGES, RUNS = 5000, 9
# Room for what the peer needs to be compiled from its source; both have the same.
HEAP = "256k"
PLAIN_RATIO, TLS_RATIO = 1.0, 0.7
HEAP_KIB, HEAP_RATIO = 48, 0.4
HEAP_SIZES_KIB = range(24, 97, 4)
HEAP_MESSAGES = 60
RUN_S = 10


@dataclass(frozen=True)
class Job:
    """A broker to publish to: what the scripts are told of it."""

    folder: Path
    settings: dict[str, str | int] = field(default_factory=dict)

    def run(self, command: list[str], path: str, heap: str, **more: str | int) -> dict[str, int] | None:
        """What a script printed, None where it failed or did not end."""
        try:
            done = subprocess.run(
                [micropython(), "-X", f"heapsize={heap}", *command],
                env={**os.environ, "MICROPYPATH": path},
                input=json.dumps({**self.settings, **more}) + "\n",
                capture_output=True, text=True, timeout=RUN_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None
        result = json.loads(done.stdout) if done.returncode == 0 else None
        assert result is None or isinstance(result, dict)
        return result


@contextmanager
def _job(is_tls: bool) -> Iterator[Job]:
    with tempfile.TemporaryDirectory(prefix="altgate-bench-") as name:
        folder, authority = Path(name), Authority()
        server = (authority.pair.write(folder, "ca")[0], *authority.server().write(folder, "server"))
        client = authority.client("door")
        ders = (authority.pair.certificate_der, client.certificate_der, client.key_der)
        names = ("ca", "certificate", "private_key")
        told = {name: der.hex() for name, der in zip(names, ders, strict=True)} if is_tls else {}
        with Mosquitto(folder, free_port(), server if is_tls else None) as broker:
            yield Job(folder, {"port": broker.port, **told})


def _peer() -> Path:
    """Where chumicro-mqtt is installed, and its other packages beside it."""
    found = find_spec(PEER_PACKAGES[0])
    assert found and found.origin
    return Path(found.origin).parent.parent


def _rate(job: Job) -> tuple[float, float, float]:
    """Medians of messages a second: own, own with the simulated flash's time, and the peer's."""
    own_path = f"{SCRIPTS}:{ROOT / 'firmware' / 'sim'}:{ROOT / 'firmware'}:.frozen"
    flash = str(job.folder / "flash.bin")
    own, simulated, peer = [], [], []
    for _ in range(RUNS):
        mine = job.run([str(SCRIPTS / OWN)], own_path, HEAP, count=MESSAGES, flash=flash)
        other = job.run([str(SCRIPTS / PEER)], f"{_peer()}:.frozen", HEAP, count=MESSAGES)
        assert mine and other
        own.append(MESSAGES * 1e6 / (mine["us"] - mine["us_simulated"]))
        simulated.append(MESSAGES * 1e6 / mine["us"])
        peer.append(MESSAGES * 1e6 / other["us"])
    return statistics.median(own), statistics.median(simulated), statistics.median(peer)


def rates() -> Iterator[Figure]:
    """Messages from the journal, against messages that the peer, which has no durable storage, has in RAM."""
    for name, is_tls, bar in (("plain", False, PLAIN_RATIO), ("tls", True, TLS_RATIO)):
        with _job(is_tls) as job:
            own, simulated, peer = _rate(job)
        text = (
            f"of chumicro-mqtt's rate, which stores nothing: {own:.0f} a second from the journal without the "
            f"simulated flash's part ({simulated:.0f} with it), {peer:.0f} from RAM"
        )
        yield Figure(f"link.qos1_{name}", round(own / peer, 2), text, ">=", bar)


def _packed(folder: Path, script: str) -> Path:
    """An image of a script and of what it imports, compiled."""
    tree = folder / Path(script).stem / "tree"
    if script == OWN:
        image.firmware(tree)
    elif script == PEER:
        for name in PEER_PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(_peer() / name, tree / name, ignore=ignored)
    tree.mkdir(parents=True, exist_ok=True)
    shutil.copy(SCRIPTS / script, tree / "job.py")
    return image.pack(tree)


def _in_image(job: Job, packed: Path, heap_kib: int) -> int | None:
    """Bytes of heap in use beside the image after some messages, None where so much heap is too little."""
    size = packed.stat().st_size
    command = [str(SCRIPTS / "link_image.py"), str(packed)]
    done = job.run(command, ".frozen", str(size + heap_kib * 1024), count=HEAP_MESSAGES)
    return done and done["in_use"] - size


def _least(job: Job, packed: Path) -> int:
    """KiB of the least heap beside the image in which the job ends, and with every larger one too."""
    least = HEAP_SIZES_KIB.stop
    for size in reversed(HEAP_SIZES_KIB):
        if _in_image(job, packed, size) is None:
            break
        least = size
    return least


def heap() -> Iterator[Figure]:
    """Heap for connecting over mutual TLS and publishing, from RAM and compiled as a door is."""
    with _job(is_tls=True) as job:
        own, peer = _packed(job.folder, OWN), _packed(job.folder, PEER)
        yield Figure("link.tls_heap", _least(job, own), "KiB beside the image", "<=", HEAP_KIB)
        packed = (own, peer, _packed(job.folder, FLOOR))
        used = [_in_image(job, one, HEAP_SIZES_KIB.stop) for one in packed]
    assert used[0] and used[1] and used[2]
    text = (
        f"of chumicro-mqtt's heap in use, mutual TLS, both compiled: {used[0] / 1024:.1f} KiB, "
        f"of {used[1] / 1024:.1f}; asyncio and TLS without any client are {used[2] / 1024:.1f}"
    )
    yield Figure("link.heap_ratio", round(used[0] / used[1], 2), text, "<=", HEAP_RATIO)


BENCHES = (
    (("link.qos1_plain", "link.qos1_tls"), rates),
    (("link.tls_heap", "link.heap_ratio"), heap),
)
