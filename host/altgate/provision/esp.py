"""A board in its boot loader, through esptool's Python API; the one module that knows esptool's loader.

Its progress goes to whoever asked for it, and its errors become causes.
"""

import contextlib
import struct
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from altgate.provision.causes import trouble
from altgate.provision.esptool_quiet import LOG, FatalError, cmds, flash_size_bytes
from altgate.provision.port import BAUD, LOST, open_serial

ATTEMPTS = 7  # to reset the board into its loader: some boards need several
ERASED = 0xFF
_BOOT_MODE, _NOT_KEPT = "Wrong boot mode", ("does not match data in flash", "region is empty")


class Tell(Protocol):
    """Whoever shows how far it is."""

    def progress(self, step: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes of a step."""

    def note(self, text: str) -> None:
        """Something that a person should know, and that stops nothing."""


class LineTrouble(Exception):
    """What was sent or read did not arrive as it should; a lower rate may help. Never shown."""


class NotKept(LineTrouble):
    """The flash does not hold what was written at ``offset``."""

    def __init__(self, offset: int) -> None:
        super().__init__(hex(offset))
        self.offset = offset


class Chip:
    """A board whose loader answers. Methods raise LineTrouble, or the cause ``port_lost``."""

    def __init__(self, esp: Any, port: str) -> None:
        self._esp, self._port = esp, port
        self.name = str(esp.CHIP_NAME)
        self.family = self.name.lower().replace("-", "")

    def start(self, baud: int) -> None:
        """Load esptool's own flasher into its RAM, and talk to that at ``baud``."""
        with self._line():
            self._esp = cmds.run_stub(self._esp)
            # Whoever comes again goes on where it was; esptool's own second try would wait blindly.
            self._esp.WRITE_FLASH_ATTEMPTS = 1
            if baud != BAUD:
                self._esp.change_baud(baud)
            cmds.attach_flash(self._esp)

    @property
    def mac(self) -> str:
        """Its factory address."""
        with self._line():
            return ":".join(f"{byte:02x}" for byte in self._esp.read_mac("BASE_MAC"))

    @property
    def lock(self) -> str:
        """What keeps images out of it; "" where nothing does."""
        if self._esp.secure_download_mode:
            return "secure download mode"
        with self._line():
            if self._esp.get_secure_boot_enabled():
                return "secure boot"
            return "flash encryption" if self._esp.get_flash_encryption_enabled() else ""

    @property
    def flash_bytes(self) -> int:
        """What its flash says of its size (JEDEC id); 0 where it says nothing that is known."""
        with self._line():
            size = cmds.detect_flash_size(self._esp)
        return int(flash_size_bytes(size)) if size else 0  # type: ignore[no-untyped-call]

    def md5(self, offset: int, size: int) -> str:
        """Hexadecimal, computed by the board."""
        with self._line():
            return str(self._esp.flash_md5sum(offset, size))

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the flash, checked by their MD5 on the way."""
        with self._line():
            return bytes(self._esp.read_flash(offset, size))

    def erase(self, offset: int, size: int) -> None:
        """Erase whole sectors."""
        with self._line():
            cmds.erase_region(self._esp, offset, size)

    def write(self, offset: int, data: bytes, on_done: Callable[[int], None]) -> None:
        """Erase and write whole sectors from ``offset`` on, and have the board compare; raises NotKept.
        ``on_done`` gets how many bytes are there."""
        LOG.on_progress = lambda done, total: on_done(len(data) * done // max(total, 1))
        try:
            with self._line():
                cmds.write_flash(self._esp, [(offset, data)])
        except LineTrouble as error:
            if any(one in str(error) for one in _NOT_KEPT):
                raise NotKept(offset) from None
            raise
        finally:
            LOG.on_progress = None

    def restart(self) -> None:
        """Let the board run what is in its flash; one whose reset line is not wired stays where it is."""
        with contextlib.suppress(FatalError, *LOST):
            cmds.reset_chip(self._esp, "hard-reset")

    def close(self) -> None:
        """Release the port."""
        with contextlib.suppress(*LOST):
            self._esp._port.close()

    def _line(self) -> contextlib.AbstractContextManager[None]:
        return _line(self._port)


@contextlib.contextmanager
def _line(port: str) -> Iterator[None]:
    """esptool's errors as ours: a port that went away, or bytes that are not what they should be."""
    try:
        yield
    except LOST:
        raise trouble("port_lost", port=port) from None
    except (FatalError, struct.error, LookupError, ValueError) as error:
        raise LineTrouble(str(error)) from None


def connect(port: str) -> Chip:
    """Reset the board on a port into its loader; raises the cause where none answers."""
    line = open_serial(port)
    try:
        return Chip(cmds.detect_chip(line, BAUD, connect_attempts=ATTEMPTS), port)  # type: ignore[arg-type]
    except LOST:
        line.close()
        raise trouble("port_lost", port=port) from None
    except (FatalError, struct.error, LookupError, ValueError) as error:
        line.close()
        raise trouble("boot_button" if _BOOT_MODE in str(error) else "no_answer", port=port) from None
    except BaseException:
        line.close()
        raise
