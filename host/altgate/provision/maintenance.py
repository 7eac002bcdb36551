"""What a service key does at a door's cable: a new firmware, a maintenance window, a factory reset."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import cbor2

from altgate.errors import ProvisionFailed, Refused
from altgate.protocol import provisioning as p
from altgate.protocol import reasons, service, update
from altgate.provision.access import Access
from altgate.provision.port import Port
from altgate.provision.service import Service, open_line
from altgate.provision.session import OTHER_FORM, WORK_S, Session
from altgate.release.slot import Image
from altgate.texts import reason_text

HELD_S = 30.0  # for the button to be found and held
LOOK_S = 0.5
ERASED_S = 240.0  # a large flash takes minutes to be erased
RESTART_S = 90.0
WINDOW_SAYS, BARE_SAYS = b"maintenance window", b"waiting to be provisioned"
Progress = Callable[[int, int], None]  # bytes done, of how many


@dataclass(frozen=True)
class Running:
    """What a door says of itself: what runs there, since which start, and from which number on it takes an
    image."""

    board: str
    version: str
    boot: int
    slot: str
    security: int


def check_scope(access: Access, scope: int) -> None:
    """Raise Refused where a service ticket does not allow something."""
    if not access.scope & scope:
        raise Refused(
            f"The service ticket for {access.door_name} is for {', '.join(access.scopes())}: ask for another "
            "one, altgate door service --scope."
        )


def check_image(image: Image) -> None:
    """Raise Refused for an image that no door takes over its line."""
    if not image.signature:
        raise Refused(
            "The image is not signed, and a door takes no other: sign it with altgate release sign. An "
            "unsigned one goes into a board that was wiped, through a maintenance window."
        )


def running(door: Service) -> Running:
    """What runs on the door at the other end."""
    about = door.ask(service.VERB_ABOUT)
    state = door.ask(service.VERB_UPDATE)
    found = about[3:4], about[1:2], about[4:5], state[:1], state[1:2]
    if [type(part[0]) if part else None for part in found] != [str, str, int, str, int]:
        raise ProvisionFailed(OTHER_FORM)
    return Running(*(part[0] for part in found))


def check_fits(image: Image, there: Running, is_again: bool) -> None:
    """Raise Refused where the door would not take an image, before anything of it is sent."""
    fields = image.fields
    if fields[update.BOARD] != there.board:
        raise Refused(
            f"The image is for {fields[update.BOARD]}, and this board is {there.board}: build one for it."
        )
    if fields[update.SECURITY] < there.security:
        raise Refused(
            f"The image has the security number {fields[update.SECURITY]}, and this door takes none below "
            f"{there.security}: use a newer image."
        )
    if not there.slot:
        raise Refused("The firmware of this board was not started from a code slot: flash the board instead.")
    if fields[update.VERSION] == there.version and not is_again:
        raise Refused(f"The door runs version {there.version} already: with --again it is sent all the same.")


def send(session: Session, door: Service, image: Image, progress: Progress) -> None:
    """Bring an image; the door tries it at its next start, which comes soon. Run again, it goes on where it
    stood. Raises ProvisionFailed."""
    content = cbor2.dumps([image.manifest, image.signature], canonical=True)
    session.send(p.CONTENT_UPDATE, content, lambda _: None)
    rom, offset = image.rom, _offset(door.ask(service.VERB_UPDATE), 2)
    while offset < len(rom):
        chunk = rom[offset : offset + service.IMAGE_CHUNK_BYTES]
        after = _offset(door.ask(service.VERB_UPDATE_BYTES, offset, chunk), 0)
        if after != offset + len(chunk):
            raise ProvisionFailed("The door lost count of the image: run the same command again.")
        offset = after
        progress(offset, len(rom))
    door.ask(service.VERB_UPDATE_FINISH, answer_s=WORK_S)


def wait_version(session: Session, port: Port, access: Access, before: Running, version: str) -> bool:
    """Wait until the door has started anew; whether it runs that version."""
    deadline = time.monotonic() + RESTART_S
    while time.monotonic() < deadline:
        # Knocks that waited while the board started are answered late, and only the last one counts.
        while port.read_line(LOOK_S) and time.monotonic() < deadline:
            continue
        try:
            about = open_line(session, access, 1).ask(service.VERB_ABOUT)
        except ProvisionFailed:
            continue
        if about[4:5] > [before.boot]:
            return about[1:2] == [version]
    return False


def open_window(session: Session, port: Port, is_now: bool) -> tuple[int, int]:
    """Have the door erase itself and give a prompt: ``(seconds, events that the host did not get)``.

    Returns when the prompt is there. Raises Refused where the host lacks events, ProvisionFailed.
    """
    answer = session.say([p.SAY_ASK, service.VERB_WINDOW, is_now], 20)
    if answer[:2] == [p.SAY_ASK, reasons.EVENTS_OWED]:
        raise Refused(
            f"The door has {answer[3]} events that its host does not know, and they would be lost: connect "
            "it to its network and repeat, or give --now."
        )
    if answer[:2] != [p.SAY_ASK, reasons.DONE] or [type(part) for part in answer[2:]] != [int, int]:
        raise ProvisionFailed(_refusal(answer))
    _wait_line(port, WINDOW_SAYS, "The window did not open: reset the board, which is bare now.")
    return answer[2], answer[3]


def reset(session: Session, port: Port, hold: Callable[[], None]) -> None:
    """Reset a door whose button somebody holds; ``hold()`` tells them to. Returns when the board is bare."""
    deadline, is_told = time.monotonic() + HELD_S, False
    while True:
        answer = session.say([p.SAY_ASK, service.VERB_RESET], 20)
        if answer[:2] == [p.SAY_ASK, reasons.DONE]:
            break
        if answer[:2] != [p.SAY_ASK, reasons.BUTTON_NOT_HELD] or time.monotonic() > deadline:
            raise ProvisionFailed(_refusal(answer))
        if not is_told:
            hold()
            is_told = True
        time.sleep(LOOK_S)
    _wait_line(port, BARE_SAYS, "The board does not say that it is bare: switch it off and on; it goes on.")


def _offset(values: list[object], at: int) -> int:
    value = values[at] if len(values) > at else None
    if type(value) is not int or value < 0:
        raise ProvisionFailed(OTHER_FORM)
    return value


def _refusal(answer: list[object]) -> str:
    code = answer[1] if len(answer) > 1 and type(answer[1]) is int else reasons.NONE
    return f"The door refused: {reason_text(code)}"


def _wait_line(port: Port, text: bytes, otherwise: str) -> None:
    deadline = time.monotonic() + ERASED_S
    while (left := deadline - time.monotonic()) > 0:
        if text in port.read_line(left):
            return
    raise ProvisionFailed(otherwise)
