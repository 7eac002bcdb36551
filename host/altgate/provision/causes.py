"""What can stand between an installer and a board that is flashed: one table, each row with its remedy.

docs/flashing.md lists the same rows in the same order, and a test holds the two together. A row's texts are
for people; its name is for scripts (``cause`` in the JSON) and does not change.
"""

from dataclasses import dataclass
from typing import Any

from altgate.errors import ProvisionFailed, Refused


@dataclass(frozen=True)
class Cause:
    """``says``: what is the matter, ``do``: what to do next; both with {names} that are filled in."""

    says: str
    do: str
    is_refusal: bool = False  # the request is not possible as given, and nothing was written: exit code 2


class Named:
    """What an error of this table has beside its text: ``cause``, ``says`` and ``do``."""

    cause: str
    says: str
    do: str


class BoardRefused(Refused, Named):
    """Nothing was written, because what was asked for does not fit or was not said clearly enough."""


class BoardFailed(ProvisionFailed, Named):
    """The board, its line or its flash did not do what it should."""


CAUSES = {
    # The port.
    "no_port": Cause(
        "No board is seen on USB.",
        "Use a cable that carries data (one that only charges looks the same), plug it straight into the "
        "computer, and try another socket. If nothing appears, install the driver of the board's USB chip: "
        "{drivers}.",
    ),
    "no_driver": Cause(
        "A {adapter} is plugged in, but the computer has made no serial port of it.",
        "{driver}. Then unplug the board and plug it in again.",
    ),
    "several_ports": Cause(
        "More than one board is plugged in: {ports}.", "Name the port, or unplug the others.", True
    ),
    "no_such_port": Cause(
        "There is no serial port {port}. Seen: {ports}.", "Correct the name, or plug the board in.", True
    ),
    "permission": Cause(
        "This user may not use {port}.",
        "On Linux: `sudo usermod -aG {group} $USER`, then log out and in again. Do not run altgate as root.",
    ),
    "busy": Cause("{port} is in use by {holder}.", "Close that program and repeat the command."),
    "cannot_open": Cause(
        "{port} cannot be opened ({error}).", "Unplug the board, plug it in again, and repeat the command."
    ),
    "port_lost": Cause(
        "{port} went away in the middle.",
        "Plug the board in again, into another socket if it happens twice, and repeat the same command: it "
        "goes on where it was.",
    ),
    # What answers.
    "no_answer": Cause(
        "Nothing that is an ESP32 answers on {port}.",
        "Hold the board's BOOT button, press and release RESET, let go of BOOT, and repeat. If that does not "
        "help, take another cable, and look that nothing is wired to the pins of UART 0.",
    ),
    "boot_button": Cause(
        "The board on {port} starts its program instead of its loader.",
        "Hold the BOOT button, press and release RESET, let go of BOOT, and repeat the command.",
    ),
    "brown_out": Cause(
        "The board on {port} says that its supply is too low.",
        "Take a shorter or thicker cable, or a socket or hub that gives more current, and unplug what the "
        "board feeds.",
    ),
    "weak_cable": Cause(
        "What is sent to {port} arrives broken, also at {baud} baud.",
        "Take another cable, shorter and without a hub, and repeat the command: it goes on where it was.",
    ),
    "wrong_chip": Cause(
        "The board on {port} has an {found}; {board} has an {wanted}.",
        "Plug in the right board, or name the file of this one with --board.",
        True,
    ),
    "flash_silent": Cause(
        "The board's flash chip does not say what it is.",
        "Unplug whatever is wired to the board and repeat; if it stays so, the board is broken.",
    ),
    "flash_small": Cause(
        "The board's flash has {found} MB; {board} needs {wanted} MB.",
        "Take a board with more flash, or name the file of this one with --board.",
        True,
    ),
    "locked": Cause(
        "The board's chip is locked ({what}): it takes no image over this cable.",
        "Such a board is updated with signed images only; to start anew, take another board.",
        True,
    ),
    "door": Cause(
        "This board is a provisioned door. With other software on it are lost: its keys, its credentials, "
        "the consents and templates kept at it, and events that the host does not have yet.",
        "If that is what you want, fetch its events first (the door online, `altgate serve` running), then "
        "say --erase, and provision it again.",
        True,
    ),
    "bad_write": Cause(
        "At {offset} the flash does not hold what was written to it.",
        "Repeat the command once; if it stays so, the flash is worn or broken: take another board.",
    ),
    # The files.
    "unknown_module": Cause(
        "{path} says that the board has the chip {found}, which altgate cannot flash.",
        "Write one of {known}, or give another board's file with --board.",
        True,
    ),
    "not_an_image": Cause(
        "{path} is no MicroPython image for an ESP32 ({error}).",
        "Give the .bin file of the board's download page, not .uf2, .elf or .app-bin.",
        True,
    ),
    "damaged_image": Cause(
        "{path} is damaged: its {part} does not match its own checksum.", "Download it again.", True
    ),
    "wrong_hash": Cause(
        "{path} has the SHA-256 {found}, not {wanted}.",
        "Do not use this file: download it again, and compare with the hash of its publisher.",
        True,
    ),
    "unknown_image": Cause(
        "altgate does not know {path}, SHA-256 {found}.",
        "Compare it with the hash of its publisher, and give that with --sha256.",
        True,
    ),
    "image_of_other_chip": Cause(
        "{path} is for an {found}; {board} has an {wanted}.",
        "Download the image for {wanted} ({variant}).",
        True,
    ),
    "image_of_other_psram": Cause(
        "{path} is built for {found} PSRAM; {board} has {wanted} PSRAM, and would not start with it.",
        "Download the variant {variant}.",
        True,
    ),
    "image_too_big": Cause(
        "The {label} of {size} bytes does not fit into its {room} bytes.",
        "Take the smaller or the matching one for this board.",
        True,
    ),
    # The person.
    "not_confirmed": Cause("Nothing was written.", "Repeat the command when it is the right board.", True),
    "no_terminal": Cause("There is no terminal to ask on.", "Say --yes.", True),
    "no_tools": Cause(
        "What flashes boards is not installed ({error}).",
        "`pip install 'altgate[install]'`, or `make env` in a checkout.",
        True,
    ),
}


def trouble(name: str, **facts: Any) -> BoardRefused | BoardFailed:
    """The exception for a row of the table, its texts filled in with ``facts``."""
    row = CAUSES[name]
    says, do = row.says.format(**facts), row.do.format(**facts)
    error = (BoardRefused if row.is_refusal else BoardFailed)(f"{says} {do}")
    error.cause, error.says, error.do = name, says, do
    return error
