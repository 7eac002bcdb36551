"""Wi-Fi by Improv on a bare door: any Improv client can scan for networks and have the door join one.

Improv has no authentication, so that a provisioned door does not load this. Numbers: protocol.improv.
"""

import _thread
import asyncio

import network
from altgate.crypto import cbor
from altgate.link.wifi import Wifi
from protocol import improv

SCAN_MS = 15000  # a scan that takes longer has failed
_STEP_MS = 20
_NEWLINE = 10
_OPEN = (network.WLAN.SEC_OPEN, network.WLAN.SEC_OWE)


def frame(kind, content):
    """The bytes of one frame, with a newline before and after: the official SDK hears no frame in a line that
    begins with text."""
    whole = improv.HEADER + bytes((kind, len(content))) + content
    return b"\n" + whole + bytes((sum(whole) & 0xFF,)) + b"\n"


def result(command, texts):
    """The frame that answers a command with texts (bytes).

    The official SDK takes a length of 10 for a newline and loses the frame, so an empty text follows then:
    there may be more texts in each result than the protocol asks for.
    """
    body = b"".join([bytes((len(text),)) + text for text in texts])
    if 2 + len(body) == _NEWLINE:
        body += b"\0"
    return frame(improv.TYPE_RESULT, bytes((command, len(body))) + body)


def networks(found):
    """What WLAN.scan() found, as ``[(ssid, dBm, whether it asks for a password)]``, the strongest first; of
    several access points with one name the strongest. Without names that nobody can choose: hidden ones, and
    what is no UTF-8, the one spelling that Improv has."""
    strongest = {}
    for ssid, _, _, dbm, security, _ in found:
        if _is_text(ssid) and (ssid not in strongest or strongest[ssid][0] < dbm):
            strongest[ssid] = (dbm, security not in _OPEN)
    rows = [(ssid, strongest[ssid][0], strongest[ssid][1]) for ssid in strongest]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return rows[: improv.NETWORKS]


class Improv:
    """What the door answers. ``about``: firmware, version, chip and name as texts. ``send(bytes)`` puts bytes
    on the wire. ``keep(given)`` is told of the network that was joined, as ``(ssid, password)``, and of None
    when another one is tried: nothing here holds the password after that."""

    def __init__(self, about, send, keep):
        self._about = about
        self._send = send
        self._keep = keep
        self._state = improv.STATE_READY
        self._job = None  # what is under way: a scan, or joining
        self._slot = None  # of the thread that scans

    def spoilt(self):
        """A frame had a wrong checksum."""
        self._error(improv.ERROR_INVALID)

    def take(self, content):
        """Answer a frame, given as its type and then its content. What is no RPC is not for the door."""
        if content[0] != improv.TYPE_RPC:
            return
        if len(content) < 3 or content[2] != len(content) - 3:
            self._error(improv.ERROR_INVALID)
            return
        command, data = content[1], content[3:]
        if command not in _COMMANDS:
            self._error(improv.ERROR_UNKNOWN_RPC)
            return
        given = _network(data) if command == improv.RPC_WIFI else () if not data else None
        if given is None:
            self._error(improv.ERROR_INVALID)
        elif command in _LASTING:
            self._begin(command, given)
        else:
            self._error(improv.ERROR_NONE)
            _COMMANDS[command](self)

    def _begin(self, command, given):
        """Do what takes seconds beside everything else; while it does, nothing else of that kind begins."""
        if self._job and not self._job.done():
            self._error(improv.ERROR_UNKNOWN)
            return
        self._error(improv.ERROR_NONE)
        self._job = asyncio.create_task(_COMMANDS[command](self, *given))

    async def _join(self, ssid, password):
        self._keep(None)
        self._become(improv.STATE_PROVISIONING)
        wifi = Wifi(ssid, password, None)
        try:
            await wifi.join()
        except OSError:
            pass  # the radio did not take it, and so has not joined
        if wifi.is_joined:
            self._keep((ssid, password))
            self._become(improv.STATE_PROVISIONED)
            self._send(result(improv.RPC_WIFI, ()))
        else:
            self._error(improv.ERROR_CANNOT_CONNECT)
            self._become(improv.STATE_READY)
            network.WLAN(network.STA_IF).disconnect()  # by itself it would go on trying

    async def _scan(self):
        # The radio's driver waits for seconds. In a thread of its own, like name lookup, it lets go of the
        # interpreter meanwhile: watchdog, contacts and this line go on.
        if self._slot is None:
            self._slot = [None]
            _thread.start_new_thread(_look, (self._slot,))
        slot = self._slot
        for _ in range(SCAN_MS // _STEP_MS):
            if slot[0] is not None:
                self._slot = None
                break
            await asyncio.sleep_ms(_STEP_MS)
        if not isinstance(slot[0], list):
            self._error(improv.ERROR_UNKNOWN)
            return
        for ssid, dbm, is_secured in networks(slot[0]):
            self._send(result(improv.RPC_SCAN, (ssid, b"%d" % dbm, b"YES" if is_secured else b"NO")))
            await asyncio.sleep_ms(0)
        self._send(result(improv.RPC_SCAN, ()))

    def _tell_state(self):
        self._become(self._state)
        if self._state == improv.STATE_PROVISIONED:
            self._send(result(improv.RPC_STATE, ()))

    def _tell_about(self):
        self._send(result(improv.RPC_ABOUT, [text.encode() for text in self._about]))

    def _become(self, state):
        self._state = state
        self._send(frame(improv.TYPE_STATE, bytes((state,))))

    def _error(self, error):
        self._send(frame(improv.TYPE_ERROR, bytes((error,))))


_COMMANDS = {
    improv.RPC_WIFI: Improv._join,
    improv.RPC_STATE: Improv._tell_state,
    improv.RPC_ABOUT: Improv._tell_about,
    improv.RPC_SCAN: Improv._scan,
}
_LASTING = (improv.RPC_WIFI, improv.RPC_SCAN)


def _network(data):
    """``(ssid, password)`` as texts; None where the data is anything else."""
    end = 1 + data[0] if data else 0
    if not 1 < end < len(data) or end + 1 + data[end] != len(data):
        return None
    ssid, password = data[1:end], data[end + 1 :]
    if len(ssid) > improv.SSID_BYTES or len(password) > improv.PASSWORD_BYTES:
        return None
    if not _is_text(ssid) or password and not _is_text(password):
        return None
    return str(ssid, "utf-8"), str(password, "utf-8")


def _is_text(raw):
    """Whether this is UTF-8 as the door's identity can hold it, and not empty."""
    try:
        cbor.decode(cbor.head(cbor.TEXT, len(raw)) + raw)
    except cbor.CborError:
        return False
    return len(raw) > 0


def _look(slot):
    try:
        slot[0] = list(network.WLAN(network.STA_IF).scan())
    except OSError as error:
        slot[0] = error
