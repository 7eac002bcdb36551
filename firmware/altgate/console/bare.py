"""What a board without an identity says on its line: it takes a ticket, and then waits to be admitted."""

import altgate
from altgate import board, pins
from altgate.console.content import Contents
from altgate.console.line import Bad
from altgate.store import enrolment, identity
from protocol import provisioning, reasons


class Desk:
    """``door``: app.Door. ``wifi()``: ``(ssid, password)`` that somebody gave it otherwise, or None."""

    def __init__(self, door, wifi):
        self._door = door
        self._wifi = wifi
        self.is_done = False  # whether the board is to start anew, as what it has become
        self.has_changed = False  # whether it is to do so once nobody speaks with it any more
        record = door.enrolment.record if door.enrolment else b""
        self._contents = Contents(self._content, record)

    def hello(self):
        """What a bare board says of itself; a board that waits keeps silent."""
        if self._door.enrolment:
            return None
        return [board.hardware_id(), altgate.VERSION, altgate.BUILD, pins.BOARD]

    def psk(self, who):
        """The secret of the ticket by which a board waits."""
        held = self._door.enrolment
        return held.ticket_secret if held and who == held.ticket_id else None

    def proved(self, nonce):
        """See line.Line: a knock that comes again changes nothing on a board that waits."""
        return True

    def entered(self, who):
        """See line.Line: there is one ticket, and it allows everything that is said here."""

    async def take(self, said):
        """See line.Line."""
        if said[0] == provisioning.SAY_LEAVE:
            self.is_done = True
            return [provisioning.SAY_LEAVE]
        return await self._contents.said(said)

    async def _content(self, kind, content):
        try:
            if kind == provisioning.CONTENT_TICKET:
                return await self._ticket(content)
            if kind == provisioning.CONTENT_ADMISSION and self._door.enrolment:
                enrolment.admit(self._door, content)
                self.is_done = True
                return b""
        except identity.Unfit as error:
            raise Bad(error.reason)
        raise Bad(reasons.UNKNOWN_VERB)

    async def _ticket(self, content):
        before = self._door.enrolment
        made = await enrolment.make(board.wrapping_page(), before, content, self._wifi())
        self._door.enrolment = made
        self.has_changed = True
        return made.record
