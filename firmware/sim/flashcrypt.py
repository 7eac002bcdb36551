"""Flash encryption as the ESP32 does it below a partition: what is programmed twice reads back as noise.

Each 16 bytes are enciphered by themselves and by their address, so zeros cannot be programmed over something
else, and erased flash does not read as 0xFF. Like the chip underneath it allocates nothing.
"""

from cryptolib import aes

UNIT = 16
_KEY = bytes(range(32))  # the ESP32 has one of its own in its fuses
_INVALID_SIZE = -0x104  # ESP_ERR_INVALID_SIZE, as esp_partition_write() has it


class Encrypted:
    """A norflash.NorFlash through such an encryption; erasing goes to the chip as it is."""

    def __init__(self, chip):
        self._chip = chip
        self.erase = chip.erase
        self._encrypt, self._decrypt = aes(_KEY, 1).encrypt, aes(_KEY, 1).decrypt
        self._unit, self._other = bytearray(UNIT), bytearray(UNIT)

    def read(self, address, buf):
        """Fill ``buf`` from any ``address``."""
        at, end, done = address - address % UNIT, address + len(buf), 0
        while at < end:
            self._chip.read(at, self._unit)
            _mix(self._unit, at)
            self._decrypt(self._unit, self._other)
            _mix(self._other, at)
            start = address - at if at < address else 0
            while start < UNIT and done < len(buf):
                buf[done] = self._other[start]
                start += 1
                done += 1
            at += UNIT

    def program(self, address, buf):
        """Whole units only; OSError otherwise, as from the ESP32."""
        if address % UNIT or len(buf) % UNIT:
            raise OSError(_INVALID_SIZE)
        for done in range(0, len(buf), UNIT):
            for i in range(UNIT):
                self._unit[i] = buf[done + i]
            _mix(self._unit, address + done)
            self._encrypt(self._unit, self._other)
            _mix(self._other, address + done)
            self._chip.program(address + done, self._other)


def _mix(unit, address):
    for i in range(4):
        unit[i] ^= address >> (8 * i) & 0xFF
