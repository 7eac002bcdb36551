"""An MQTT broker (amqtt) in a process of its own, which ends when the process that started it does.

``python -m altgate.demo.broker`` takes its settings as one line of JSON on standard input, and serves until
that input ends. It demands a client certificate wherever it is given an authority.
"""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from altgate.errors import LinkFailed

START_S = 15
STOP_S = 10
POLL_S = 0.05
Pki = tuple[Path, Path, Path]


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A broker process on a loopback port. ``tls`` is ``(authority, certificate, key)`` as PEM paths, or
    None for plain TCP; with it, clients without a certificate of that authority are refused."""

    def __init__(self, folder: Path, port: int, tls: Pki | None = None) -> None:
        self.port, self._folder, self._tls = port, folder, tls
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until the port answers; raises LinkFailed that names the log otherwise."""
        log = self._folder / "broker.log"
        with log.open("ab") as output:
            self._process = self._spawn(output)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(POLL_S)
        self.stop(at_once=True)
        raise LinkFailed(f"The broker did not start on port {self.port}: see {log}.")

    def stop(self, at_once: bool = False) -> None:
        """Ask the process to end, or kill it ``at_once``, and wait for that."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        if at_once:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

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

    def _spawn(self, output: BinaryIO) -> "subprocess.Popen[bytes]":
        raise NotImplementedError  # abstract


class Amqtt(Broker):
    """amqtt: pure Python, sessions in memory only."""

    def _spawn(self, output: BinaryIO) -> "subprocess.Popen[bytes]":
        # In a session of its own, so that Ctrl-C on the terminal does not end it before the host.
        process = subprocess.Popen(
            [sys.executable, "-m", "altgate.demo.broker"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        settings = {"port": self.port, "tls": [str(path) for path in self._tls or ()]}
        if process.stdin:
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            process.stdin.flush()
        return process


async def _serve(settings: dict[str, Any]) -> None:
    from amqtt.broker import Broker as AmqttBroker  # type: ignore[import-untyped]

    listener: dict[str, Any] = {"type": "tcp", "bind": f"127.0.0.1:{settings['port']}"}
    if settings["tls"]:
        authority, certificate, key = settings["tls"]
        listener |= {"ssl": True, "cafile": authority, "certfile": certificate, "keyfile": key}

    class Strict(AmqttBroker):  # type: ignore[misc]
        # amqtt itself asks for a client certificate and goes on without one.
        @staticmethod
        def _create_ssl_context(listener: Any) -> ssl.SSLContext:
            context: ssl.SSLContext = AmqttBroker._create_ssl_context(listener)
            context.verify_mode = ssl.CERT_REQUIRED
            return context

    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Strict({"listeners": {"default": listener}, "plugins": plugins})
    await broker.start()
    loop = asyncio.get_running_loop()
    # The other end of standard input closes when whoever started this process ends.
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.stdin.buffer.readline())))
