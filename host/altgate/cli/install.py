"""``altgate install``."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from altgate.cli import check as checking
from altgate.cli import label as labels
from altgate.cli.output import AsJson
from altgate.cli.provision import read_ticket
from altgate.cli.steps import (
    Baud,
    BoardPath,
    Micropython,
    PortName,
    Sha256,
    Shown,
    chosen,
    is_terminal,
    shown,
)
from altgate.errors import ProvisionFailed, Refused
from altgate.keys import fingerprints
from altgate.provision import board as boards
from altgate.provision.access import Access, by_ticket
from altgate.provision.board import Wifi
from altgate.provision.check import Result
from altgate.provision.improv import Client, Seen
from altgate.provision.port import FAST_BAUD, SerialPort
from altgate.provision.service import open_line
from altgate.provision.session import SILENT, TRIES, Board, Session
from altgate.provision.ticket import Ticket

STEPS = ("preflight", "flash", "network", "provision", "admission", "check", "label")
WAIT_MINUTES = 15
START_S = 20.0  # until a board that was flashed or has left answers
LISTEN_S = 1.0
SAYS = "altgate: "
NO_WIFI = 0  # the number of a network that is a cable
BARE, WAITS, DOOR = "bare", "waiting", "door"


@dataclass
class _Job:
    """One installation: what is known of it from step to step."""

    ticket: Ticket
    port: str
    tell: Shown
    yes: bool
    number: int = 0

    @property
    def access(self) -> Access:
        """The ticket's right at the door."""
        return by_ticket(self.ticket)

    def step(self, text: str) -> None:
        """Say which step begins."""
        self.tell.close_bar()
        self.number += 1
        self.tell.note(f"{self.number} of {len(STEPS)}, {STEPS[self.number - 1]}: {text}")

    def progress(self, name: str) -> Callable[[int, int], None]:
        """A bar for the bytes of a step."""
        return lambda done, total: self.tell.progress(name, done, total)

    def ask(self, question: str, default: str | None = None, is_secret: bool = False) -> str:
        """What a person answers; raises Refused where there is nobody."""
        self.tell.close_bar()
        if not is_terminal():
            raise Refused(f"Nobody can be asked ({question}): give it as an option; altgate install --help.")
        return str(
            typer.prompt(question, default=default, show_default=False, hide_input=is_secret, err=True)
        )


