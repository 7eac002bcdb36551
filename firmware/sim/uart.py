"""The simulated board's UARTs: byte streams over descriptors that the rig hands over."""

import io
import select
import socket
import time

import simctl

_FILENO = 10  # stream request (py/stream.h)


class UART(io.IOBase):
    """A UART on the descriptor the settings name for its number; without one, a silent line."""

    INV_RX = 4
    INV_TX = 32

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, *, tx=None, rx=None, txbuf=None,
                 rxbuf=None, timeout=None, timeout_char=None, invert=None):  # fmt: skip
        self._line = _line(id)
        self._held = b""  # bytes that any() counted and nobody has read yet
        self._size = 256
        self._timeout = 0
        self._idle = None
        self.init(baudrate, bits, parity, stop, tx=tx, rx=rx, txbuf=txbuf, rxbuf=rxbuf, timeout=timeout,
                  timeout_char=timeout_char, invert=invert)  # fmt: skip

    def init(self, baudrate=9600, bits=8, parity=None, stop=1, *, tx=None, rx=None, txbuf=None, rxbuf=None,
             timeout=None, timeout_char=None, invert=None):  # fmt: skip
        """Set the line up again. Only `rxbuf` and `timeout` have an effect."""
        if rxbuf is not None:
            self._size = rxbuf
        if timeout is not None:
            self._timeout = timeout

    def deinit(self):
        """Let go of the line; what arrives afterwards is not read."""
        self._line, self._held = None, b""

    def any(self):
        """How many bytes can be read at once, at most `rxbuf`."""
        if len(self._held) < self._size:
            self._held += self._take(self._size - len(self._held))
        return len(self._held)

    def read(self, nbytes=-1):
        """Up to `nbytes`, or all there is; None if nothing came within the timeout."""
        deadline = time.ticks_add(time.ticks_ms(), self._timeout)
        while True:
            want = self._size if nbytes < 0 else nbytes
            if len(self._held) < want:
                self._held += self._take(want - len(self._held))
            left = time.ticks_diff(deadline, time.ticks_ms())
            if len(self._held) >= want or left <= 0 or self._line is None:
                break
            simctl.ready(self._line, select.POLLIN, left)
        data, self._held = self._held[:want], self._held[want:]
        return data or None

    def readinto(self, buf, nbytes=-1):
        """Fill `buf`; return how many bytes came, or None."""
        data = self.read(len(buf) if nbytes < 0 else min(nbytes, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def readline(self):
        """Up to and with the next newline, or what there is; None if nothing came."""
        self.any()
        end = self._held.find(b"\n")
        return self.read(end + 1 if end >= 0 else -1)

    def write(self, buf):
        """Send `buf`; return how much of it was sent before the peer stood still for 100 ms."""
        simctl.powered()
        return len(buf) if self._line is None else simctl.send_bytes(self._line, buf, 100)

    def flush(self):
        """Nothing waits: a write is on its way when it returns."""

    def txdone(self):
        """Whether everything has been sent: always."""
        return True

    def ioctl(self, request, arg):
        """What select and asyncio ask a stream: its descriptor, or one that fits what is already held."""
        if request == _FILENO:
            if self._held:
                # The bytes left the descriptor, so polling it could wait for ever.
                return _always_ready().fileno()
            return self._line.fileno() if self._line is not None else self._silent().fileno()
        return 0

    def _take(self, count):
        if self._line is None or count <= 0:
            return b""
        data = self._line.read(count)
        if data == b"":
            self._line = None  # the peer is gone: its line floats, and must not keep a poller awake
        return data or b""

    def _silent(self):
        if self._idle is None:
            self._idle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        return self._idle


# Opened once: the collector closes a stream that nobody holds, and with it the descriptor for the next one.
_lines = {}


def _line(id):
    fd = simctl.config.get("uarts", {}).get(str(id))
    if fd is not None and id not in _lines:
        _lines[id] = open(fd, "r+b")
    return _lines.get(id)


_null = None


def _always_ready():
    global _null
    if _null is None:
        _null = open("/dev/null", "r+b")
    return _null
