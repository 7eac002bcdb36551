"""The laptop's end of a door's serial line: it proves a service key, and asks."""

import time
from typing import Any

from altgate.errors import ProvisionFailed
from altgate.protocol import provisioning as p
from altgate.protocol import reasons, service
from altgate.provision.access import Access
from altgate.provision.session import OTHER_FORM, Session
from altgate.texts import reason_text

TRIES = 3
ANSWER_S = 5.0
DEAF_S = 1.2  # after a knock that proved nothing a door hears none for a second
SILENT = (
    "The door does not answer: it is another door than {door}, or another board since, or the service ticket "
    "has expired by the door's clock. Check port and cable, or ask for a new one: altgate door service."
)


class Service:
    """A door whose line is open, from open_line(), and is opened again after a long pause."""

    def __init__(self, session: Session, access: Access) -> None:
        self._session, self._access, self._heard = session, access, 0.0

    def open(self, tries: int = TRIES) -> None:
        """Knock; raises ProvisionFailed where the door stays silent, and Refused."""
        self._access.check_time()
        for _ in range(tries):
            # Each time another knock: a door hears none twice.
            if self._session.knock(self._access.who, self._access.key, 1):
                self._heard = time.monotonic()
                return
        raise ProvisionFailed(SILENT.format(door=self._access.door_name))

    def _ready(self) -> Session:
        if time.monotonic() - self._heard > service.SILENCE_S / 2:
            self.open()
        return self._session

    def ask(self, verb: int, *arguments: Any, answer_s: float = ANSWER_S) -> list[Any]:
        """What the door answers to a verb of protocol.service; raises ProvisionFailed where it refuses."""
        answer = self._ready().say([p.SAY_ASK, verb, *arguments], answer_s)
        self._heard = time.monotonic()
        if len(answer) < 2 or answer[0] != p.SAY_ASK or type(answer[1]) is not int:
            raise ProvisionFailed(OTHER_FORM)
        if answer[1] != reasons.DONE:
            raise ProvisionFailed(f"The door refused: {reason_text(answer[1])}")
        return answer[2:]

    def certificate(self) -> bytes:
        """The certificate of the door's key, DER."""
        return self._ready().readable()

    def leave(self) -> None:
        """Close the line; the door goes on."""
        self._ready().say([p.SAY_LEAVE])


def open_line(session: Session, access: Access, tries: int = TRIES) -> Service:
    """Open the line of a door; raises ProvisionFailed where it stays silent, and Refused."""
    line = Service(session, access)
    line.open(tries)
    return line