def install(
    ticket: Annotated[Path, typer.Option(help="File of the installation ticket.")],
    port: PortName = None,
    micropython: Micropython = None,
    board: BoardPath = None,
    sha256: Sha256 = None,
    ssid: Annotated[
        str | None, typer.Option(help="Wi-Fi network; asked for if left out. Empty where it is a cable.")
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the Wi-Fi password from standard input.")
    ] = False,
    wait: Annotated[
        int, typer.Option(min=0, max=240, help="Minutes to wait until a manager has admitted the board.")
    ] = WAIT_MINUTES,
    label: Annotated[
        Path | None, typer.Option(help="New file for the label, .svg; none is made if left out.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="New file for the report to sign, .html; none if left out.")
    ] = None,
    skip: Annotated[str, typer.Option(help="Parts that the door has not, as in altgate check.")] = "",
    baud: Baud = FAST_BAUD,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """From a board to a working door: look, flash, network, ticket, admission, check, label.

    Needs the ticket and no register. A board that is flashed already keeps
    what it has; --micropython is needed for one that is not. Whatever
    interrupts it, run the same command again: it goes on where it was.
    """
    held = read_ticket(ticket)
    if label:
        labels.check_new(label)
    if report:
        checking.check_new(report)
    checking.parts(skip)
    with shown(as_json) as tell:
        job = _Job(held, chosen(port, as_json), tell, yes)
        tell.note(f"The board becomes {held.door_name} of {held.building}, authority {held.authority()}.")
        state = _ready(job, micropython, board, sha256, baud)
        if state != DOOR:
            key = _provisioned(job, state, ssid, stdin)
            _admitted(job, key, wait)
        else:
            job.number = STEPS.index("admission") + 1
            tell.note("It is that door already.")
        results = _checked(job, skip, report)
        job.step(f"written to {label}." if label else "none was asked for; altgate label makes one.")
        if label:
            _draw(job, label)
        checking.complain(job.access, results)
        if as_json:
            rows = [{"part": one.part, "state": one.state, "found": one.note} for one in results]
            tell.event("result", door_id=held.door_id, door=held.door_name, checks=rows)
        else:
            typer.echo(f"{held.door_name} is a working door.")


def _ready(
    job: _Job, micropython: Path | None, board: Path | None, sha256: str | None, baud: int
) -> str:
    """Have a board on the port that runs altgate: BARE, or WAITS with the ticket, or is the DOOR already."""
    job.step(f"who answers on {job.port}.")
    state = _state(job, tries=2)
    job.step("MicroPython, partition table and firmware.")
    if micropython is not None and state in (None, BARE):
        from altgate.cli.flash import flash

        flash(micropython, job.port, board, sha256, False, baud, job.yes, False)
        state = _state(job, within_s=START_S)
    if state is None:
        raise ProvisionFailed(
            f"No altgate answers on {job.port}: give --micropython and the stock image, or, where it is "
            "flashed, look at altgate preflight. A door of another ticket answers nobody."
        )
    if micropython is None:
        job.tell.note("The board runs altgate; what it has stays.")
    return state


def _state(job: _Job, tries: int = TRIES, within_s: float = 0.0) -> str | None:
    until = time.monotonic() + within_s
    while True:
        with closing(SerialPort(job.port)) as line:
            exchange = Session(line)
            for _ in range(tries):
                if exchange.hello(1):
                    return BARE
                if exchange.knock(job.ticket.ticket_id, job.ticket.secret, 1):
                    return DOOR if boards.is_door(exchange) else WAITS
        if time.monotonic() > until:
            return None


def _draw(job: _Job, label: Path) -> None:
    with closing(SerialPort(job.port)) as line:
        labels.draw(labels.of_door(Session(line), job.access), label)


def _checked(job: _Job, skip: str, report: Path | None) -> list[Result]:
    """Every part of the door; its line is opened by the ticket."""
    job.step("every part of the door, with you watching.")
    with closing(SerialPort(job.port)) as line:
        opened = open_line(Session(line), job.access)
        return checking.carry_out(opened, job.access, not job.yes, checking.parts(skip), report)


def _provisioned(job: _Job, state: str, ssid: str | None, stdin: bool) -> str:
    """Network and ticket; returns the fingerprint of the board's key."""
    with closing(SerialPort(job.port)) as line:
        job.step("Wi-Fi, where the door has no cable.")
        if ssid is None and state == BARE:
            wifi = _network(job, Client(line))
        elif ssid:
            wifi = Wifi(ssid, _password(job, ssid, stdin))
            wifi.check()
            if state == BARE:
                # Whether it can be joined is known before anything else is done.
                Client(line).set_wifi(wifi.ssid, wifi.password)
        else:
            wifi = Wifi()
        job.step("the ticket goes to the board, which makes its own keys.")
        exchange = Session(line)
        if state == BARE:
            _bare(exchange)
        elif not exchange.knock(job.ticket.ticket_id, job.ticket.secret):
            raise ProvisionFailed(SILENT)
        if state == BARE or ssid is not None:
            request = boards.give(exchange, job.ticket, wifi, job.progress("ticket"))
        else:
            request = exchange.readable()
        exchange.leave()
        return fingerprints.of_request(request)


def _bare(exchange: Session) -> Board:
    found = exchange.hello()
    if found is None:
        raise ProvisionFailed(SILENT)
    exchange.open()
    return found


def _password(job: _Job, ssid: str, stdin: bool) -> str:
    if stdin:
        return typer.get_text_stream("stdin").readline().rstrip("\r\n")
    return job.ask(f"Password of {ssid}", "", is_secret=True)


def _network(job: _Job, client: Client) -> Wifi:
    """The network that a person chooses, once the board has joined it."""
    if job.yes or not is_terminal():
        raise Refused("Say which network: --ssid with --stdin for its password, or --ssid '' for a cable.")
    while True:
        seen = client.scan()
        job.tell.note(f"{NO_WIFI}: none, the door has a cable")
        for number, one in enumerate(seen, NO_WIFI + 1):
            lock = "" if one.is_secured else ", open to everybody"
            job.tell.note(f"{number}: {one.ssid}, {one.signal_dbm} dBm{lock}")
        answer = job.ask("Network, or Enter to look again", "")
        if answer == str(NO_WIFI):
            return Wifi()
        if answer.isdecimal() and int(answer) <= len(seen):
            chosen_one = seen[int(answer) - 1]
            wifi = Wifi(chosen_one.ssid, _secret(job, chosen_one))
            try:
                wifi.check()
                client.set_wifi(wifi.ssid, wifi.password)
                return wifi
            except (ProvisionFailed, Refused) as error:
                job.tell.note(str(error))


def _secret(job: _Job, seen: Seen) -> str:
    return _password(job, seen.ssid, False) if seen.is_secured else ""


def _admitted(job: _Job, key: str, minutes: int) -> None:
    """Wait until the board is the door; raises ProvisionFailed where nobody has admitted it in time."""
    job.step(
        f"the board's key is {key}. Read it to the manager, who compares it: altgate door admit "
        f'"{job.ticket.door_name}" --key {key}'
    )
    until, said = time.monotonic() + minutes * 60, ""
    while True:
        said = _told(job, said)
        state = _state(job, tries=1)
        if state == DOOR:
            return
        if time.monotonic() > until:
            raise ProvisionFailed(
                f"The board waits for its admission as {job.ticket.door_name}; run the same command again "
                "once the manager has run altgate door admit."
            )


def _told(job: _Job, before: str) -> str:
    """What the board last said of Wi-Fi and broker, told once; returns it."""
    with closing(SerialPort(job.port)) as line:
        until = time.monotonic() + LISTEN_S
        while (left := until - time.monotonic()) > 0:
            said = line.read_line(left).decode(errors="replace").strip()
            if said.startswith(SAYS) and said != before and said.isprintable():
                before = said
                job.tell.note(said.removeprefix(SAYS))
    return before
