"""The simulated board's SPI buses."""

import select

import simctl


class SPI:
    """A full-duplex bus on the descriptor the settings name; without one it floats and reads 0xFF."""

    MSB = 0
    LSB = 1

    def __init__(self, id, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=MSB, sck=None,
                 mosi=None, miso=None):  # fmt: skip
        fd = simctl.config.get("spi", {}).get(str(id))
        self._line = open(fd, "r+b") if fd is not None else None

    def init(self, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=MSB, sck=None,
             mosi=None, miso=None):  # fmt: skip
        """Set the bus up again; the descriptor carries bytes, so nothing changes."""

    def deinit(self):
        """Let go of the bus."""
        self._line = None

    def write_readinto(self, write_buf, read_buf):
        """Send `write_buf` and read as many bytes; OSError(ETIMEDOUT) when the chip stands still for 1 s."""
        simctl.powered()
        size = len(write_buf)
        if self._line is None:
            read_buf[:] = b"\xff" * size
            return
        if simctl.send_bytes(self._line, write_buf, 1000) < size:
            raise OSError(110)
        done = 0
        while done < size:
            data = self._line.read(size - done) if simctl.ready(self._line, select.POLLIN, 1000) else None
            if not data:
                raise OSError(110)
            read_buf[done : done + len(data)] = data
            done += len(data)

    def write(self, buf):
        """Send, and drop what comes back."""
        self.write_readinto(buf, bytearray(len(buf)))

    def readinto(self, buf, write=0):
        """Fill `buf` while sending `write`."""
        self.write_readinto(bytes((write,)) * len(buf), buf)

    def read(self, nbytes, write=0):
        """Read while sending `write`."""
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)
