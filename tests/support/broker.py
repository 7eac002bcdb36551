"""Brokers for tests: the demo's amqtt, and mosquitto where it is installed."""

import shutil
import subprocess
from typing import BinaryIO

from altgate.demo.broker import Amqtt, Broker, free_port

__all__ = ["MOSQUITTO", "Amqtt", "Broker", "Mosquitto", "free_port"]
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
