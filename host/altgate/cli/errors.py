"""The one table of exit codes, and what ``altgate`` prints when it ends with one of them."""

from altgate.errors import (
    AltgateError,
    CheckFailed,
    LinkFailed,
    ProvisionFailed,
    Refused,
    SiteUnusable,
)

EXIT_CODES: dict[int, tuple[type[AltgateError] | None, str]] = {
    0: (None, "done"),
    1: (
        CheckFailed,
        "tried, and the answer is no: a bad audit record, a door that refused or did not answer",
    ),
    2: (Refused, "the request is not possible as given; nothing was changed"),
    3: (SiteUnusable, "the data directory is missing, not set up, damaged, or open to other users"),
    4: (LinkFailed, "the broker cannot be reached, or a certificate was not accepted"),
    5: (ProvisionFailed, "the door on the serial port did not answer as it should"),
    130: (None, "interrupted by Ctrl-C"),
}


def exit_code(error: AltgateError) -> int:
    """The documented exit code of an error; 1 for one that the table does not name."""
    return next((code for code, (kind, _) in EXIT_CODES.items() if kind and isinstance(error, kind)), 1)


def table_text() -> str:
    """The table as text, for the end of ``altgate --help``."""
    rows = "\n\n".join(f"{code}: {meaning}" for code, (_, meaning) in EXIT_CODES.items())
    return "Exit codes\n\n" + rows
