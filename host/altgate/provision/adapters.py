"""USB chips that boards have, by vendor and product number, and what each needs on a computer.

Numbers: the USB ID repository and the vendors' data sheets.
"""

from dataclasses import dataclass
from pathlib import Path

ESPRESSIF = 0x303A
_SYS = Path("/sys/bus/usb/devices")


@dataclass(frozen=True)
class Adapter:
    """``driver``: a sentence without its full stop, for who has none."""

    name: str
    driver: str


_CP210X = Adapter("CP210x", 'Install Silicon Labs\' driver "CP210x VCP" (Linux has it)')
_CH34X = Adapter(
    "CH340", "Install WCH's driver CH341SER (Linux has it; where brltty takes the board away, remove brltty)"
)
_CH91XX = Adapter("CH9102", "Install WCH's driver CH343SER (Linux has it from 5.18 on)")
_FTDI = Adapter("FTDI", "Install FTDI's driver VCP (Linux has it)")
OWN = Adapter("ESP32's own USB", "It needs no driver from Windows 10 on, on macOS and on Linux")

ADAPTERS = {
    (0x10C4, 0xEA60): _CP210X,
    (0x10C4, 0xEA70): _CP210X,
    (0x10C4, 0xEA71): _CP210X,
    (0x1A86, 0x5523): _CH34X,
    (0x1A86, 0x7522): _CH34X,
    (0x1A86, 0x7523): _CH34X,
    (0x1A86, 0x55D2): _CH91XX,
    (0x1A86, 0x55D3): _CH91XX,
    (0x1A86, 0x55D4): _CH91XX,
    (0x0403, 0x6001): _FTDI,
    (0x0403, 0x6010): _FTDI,
    (0x0403, 0x6011): _FTDI,
    (0x0403, 0x6014): _FTDI,
    (0x0403, 0x6015): _FTDI,
}


def adapter(vid: int | None, pid: int | None) -> Adapter | None:
    """The chip with these numbers, None where it is none that a board has."""
    if vid is None or pid is None:
        return None
    return OWN if vid == ESPRESSIF else ADAPTERS.get((vid, pid))


def drivers() -> str:
    """All of them in one line, for a person who sees nothing at all."""
    each = dict.fromkeys((*ADAPTERS.values(), OWN))
    return "; ".join(f"{one.name}: {one.driver}" for one in each)


def plugged_in(folder: Path = _SYS) -> list[Adapter]:
    """Boards' USB chips that the kernel sees, with a port or without; empty where no kernel says so."""
    found = []
    for device in sorted(folder.glob("*/idVendor")) if folder.is_dir() else ():
        try:
            numbers = [int((device.parent / name).read_text(), 16) for name in ("idVendor", "idProduct")]
        except (OSError, ValueError):
            continue  # unplugged while we looked
        one = adapter(*numbers)
        if one:
            found.append(one)
    return found
