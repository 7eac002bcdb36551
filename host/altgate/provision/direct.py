"""A board made a door by whoever has the register at hand: ticket and admission come at once."""

from altgate.errors import BadMessage, ProvisionFailed
from altgate.provision import board as boards
from altgate.provision.board import Progress, Wifi
from altgate.provision.session import Board, Session
from altgate.provision.ticket import Ticket, read
from altgate.registry import doors, enrolments, revocation
from altgate.registry.site import Site


def provision(
    site: Site, door: str, broker: tuple[str, int], wifi: Wifi, exchange: Session, progress: Progress,
    is_replacing: bool = False,
) -> Board | None:  # fmt: skip
    """Make the board on the line the door of this name; what it said of itself where it was bare.

    Run again after any interruption, it goes on. Raises ProvisionFailed, Refused.
    """
    wifi.check()
    open_ticket, is_admitted = _open_ticket(site, door)
    try:
        bare = boards.find(exchange, open_ticket)
    except ProvisionFailed:
        if not is_admitted:
            raise
        # Its ticket may have expired, or the host has heard it meanwhile: then the door is silent to it.
        raise ProvisionFailed(
            f"The board does not answer. One was admitted as {door}: if it is this one, it is the door by "
            "now, and altgate door list says so once it was heard. Otherwise check the port, or reset the "
            "board to factory state."
        ) from None
    if bare is None and is_admitted and boards.is_door(exchange):
        # The last answer was lost, and the board is what it was to become.
        return None
    with site.write() as session:
        found = doors.find(session, door)
        row = enrolments.current(session, found)
        if bare or row is None or open_ticket is None:
            # A bare board gets a ticket of its own: another board may have taken the one that is open.
            text = enrolments.issue_ticket(site, session, found, broker, 1, is_replacing)
        else:
            text = enrolments.text(site, row)
    request = boards.give(exchange, read(text), wifi, progress)
    with site.write() as session:
        found = doors.find(session, door)
        try:
            row = enrolments.take(site, session, found, request)
        except BadMessage as error:
            raise ProvisionFailed(
                f"The board's request does not fit its ticket ({error}): reset it, and repeat."
            ) from None
        admission = enrolments.admit(site, session, found, row)
    revocation.refresh(site)
    boards.bring(exchange, admission, progress)
    return bare


def _open_ticket(site: Site, door: str) -> tuple[Ticket | None, bool]:
    """The ticket that is open, and whether a board was admitted by it."""
    with site.read() as session:
        row = enrolments.current(session, doors.find(session, door))
        return (read(enrolments.text(site, row)), bool(row.admission)) if row else (None, False)
