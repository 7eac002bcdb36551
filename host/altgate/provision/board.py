"""What a laptop does with a ticket and a board: open its line, give it the ticket, bring it its admission."""

from collections.abc import Callable
from dataclasses import astuple, dataclass, field

import cbor2

from altgate.clock import now_s
from altgate.errors import BadMessage, ProvisionFailed, Refused
from altgate.plain_cbor import decode
from altgate.protocol import provisioning as p
from altgate.protocol import service
from altgate.provision.session import OTHER_FORM, SILENT, TRIES, Board, Session
from altgate.provision.ticket import Ticket

SSID_BYTES, PASSWORD_BYTES = 32, 64
Progress = Callable[[int, int], None]  # bytes done, of how many


@dataclass(frozen=True)
class Wifi:
    """A network's name and password; an empty name where the board needs none, or has one by Improv."""

    ssid: str = ""
    password: str = field(default="", repr=False)

    def check(self) -> None:
        """Raise Refused for what no network can have."""
        if len(self.ssid.encode()) > SSID_BYTES:
            raise Refused(f"A Wi-Fi name has at most {SSID_BYTES} bytes: check --ssid.")
        if len(self.password) > PASSWORD_BYTES or 0 < len(self.password) < 8:
            raise Refused(f"A Wi-Fi password has 8 to {PASSWORD_BYTES} characters: check it.")


def find(session: Session, ticket: Ticket | None) -> Board | None:
    """Open the line of a board: what it says of itself where it is bare, None where it waits with the ticket.

    Raises ProvisionFailed where neither is so.
    """
    for _ in range(TRIES):
        # A board that waits stays silent to a hello, and one that is bare to a knock.
        board = session.hello(1)
        if board is not None:
            session.open()
            return board
        if ticket and session.knock(ticket.ticket_id, ticket.secret, 1):
            return None
    raise ProvisionFailed(SILENT)


def is_door(session: Session) -> bool:
    """Whether who answered to a ticket is the door by now, whose line is closed then.

    A board that waits knows no such question.
    """
    try:
        session.say([p.SAY_ASK, service.VERB_ABOUT])
        session.leave()
    except ProvisionFailed:
        return False
    return True


def give(session: Session, ticket: Ticket, wifi: Wifi, progress: Progress) -> bytes:
    """Have a board whose line is open wait with a ticket; returns its request to be admitted.

    May be run again after any interruption; the network of a board that waits is corrected then. Raises
    ProvisionFailed, Refused.
    """
    ticket.check_time()
    wifi.check()
    told = {
        p.GIVEN: ticket.given,
        p.WIFI_SSID: wifi.ssid,
        p.WIFI_PASSWORD: wifi.password,
        p.TIME: now_s(),
    }
    content = cbor2.dumps(told, canonical=True)
    return session.send(p.CONTENT_TICKET, content, lambda done: progress(done, len(content)))


def request_of(request: bytes) -> Board:
    """What a board says of itself in its request to be admitted; raises ProvisionFailed for anything else."""
    try:
        said = decode(decode(request)[0])
        board = Board(said[p.HARDWARE_ID], said[p.FIRMWARE], said[p.BUILD], said[p.BOARD_NAME])
    except (BadMessage, TypeError, KeyError, IndexError):
        raise ProvisionFailed(OTHER_FORM) from None
    if not all(isinstance(part, str) for part in astuple(board)):
        raise ProvisionFailed(OTHER_FORM)
    return board


def bring(session: Session, admission: bytes, progress: Progress) -> None:
    """Make the board that waits the door; it starts anew by itself. Raises ProvisionFailed."""
    session.send(p.CONTENT_ADMISSION, admission, lambda done: progress(done, len(admission)))
