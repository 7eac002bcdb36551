"""Brokers for tests, each a process on a loopback port: amqtt, and mosquitto where it is installed.

Run as a script this file is the amqtt process: it takes its settings as JSON from standard input.
"""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
START_S = 15


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A broker process. ``tls`` is ``(authority, certificate, key)`` as PEM paths, or None for plain TCP;
    with it, clients without a certificate of that authority are refused."""

    def __init__(self, folder: Path, port: int, tls: tuple[Path, Path, Path] | None = None) -> None:
        self.port, self._folder, self._tls = port, folder, tls
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until the port answers; raises AssertionError with the log otherwise."""
        log = self._folder / "broker.log"
        with log.open("ab") as output:
            self._process = self._spawn(output)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the broker did not start\n{log.read_text()}")

    def stop(self, at_once: bool = False) -> None:
        """Ask the process to end, or kill it ``at_once``, and wait for that."""
        if self._process is None:
            return
        if at_once:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def restart(self, at_once: bool = False, down_s: float = 0.5) -> None:
        """Stop, stay away for a while, and start again on the same port."""
        self.stop(at_once)
        time.sleep(down_s)
        self.start()

    def __enter__(self) -> "Broker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self, output: Any) -> "subprocess.Popen[bytes]":
        raise NotImplementedError


class Amqtt(Broker):
    """amqtt: pure Python, sessions in memory only."""

    def _spawn(self, output: Any) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=output, stderr=output
        )
        assert process.stdin is not None
        settings = {"port": self.port, "tls": [str(path) for path in self._tls or ()]}
        process.stdin.write(json.dumps(settings).encode())
        process.stdin.close()
        return process


class Mosquitto(Broker):
    """mosquitto, which saves its sessions when it is asked to end."""

    def _spawn(self, output: Any) -> "subprocess.Popen[bytes]":
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


async def _serve(settings: dict[str, Any]) -> None:
    from amqtt.broker import Broker as AmqttBroker

    listener: dict[str, Any] = {"type": "tcp", "bind": f"127.0.0.1:{settings['port']}"}
    if settings["tls"]:
        authority, certificate, key = settings["tls"]
        listener |= {"ssl": True, "cafile": authority, "certfile": certificate, "keyfile": key}

    class Strict(AmqttBroker):
        # amqtt itself asks for a client certificate and goes on without one.
        @staticmethod
        def _create_ssl_context(listener: Any) -> ssl.SSLContext:
            context = AmqttBroker._create_ssl_context(listener)
            context.verify_mode = ssl.CERT_REQUIRED
            return context

    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Strict({"listeners": {"default": listener}, "plugins": plugins})
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(json.load(sys.stdin)))
