"""Errors whose message is meant for a person: what happened, to what, and what to do next.

No message holds a key, a PIN or a password.
"""


class AltgateError(Exception):
    """Base of every error that ends a command with a sentence instead of a traceback."""


class Refused(AltgateError):
    """The request cannot be carried out as given; nothing was changed."""


class CheckFailed(AltgateError):
    """What was asked for was tried, and the answer is no: a broken record, a door that refused."""


class SiteUnusable(AltgateError):
    """The data directory is missing, not set up, or open to other users."""


class LinkFailed(AltgateError):
    """The broker cannot be reached, or its certificate or ours was not accepted."""


class ProvisionFailed(AltgateError):
    """The door on the serial port did not answer as it should."""


class BadMessage(AltgateError):
    """A message from a door that is not what it should be; ``reason`` is a code of protocol.reasons."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
