"""The laptop's end of a serial line: ``AG `` + base64 of a CBOR array, at most 240 bytes a line.

A bare board and the laptop agree on keys; a board that waits, or a door, is spoken with under a key that both
have. From then on everything is sealed with AES-256-SIV and numbered, so that a line that was lost may be
sent again and is not carried out twice.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from altgate.errors import BadMessage, ProvisionFailed
from altgate.plain_cbor import decode
from altgate.protocol import limits, reasons
from altgate.protocol import provisioning as p
from altgate.provision.port import Port
from altgate.texts import reason_text

ANSWER_S = 1.5
WORK_S = 90.0  # for keys to be made on an ESP32, which is a matter of seconds, and flash to be written
TRIES = 3
SILENT = (
    "The board does not answer: it runs no altgate, or belongs to a door already; check the port, or reset "
    "the board to factory state."
)
LOST_COUNT = "The board lost count of the transfer: reset it and repeat."
OTHER_FORM = "The board answered in another form: flash this version's firmware and repeat."


@dataclass(frozen=True)
class Board:
    """What a bare board says of itself."""

    hardware_id: str
    firmware: str
    build: str
    board: str


class Session:
    """One exchange with the board on a port. Raises ProvisionFailed with what to do next."""

    def __init__(self, port: Port, answer_s: float = ANSWER_S) -> None:
        self._port, self._answer_s = port, answer_s
        self._keys: tuple[AESSIV, AESSIV] | None = None
        self._number = 0

    def hello(self, tries: int = TRIES) -> Board | None:
        """Ask the board who it is; None where it stays silent, as all but bare boards do."""
        answer = self._ask([p.FRAME_HELLO], p.FRAME_HELLO, tries=tries)
        if answer is None:
            return None
        if [type(part) for part in answer[1:]] != [str, str, str, str]:
            raise ProvisionFailed(OTHER_FORM)
        return Board(*answer[1:])

    def open(self) -> None:
        """Agree on keys with a bare board."""
        own = ec.generate_private_key(ec.SECP256R1())
        public = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        answer = self._ask([p.FRAME_OPEN, public], p.FRAME_OPEN, WORK_S)
        if answer is None:
            raise ProvisionFailed(SILENT)
        try:
            other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), answer[1])
        except (ValueError, TypeError, IndexError):
            raise ProvisionFailed(OTHER_FORM) from None
        self._agreed(own.exchange(ec.ECDH(), other), hashlib.sha256(public + answer[1]).digest())

    def knock(self, who: bytes, key: bytes, tries: int = TRIES) -> bool:
        """Open the line of a board that knows this key by this name; False where none answers."""
        nonce = secrets.token_bytes(limits.NONCE_BYTES)
        mac = hmac.digest(key, p.KNOCK + who + nonce, hashlib.sha256)
        answer = self._ask([p.FRAME_KNOCK, who, nonce, mac], p.FRAME_KNOCK, tries=tries)
        if answer is None or [type(part) for part in answer[1:]] != [bytes, bytes]:
            return False
        right = hmac.digest(key, p.COME_IN + nonce + answer[1], hashlib.sha256)
        if not hmac.compare_digest(answer[2], right):
            return False
        self._agreed(key, nonce + answer[1])
        return True

    def send(self, kind: int, content: bytes, progress: Callable[[int], None]) -> bytes:
        """Give the board a content, and have it act on it; returns what can be read then.

        ``progress`` gets the number of bytes that the board has.
        """
        digest = hashlib.sha256(content).digest()
        offset = self._offset(self.say([p.SAY_BEGIN, kind, len(content), digest]), p.SAY_CHUNK, 0, 0)
        while offset < len(content):
            chunk = content[offset : offset + p.CHUNK_BYTES]
            answer = self.say([p.SAY_CHUNK, offset, chunk])
            offset = self._offset(answer, p.SAY_CHUNK, offset + len(chunk), offset + len(chunk))
            progress(offset)
        return self.read(self._offset(self.say([p.SAY_COMMIT], WORK_S), p.SAY_COMMIT, 0, p.CONTENT_BYTES))

    def readable(self) -> bytes:
        """What a board that waits has to read: its request to be admitted."""
        return self.read(self._offset(self.say([p.SAY_COMMIT]), p.SAY_COMMIT, 0, p.CONTENT_BYTES))

    def read(self, length: int) -> bytes:
        """So many bytes of what can be read."""
        content = b""
        while len(content) < length:
            answer = self.say([p.SAY_READ, len(content)])
            if answer[:2] != [p.SAY_READ, len(content)] or len(answer) != 3:
                raise ProvisionFailed(LOST_COUNT)
            if not isinstance(answer[2], bytes) or not answer[2]:
                raise ProvisionFailed(LOST_COUNT)
            content += answer[2]
        return content[:length]

    def leave(self) -> None:
        """Have the board start anew, as what it has become."""
        self.say([p.SAY_LEAVE])

    def say(self, said: list[Any], answer_s: float | None = None) -> list[Any]:
        """Say something sealed; returns what is answered."""
        if self._keys is None:
            raise ValueError("no keys were agreed on")
        number, bound = self._number, [struct.pack(">I", self._number)]
        sealed = self._keys[0].encrypt(cbor2.dumps(said, canonical=True), bound)
        answer = self._ask([p.FRAME_SEALED, number, sealed], p.FRAME_SEALED, answer_s, number)
        if answer is None:
            raise ProvisionFailed(
                "The board fell silent: check cable and supply, then run the same command again."
            )
        try:
            inner = decode(self._keys[1].decrypt(answer[2], bound))
        except (InvalidTag, BadMessage, IndexError, TypeError, ValueError):
            raise ProvisionFailed(OTHER_FORM) from None
        self._number += 1
        if not isinstance(inner, list) or not inner or type(inner[0]) is not int:
            raise ProvisionFailed(OTHER_FORM)
        if inner[0] == p.SAY_ERROR:
            raise ProvisionFailed(_refusal(inner))
        return inner

    def _agreed(self, secret: bytes, salt: bytes) -> None:
        to_door, to_host = (
            AESSIV(HKDF(algorithm=SHA256(), length=64, salt=salt, info=label).derive(secret))
            for label in (p.TO_DOOR, p.TO_HOST)
        )
        self._keys, self._number = (to_door, to_host), 0

    @staticmethod
    def _offset(answer: list[Any], kind: int, least: int, most: int) -> int:
        if len(answer) != 2 or answer[0] != kind or type(answer[1]) is not int:
            raise ProvisionFailed(LOST_COUNT)
        if not least <= answer[1] <= most:
            raise ProvisionFailed(LOST_COUNT)
        return answer[1]

    def _ask(
        self, frame: list[Any], kind: int, answer_s: float | None = None, number: int | None = None,
        tries: int = TRIES,
    ) -> list[Any] | None:  # fmt: skip
        """The answer to a frame, sent again where none comes; None where none does."""
        line = p.MARK + base64.b64encode(cbor2.dumps(frame, canonical=True)) + b"\n"
        if len(line) > limits.CONSOLE_LINE_BYTES:
            raise ValueError("the frame is longer than a console line")
        for _ in range(tries):
            self._port.write(line)
            answer = self._answer(kind, answer_s or self._answer_s, number)
            if answer is not None:
                return answer
        return None

    def _answer(self, kind: int, answer_s: float, number: int | None) -> list[Any] | None:
        """The next frame of this kind; other text on the console is passed over."""
        deadline = time.monotonic() + answer_s
        while (left := deadline - time.monotonic()) > 0:
            frame = parse(self._port.read_line(left))
            if frame is None:
                continue
            # No hello is refused: that would be about half a line of an exchange that was broken off.
            if frame[0] == p.FRAME_ERROR and kind != p.FRAME_HELLO:
                raise ProvisionFailed(_refusal(frame))
            if frame[0] == kind and (number is None or frame[1:2] == [number]):
                return frame
        return None


def _refusal(said: list[Any]) -> str:
    code = said[1] if len(said) > 1 and type(said[1]) is int else reasons.NONE
    return f"The board refused: {reason_text(code)}"


def parse(line: bytes) -> list[Any] | None:
    """The frame in a console line, None where it holds none."""
    if not line.startswith(p.MARK) or len(line) > limits.CONSOLE_LINE_BYTES:
        return None
    try:
        frame = decode(base64.b64decode(line[len(p.MARK) :].strip(), validate=True))
    except (binascii.Error, BadMessage, ValueError):
        return None
    return frame if isinstance(frame, list) and frame and type(frame[0]) is int else None
