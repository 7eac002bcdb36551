"""Wi-Fi by Improv Serial, from the client's side: what a bare door's board is asked over a Port.

Source: "Improv via Serial" of the Improv Wi-Fi project. Numbers: protocol.improv. Whatever is on the port, it
answers in the time that it has, or the conversation fails with a sentence.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from altgate.errors import ProvisionFailed, Refused
from altgate.protocol import improv as p
from altgate.provision.port import Port

ANSWER_S = 2.0
SCAN_S = 20.0
JOIN_S = 30.0
STALE_S = 0.5  # at the most, for reading away what nobody asked for
TRIES = 3
HEAD = len(p.HEADER)

NO_ANSWER = (
    "The board does not answer: check the port, the cable, and that no other program uses it. "
    "A door that is provisioned already answers nobody."
)
ERRORS = {
    p.ERROR_INVALID: "The board took the request for damaged: check the cable and repeat.",
    p.ERROR_UNKNOWN_RPC: "The board does not know this request: flash this version's firmware and repeat.",
    p.ERROR_CANNOT_CONNECT: (
        "The board cannot join this network: check its name and password, and that it is in reach at 2.4 GHz."
    ),
}
NAMELESS = "The board does not say what it is: flash this version's firmware and repeat."
OTHER_ERROR = "The board cannot do that now: wait some seconds and repeat."


@dataclass(frozen=True)
class About:
    """What a board says of itself."""

    firmware: str
    version: str
    chip: str
    name: str


@dataclass(frozen=True)
class Seen:
    """A network that a board has seen, with its signal in dBm and whether it asks for a password."""

    ssid: str
    signal_dbm: int
    is_secured: bool


@dataclass(frozen=True)
class Frame:
    """A frame whose checksum is right."""

    kind: int
    content: bytes


class Client:
    """One conversation with the board on a port; each method raises ProvisionFailed with what to do next."""

    def __init__(
        self, port: Port, *, answer_s: float = ANSWER_S, scan_s: float = SCAN_S, join_s: float = JOIN_S
    ) -> None:
        self._port, self._answer_s, self._scan_s, self._join_s = port, answer_s, scan_s, join_s
        self._received = b""

    def state(self) -> int:
        """One of the STATE_ numbers of protocol.improv. A board that still starts is asked again."""
        for _ in range(TRIES):
            self._ask(p.RPC_STATE)
            for frame in self._frames(self._answer_s):
                if frame.kind == p.TYPE_STATE and len(frame.content) == 1:
                    return frame.content[0]
        raise ProvisionFailed(NO_ANSWER)

    def about(self) -> About:
        """Firmware, version, chip and name."""
        self._ask(p.RPC_ABOUT)
        texts = next(self._results(p.RPC_ABOUT, self._answer_s))
        if len(texts) < 4:
            raise ProvisionFailed(NAMELESS)
        return About(*texts[:4])

    def scan(self) -> list[Seen]:
        """The networks in reach, the strongest first."""
        self._ask(p.RPC_SCAN)
        found: dict[str, Seen] = {}
        for texts in self._results(p.RPC_SCAN, self._scan_s):
            if not texts:
                return sorted(found.values(), key=lambda one: (-one.signal_dbm, one.ssid))
            seen = _seen(texts)
            known = seen and found.get(seen.ssid)
            if seen and (not known or known.signal_dbm < seen.signal_dbm):
                found[seen.ssid] = seen
        raise ProvisionFailed(NO_ANSWER)

    def set_wifi(self, ssid: str, password: str) -> list[str]:
        """Have the board join a network; returns the addresses that it offers for going on, often none.

        Raises Refused where no network has such a name or password.
        """
        try:
            name, secret = ssid.encode(), password.encode()
        except UnicodeEncodeError:
            raise Refused("Name and password of the Wi-Fi network have to be in UTF-8.") from None
        if not 0 < len(name) <= p.SSID_BYTES:
            raise Refused(f"The name of a Wi-Fi network has 1 to {p.SSID_BYTES} bytes.")
        if len(secret) > p.PASSWORD_BYTES:
            raise Refused(f"The password of a Wi-Fi network has {p.PASSWORD_BYTES} bytes at most.")
        self._ask(p.RPC_WIFI, bytes((len(name),)) + name + bytes((len(secret),)) + secret)
        return [url for url in next(self._results(p.RPC_WIFI, self._join_s)) if url]

    def _ask(self, command: int, data: bytes = b"") -> None:
        # What came before belongs to an earlier question.
        self._received, ends = b"", time.monotonic() + STALE_S
        while self._port.read_line(0) and time.monotonic() < ends:
            pass
        # The newline ends whatever the board has read so far of something else.
        self._port.write(b"\n" + encode(p.TYPE_RPC, bytes((command, len(data))) + data) + b"\n")

    def _results(self, command: int, within_s: float) -> Iterator[list[str]]:
        """The texts of each result of a command; ends with ProvisionFailed, also when time is up."""
        for frame in self._frames(within_s):
            if frame.kind == p.TYPE_ERROR and frame.content != bytes((p.ERROR_NONE,)):
                raise ProvisionFailed(ERRORS.get(frame.content[0] if frame.content else 0, OTHER_ERROR))
            if frame.kind == p.TYPE_RESULT and frame.content[:1] == bytes((command,)):
                texts = _texts(frame.content[1:])
                if texts is not None:
                    yield texts
        raise ProvisionFailed(NO_ANSWER)

    def _frames(self, within_s: float) -> Iterator[Frame]:
        """The frames that come until time is up; other text on the line is passed over."""
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0:
            found, self._received = decode(self._received)
            if found:
                yield found
            else:
                self._received += self._port.read_line(left_s)


def encode(kind: int, content: bytes) -> bytes:
    """A frame."""
    whole = p.HEADER + bytes((kind, len(content))) + content
    return whole + bytes((sum(whole) & 0xFF,))


def decode(data: bytes) -> tuple[Frame | None, bytes]:
    """The first whole frame in ``data``, and what stands behind it; without one, what may become one."""
    while (at := data.find(p.HEADER)) >= 0:
        data = data[at:]
        end = HEAD + 2 + data[HEAD + 1] if len(data) > HEAD + 1 else len(data)
        if len(data) <= end:
            return None, data
        if sum(data[:end]) & 0xFF == data[end]:
            return Frame(data[HEAD], data[HEAD + 2 : end]), data[end + 1 :]
        data = data[HEAD:]
    return None, data[1 - HEAD :]


def _texts(body: bytes) -> list[str] | None:
    """The texts of a result; None where its lengths are wrong."""
    if not body or body[0] != len(body) - 1:
        return None
    texts, at = [], 1
    while at < len(body):
        end = at + 1 + body[at]
        if end > len(body):
            return None
        texts.append(body[at + 1 : end].decode("utf-8", "replace"))
        at = end
    return texts


def _seen(texts: list[str]) -> Seen | None:
    try:
        ssid, signal, secured = texts[:3]
        return Seen(ssid, int(signal), secured != "NO")
    except ValueError:
        return None
