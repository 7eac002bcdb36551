"""The provisioning exchange: lines of ``AG `` + base64 of a CBOR array, each at most 240 bytes."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor2

from altgate.errors import ProvisionFailed
from altgate.keys.derive import door_subkey
from altgate.protocol import limits, reasons
from altgate.provision.port import Port
from altgate.texts import reason_text

PREFIX = b"AG "
ERROR, HELLO, BEGIN, CHUNK, COMMIT = range(5)
CHUNK_BYTES = 120
ANSWER_S = 3.0
TRIES = 3


@dataclass(frozen=True)
class Board:
    """What an unprovisioned door says of itself."""

    hardware_id: str
    firmware: str
    build: str
    nonce: bytes


LOST_COUNT = "The board lost count of the transfer: reset it and repeat."


class Session:
    """One exchange with the board on a port. Raises ProvisionFailed with what to do next."""

    def __init__(self, port: Port, answer_s: float = ANSWER_S) -> None:
        self._port, self._answer_s = port, answer_s

    def hello(self) -> Board:
        """Ask the board who it is; a provisioned door stays silent."""
        answer = self._ask([HELLO], HELLO)
        shape = [type(part) for part in answer[1:]]
        if shape != [str, str, str, bool, bytes] or len(answer[5]) != limits.NONCE_BYTES:
            raise ProvisionFailed(
                "The board answered in another form: flash this version's firmware and repeat."
            )
        if answer[4]:
            raise ProvisionFailed("The board is provisioned already: reset it to factory state and repeat.")
        return Board(answer[1], answer[2], answer[3], answer[5])

    def send(self, payload: bytes, progress: Callable[[int], None]) -> None:
        """Transfer the payload; ``progress`` gets the number of bytes that the door has."""
        offset = self._next([BEGIN, len(payload), hashlib.sha256(payload).digest()], 0)
        while offset < len(payload):
            taken = self._next([CHUNK, offset, payload[offset : offset + CHUNK_BYTES]], len(payload))
            if taken <= offset:
                raise ProvisionFailed(LOST_COUNT)
            offset = taken
            progress(offset)

    def commit(self, door_key: bytes, nonce: bytes) -> None:
        """Have the door take the payload, and prove that it now has its key."""
        answer = self._ask([COMMIT], COMMIT)
        proof = hmac.digest(door_subkey(door_key, "console"), nonce, hashlib.sha256)
        if len(answer) != 2 or not isinstance(answer[1], bytes) or not hmac.compare_digest(answer[1], proof):
            raise ProvisionFailed("The board did not prove that it has its key: reset it and repeat.")

    def _next(self, frame: list[Any], most: int) -> int:
        answer = self._ask(frame, CHUNK)
        if len(answer) != 2 or type(answer[1]) is not int or not 0 <= answer[1] <= most:
            raise ProvisionFailed(LOST_COUNT)
        return answer[1]

    def _ask(self, frame: list[Any], kind: int) -> list[Any]:
        line = PREFIX + base64.b64encode(cbor2.dumps(frame, canonical=True)) + b"\n"
        if len(line) > limits.CONSOLE_LINE_BYTES:
            raise ValueError("the frame is longer than a console line")
        for _ in range(TRIES):
            self._port.write(line)
            answer = self._answer(kind)
            if answer is not None:
                return answer
        raise ProvisionFailed(
            "The board does not answer: it runs no altgate, or is provisioned already; "
            "check the port, or reset the board to factory state."
        )

    def _answer(self, kind: int) -> list[Any] | None:
        """The next frame of this kind; other text on the console is passed over."""
        deadline = time.monotonic() + self._answer_s
        while (left := deadline - time.monotonic()) > 0:
            frame = parse(self._port.read_line(left))
            if frame is None:
                continue
            if frame[0] == ERROR:
                code = frame[1] if len(frame) > 1 and type(frame[1]) is int else reasons.NONE
                raise ProvisionFailed(f"The board refused: {reason_text(code)}")
            if frame[0] == kind:
                return frame
        return None


def parse(line: bytes) -> list[Any] | None:
    """The frame in a console line, None where it holds none."""
    if not line.startswith(PREFIX) or len(line) > limits.CONSOLE_LINE_BYTES:
        return None
    try:
        frame = cbor2.loads(base64.b64decode(line[len(PREFIX) :].strip(), validate=True))
    except (binascii.Error, cbor2.CBORError, ValueError, TypeError, RecursionError):
        return None
    return frame if isinstance(frame, list) and frame and type(frame[0]) is int else None
