"""Brokers for tests: the demo's amqtt, and mosquitto where it is installed."""

import shutil
import signal
import subprocess
import time
from typing import BinaryIO

from altgate.demo.broker import POLL_S, Amqtt, Broker, free_port
from altgate.link import mosquitto
from altgate.protocol import topics

__all__ = ["MOSQUITTO", "Amqtt", "Broker", "BuildingMosquitto", "Mosquitto", "free_port"]
RELOADING, RELOAD_S = "Reloading config", 10
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


class Mosquitto(Broker):
    """mosquitto, which saves its sessions when it is asked to end."""

    def _spawn(self, output: BinaryIO) -> "subprocess.Popen[bytes]":
        lines = [
            f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence true",
            f"persistence_location {self._folder}/", "max_queued_messages 100000", "user root",
        ]  # fmt: skip
        if self._tls:
            authority, certificate, key = self._tls
            lines += [f"cafile {authority}", f"certfile {certificate}", f"keyfile {key}"]
            lines += ["require_certificate true"]
        settings = self._folder / "mosquitto.conf"
        settings.write_text("\n".join(lines) + "\n")
        return subprocess.Popen([MOSQUITTO, "-c", str(settings)], stdout=output, stderr=output)


class BuildingMosquitto(Broker):
    """mosquitto as ``altgate broker init`` sets it up for the building whose certificates it is given.

    ``lookers_on``: names in certificates that may read everything, which no building has.
    """

    lookers_on: tuple[str, ...] = ()

    def reload(self) -> None:
        """Have it read its certificates and the list again, and wait until it says that it does."""
        assert self._process
        log = self._folder / "broker.log"
        before = log.read_text(encoding="utf-8").count(RELOADING)
        self._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + RELOAD_S
        while log.read_text(encoding="utf-8").count(RELOADING) == before:
            if time.monotonic() > deadline:
                raise TimeoutError("mosquitto does not read its settings again")
            time.sleep(POLL_S)

    def _spawn(self, output: BinaryIO) -> "subprocess.Popen[bytes]":
        assert self._tls
        data = self._tls[0].parent.parent
        listener = mosquitto.Listener("127.0.0.1", self.port, "root")
        settings, access = mosquitto.write(data, self._folder / "mosquitto", listener, True)
        with access.open("a", encoding="utf-8") as file:
            file.writelines(f"\nuser {name}\ntopic read {topics.ROOT}/#\n" for name in self.lookers_on)
        return subprocess.Popen([MOSQUITTO, "-c", str(settings)], stdout=output, stderr=output)
