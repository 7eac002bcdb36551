"""What a laptop refuses before it sends anything to a door's cable."""

from dataclasses import replace

import pytest

from altgate.errors import Refused
from altgate.protocol import limits, service
from altgate.provision import access as accesses
from altgate.provision import maintenance
from altgate.provision.access import Access
from altgate.provision.maintenance import Running
from altgate.release.slot import Image, manifest

THERE = Running("a board", "1.0.0", 7, "code_a", 3)


def image(version: str = "1.1.0", board: str = "a board", security: int = 3) -> Image:
    rom = b"rom"
    return Image(manifest(rom, version, board, limits.FLASH_LAYOUT, security, 0), b"signature", rom)


def test_an_image_that_fits_is_sent() -> None:
    maintenance.check_image(image())
    maintenance.check_fits(image(), THERE, False)
    maintenance.check_fits(image("1.0.0"), THERE, True)


@pytest.mark.parametrize(
    ("given", "there", "says"),
    [
        (image(board="another"), THERE, "this board is a board"),
        (image(security=2), THERE, "none below 3"),
        (image("1.0.0"), THERE, "--again"),
        (image(), replace(THERE, slot=""), "flash the board"),
    ],
)
def test_one_that_does_not_fit_is_refused_with_what_to_do(given: Image, there: Running, says: str) -> None:
    with pytest.raises(Refused, match=says):
        maintenance.check_fits(given, there, False)


def test_an_unsigned_image_goes_nowhere() -> None:
    with pytest.raises(Refused, match="release sign"):
        maintenance.check_image(replace(image(), signature=b""))


def test_a_ticket_for_something_else_is_told_before_the_port_is_opened() -> None:
    access = Access("0a1b2c3d", "Front", "Lakeside", accesses.draw(service.SCOPE_CHECK, 60), bytes(32))
    maintenance.check_scope(access, service.SCOPE_CHECK)
    with pytest.raises(Refused, match="is for check"):
        maintenance.check_scope(access, service.SCOPE_WINDOW)
