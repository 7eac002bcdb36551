"""mosquitto's settings for a building: each door reads and writes its own topics, and nobody else's."""

from dataclasses import dataclass
from pathlib import Path

from altgate.errors import Refused, SiteUnusable
from altgate.keys.authority import HOST
from altgate.protocol import limits, topics
from altgate.registry.site import CRL, PKI

SETTINGS, ACCESS = "mosquitto.conf", "acl"
FOLDER = "broker"
# A door that is away for a month must find all that was said to it, and so must the host.
QUEUED = 100_000
# Beside the payload: topic and header of one message.
OVERHEAD_BYTES = 256


@dataclass(frozen=True)
class Listener:
    """Where the broker listens, and as whom it runs where it was started as root."""

    address: str
    port: int
    user: str


def settings(data: Path, folder: Path, listener: Listener) -> str:
    """The text of mosquitto.conf; ``data``: the building's directory, ``folder``: the broker's own."""
    pki = data / PKI
    lines = (
        "# Made by `altgate broker init`. Doors and host prove themselves by certificates of the building.",
        f"listener {listener.port} {listener.address}",
        f"cafile {pki / 'ca.pem'}",
        f"certfile {pki / 'broker.pem'}",
        f"keyfile {pki / 'broker.key'}",
        f"crlfile {pki / CRL}",
        "require_certificate true",
        "tls_version tlsv1.2",
        "allow_anonymous false",
        "# The certificate says who it is. Nobody takes another one's session over by its client id.",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        f"acl_file {folder / ACCESS}",
        "# A command must not wait until a door's side has confirmed what was sent before.",
        "set_tcp_nodelay true",
        f"message_size_limit {limits.MESSAGE_BYTES + OVERHEAD_BYTES}",
        f"max_queued_messages {QUEUED}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 60",
        f"user {listener.user}",
    )
    return "\n".join(lines) + "\n"


def access() -> str:
    """The text of the list of who may read and write what."""
    lines = (
        "# Made by `altgate broker init`.",
        f"user {HOST}",
        f"topic read {topics.ROOT}/+/up/#",
        f"topic write {topics.ROOT}/+/down/#",
        "",
        f"pattern write {topics.ROOT}/%u/up/#",
        f"pattern read {topics.ROOT}/%u/down/#",
    )
    return "\n".join(lines) + "\n"


def write(data: Path, folder: Path, listener: Listener, is_replacing: bool) -> list[Path]:
    """Write both files into ``folder``; returns their paths.

    Raises Refused where one is there with another content and is not to be replaced, SiteUnusable where
    nothing can be written.
    """
    if any(letter.isspace() for letter in str(folder) + str(data)):
        raise Refused(f"mosquitto takes no path with spaces in it: move {data} or {folder} to one without.")
    wanted = {
        folder / SETTINGS: settings(data, folder, listener),
        folder / ACCESS: access(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, text in wanted.items():
            if path.exists() and not is_replacing and path.read_text(encoding="utf-8") != text:
                raise Refused(
                    f"{path} is there and says something else: move it away, or replace it with --replace."
                )
        for path, text in wanted.items():
            draft = path.with_suffix(".new")
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
    except OSError as error:
        raise SiteUnusable(
            f"{folder} cannot be written ({error.strerror}): name another place with --folder."
        ) from None
    return list(wanted)
