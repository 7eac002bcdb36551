"""The simulated radio: networks in the air as the settings or the rig give them, [ssid, password, dBm]."""

import time

import simctl

STA_IF = 0
AP_IF = 1
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_ASSOC_FAIL = 203
STAT_CONNECT_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010

_JOIN_MS = 30


class WLAN:
    """The station interface; joining takes 30 ms, and nothing here waits."""

    IF_STA = 0
    IF_AP = 1
    SEC_OPEN = 0
    SEC_WPA2 = 3
    SEC_OWE = 9

    _state = STAT_IDLE
    _active = False
    _joining_ms = 0
    _target = None
    _settings = {"reconnects": -1, "pm": 1, "txpower": 20.0, "hostname": "altgate", "hidden": False}

    def __new__(cls, interface_id=STA_IF):
        if interface_id != STA_IF:
            raise ValueError("only the station interface is simulated")
        return _station or object.__new__(cls)

    def __init__(self, interface_id=STA_IF):
        simctl.start()

    def active(self, is_active=None):
        """Whether the radio is on, or switch it."""
        if is_active is None:
            return self._active
        self._active = bool(is_active)
        if not is_active:
            self.disconnect()
        return self._active

    def scan(self):
        """[(ssid, bssid, channel, dBm, security, hidden)]."""
        self._needs_radio()
        return [
            (ssid.encode(), b"\x02\x00\x00\x00\x00" + bytes((i,)), 6, dbm, 3 if password else 0, False)
            for i, (ssid, password, dbm) in enumerate(_air())
        ]

    def connect(self, ssid=None, password=None, *, bssid=None):
        """Begin to join; `status` tells how it went. No name means the one from before."""
        self._needs_radio()
        if ssid is not None:
            self._target = (_text(ssid), _text(password or ""))
        self._join()

    def disconnect(self):
        """Leave."""
        self._state = STAT_IDLE

    def isconnected(self):
        """Whether the door has an address."""
        return self.status() == STAT_GOT_IP

    def status(self, param=None):
        """One of the STAT_ numbers, or the signal in dBm for "rssi"."""
        if param == "rssi":
            for ssid, _, dbm in _air():
                if self.isconnected() and ssid == self._target[0]:
                    return dbm
            raise OSError("STA must be active")
        if param is not None:
            raise ValueError("unknown status param")
        self._advance()
        return self._state

    def ifconfig(self, ip_mask_gateway_dns=None):
        """(address, mask, gateway, name server): the PC's loopback once joined."""
        if ip_mask_gateway_dns is None and self.isconnected():
            return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
        return ("0.0.0.0",) * 4 if ip_mask_gateway_dns is None else None

    def config(self, param=None, **kwargs):
        """One setting by name, or set some."""
        if param is None:
            self._settings.update(kwargs)
            return None
        if param == "mac":
            import machine

            return machine.unique_id()
        if param in ("ssid", "essid"):
            return self._target[0] if self._target else ""
        return self._settings[param]

    def _needs_radio(self):
        if not self._active:
            raise OSError("Wifi Not Started")

    def _join(self):
        self._state = STAT_CONNECTING
        self._joining_ms = time.ticks_ms()

    def _advance(self):
        if self._state == STAT_IDLE:
            return
        found = self._look()
        if self._state == STAT_CONNECTING:
            if time.ticks_diff(time.ticks_ms(), self._joining_ms) >= _JOIN_MS:
                self._state = found
        elif self._state == STAT_GOT_IP:
            if found != STAT_GOT_IP:
                self._state = STAT_BEACON_TIMEOUT
        elif found == STAT_GOT_IP and self._settings["reconnects"]:
            self._join()  # the board tries again by itself

    def _look(self):
        if self._target:
            for ssid, password, _ in _air():
                if ssid == self._target[0]:
                    return STAT_GOT_IP if password == self._target[1] else STAT_WRONG_PASSWORD
        return STAT_NO_AP_FOUND


def _air():
    return simctl.config.get("air", ())


def _text(value):
    return value if isinstance(value, str) else bytes(value).decode()


_station = None
_station = WLAN()
