"""New code at a door's cable: a signed update, a maintenance window for mpremote, a factory reset."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from altgate.demo.building import FRONT, Building
from altgate.errors import ProvisionFailed, Refused
from altgate.protocol import messages as m
from altgate.protocol import reasons, service
from altgate.protocol import update as u
from altgate.provision import image, maintenance
from altgate.provision.port import SerialPort
from altgate.provision.service import open_line
from altgate.provision.session import Session
from altgate.registry import doors, services
from altgate.release import key as keys
from altgate.release.slot import from_slot
from support import image as boards
from support import signed
from support.commands import Run, commands
from support.signed import BROKEN, NEW, OLD, Images

BARE = "waiting to be provisioned"
SHUT_S = 4.0  # mpremote takes a part of a second where there is a prompt


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    folder = tmp_path_factory.mktemp("images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys.platformdirs, "user_state_dir", lambda name: str(folder / "state"))
        yield signed.build(folder, image.regions()[:2])


@pytest.fixture
def building(tmp_path: Path, images: Images) -> Iterator[Building]:
    with Building(tmp_path, board=lambda folder: boards.stock(folder, images.regions)) as made:
        yield made


@pytest.fixture
def run(building: Building) -> Run:
    return commands(building.site.data)


def told_to_type(command: str, **given: object) -> list[str]:
    """The words of the page's command that begins so, with what it says for port, door and files replaced."""
    page = (Path(__file__).parents[2] / "docs" / "updating.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith(f"    altgate {command} "))
    words = shlex.split(line)[1:]
    places = {"/dev/ttyACM0": "port", "front.service": "ticket", "door.img": "image", "update": "scope"}
    return [words[0]] + [str(given.get(places.get(word, ""), word)) for word in words[1:]]


def service_ticket(run: Run, folder: Path, scope: str) -> str:
    file = folder / f"{scope}.service"
    run(*told_to_type("door service", scope=scope, ticket=file))
    return str(file)


def mpremote(building: Building, *words: str, patience_s: float = 30) -> subprocess.CompletedProcess[str]:
    """Stock mpremote at the board's port."""
    command = [sys.executable, "-m", "mpremote", "connect", building.board.console_path, "resume", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience_s, check=False)


def is_shut(building: Building) -> bool:
    """Whether mpremote, which waits for a prompt, gets none."""
    try:
        done = mpremote(building, "exec", "print(6*7)", patience_s=SHUT_S)
    except subprocess.TimeoutExpired as waited:
        return b"42" not in (waited.stdout or b"")
    return done.returncode != 0 and "42" not in done.stdout


def opens(building: Building) -> None:
    """A card opens the door, and is taken away again."""
    since = building.board.now_us()
    building.board.tap(building.card())
    building.board.wait_pin("strike", 1, after_us=since)
    building.board.untap()


def told(building: Building, what: int, after: int) -> None:
    """Wait for an event about an update."""

    def look() -> bool | None:
        found = building.events(m.KIND_UPDATE)
        return any(one.number > after and (one.detail or 0) & 0xFF == what for one in found) or None

    building.wait(look, f"event {what} of an update", 60)


def test_a_signed_update_is_kept_and_one_that_does_not_start_goes_back(
    building: Building, images: Images, run: Run, tmp_path: Path
) -> None:
    board, number = building.board, building.last_number()
    ticket = service_ticket(run, tmp_path, "update")
    port = board.console_path
    # What does not fit is refused before anything is sent.

    def words(image_: object) -> list[str]:
        return told_to_type("update", port=port, ticket=ticket, image=image_)

    assert "not signed" in str(run(*words(images.unsigned), code=2).exception)
    assert "no image" in str(run(*words(ticket), code=1).exception)
    starts = board.starts
    _interrupted(building, images)
    # The door opens while an image is on its way, and the same command goes on with it.
    opens(building)
    done = json.loads(run(*words(images.new), "--json").stdout)
    assert (done["before"], done["version"], done["state"]) == (OLD, NEW, "on trial")
    for what in (u.EVENT_BEGUN, u.EVENT_TAKEN, u.EVENT_KEPT):
        told(building, what, number)
    assert board.starts == starts + 1
    opens(building)
    assert "already" in str(run(*words(images.new), code=2).exception)
    number = building.last_number()
    assert json.loads(run(*words(images.broken), "--json").stdout)["state"] == "not running"
    told(building, u.EVENT_ROLLED_BACK, number)
    opens(building)
    printed = board.console.text()
    assert printed.rfind(f"altgate {NEW}") > printed.index("was not confirmed: back to")
    assert BROKEN not in [one for one in printed.split() if one == BROKEN]
    number = building.last_number()
    assert run("audit", "verify").exit_code == 0


def _interrupted(building: Building, images: Images) -> None:
    """Half of an image is brought, and the cable is pulled."""

    class Pulled(Exception):
        pass

    def pull(done: int, total: int) -> None:
        if done > total // 2:
            raise Pulled

    with building.site.write() as session:
        access = services.grant(building.site, session, doors.find(session, FRONT), service.SCOPE_UPDATE)
    line = SerialPort(building.board.console_path)
    try:
        exchange = Session(line)
        opened = open_line(exchange, access)
        with pytest.raises(ProvisionFailed, match="does not allow"):
            opened.ask(service.VERB_WINDOW, True)
        held = from_slot(images.new.read_bytes())
        with pytest.raises(Pulled):
            maintenance.send(exchange, opened, held, pull)
    finally:
        line.close()


def test_a_window_is_open_for_mpremote_alone_and_the_board_is_bare_after_it(
    building: Building, run: Run, tmp_path: Path
) -> None:
    board, port = building.board, building.board.console_path
    assert is_shut(building)
    ticket = service_ticket(run, tmp_path, "window")
    words = told_to_type("window", port=port, ticket=ticket)
    assert "--yes" in str(run(*words, code=2).exception)
    # While the host lacks events the window stays shut.
    building.pause_host()
    opens(building)
    owed = run(*words, "--yes", code=2)
    assert "--now" in str(owed.exception)
    building.serve()
    building.wait_event(m.KIND_ENTRY)
    number = building.last_number()
    keys_before = _page(building)
    done = _opened(building, ticket)
    opened_s = time.monotonic()
    assert done["seconds"] == signed.WINDOW_S and done["events_lost"] == 0
    assert building.wait_event(m.KIND_WINDOW, number).detail == u.WINDOW_OPENED
    assert board.pins["strike"] == 0 and board.pins["face_supply"] == 0
    assert _page(building) == bytes(len(keys_before)) and keys_before not in _flash(building)
    inside = mpremote(building, "exec", "print(6*7)")
    assert "42" in inside.stdout, inside
    (tmp_path / "new.py").write_text("x = 1\n", encoding="utf-8")
    assert mpremote(building, "fs", "cp", str(tmp_path / "new.py"), ":new.py").returncode == 0
    assert "new.py" in mpremote(building, "fs", "ls").stdout
    # What anybody plants where a door keeps its things does not outlast the window.
    planted = "import esp32;esp32.Partition.find(1,label='consents')[0].writeblocks(0,b'planted!',0)"
    assert mpremote(building, "exec", planted).returncode == 0
    assert b"planted!" in _flash(building)
    building.wait(
        lambda: board.console.text().count(BARE) > 1 or None, "the end of the window", signed.WINDOW_S + 20
    )
    assert time.monotonic() - opened_s < signed.WINDOW_S + 10
    assert b"planted!" not in _flash(building)
    assert is_shut(building)
    number = building.last_number()
    building.provision()
    assert building.wait_event(m.KIND_WINDOW, number).detail == u.WINDOW_ENDED
    building.wait_applied()
    opens(building)


def test_a_reset_at_the_cable_takes_the_button_too(building: Building, run: Run, tmp_path: Path) -> None:
    board, port = building.board, building.board.console_path
    ticket = service_ticket(run, tmp_path, "reset")
    words = told_to_type("reset", port=port, ticket=ticket)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maintenance, "HELD_S", 1.0)
        refused = run(*words, "--yes", code=5)
        assert "not held" in str(refused.exception) and "Hold the button" in refused.stderr
    opens(building)
    starts, number = board.starts, building.last_number()
    board.drive("reset_button", 0)
    assert json.loads(run(*words, "--yes", "--json").stdout)["state"] == "bare"
    board.drive("reset_button", 1)
    assert board.starts == starts + 1
    assert building.wait_event(m.KIND_RESET, number).detail == u.RESET_BEGUN


def test_events_that_a_window_takes_with_it_are_told_as_a_gap(
    building: Building, run: Run, tmp_path: Path
) -> None:
    ticket = service_ticket(run, tmp_path, "window")
    building.pause_host()
    opens(building)
    words = ("window", building.board.console_path, "--ticket", ticket, "--yes", "--now", "--json")
    lost = json.loads(run(*words).stdout)["events_lost"]
    assert lost >= 3
    # Its supply goes: a window does not outlast that.
    building.board.power_off()
    building.board.power_on()
    building.wait(lambda: building.board.console.text().count(BARE) > 1 or None, "a bare board")
    assert is_shut(building)
    building.serve()
    number = building.last_number()
    building.provision()
    assert building.wait_event(m.KIND_GAP, number).detail == lost
    assert building.wait_event(m.KIND_WINDOW, number).reason == reasons.NONE


def _opened(building: Building, ticket: str) -> dict[str, object]:
    """What the command says once the door knows that the host has all its events."""
    run, port = commands(building.site.data), building.board.console_path

    def look() -> Result | None:
        done = run("window", port, "--ticket", ticket, "--yes", "--json", code=None)
        return None if isinstance(done.exception, Refused) else done

    done = building.wait(look, "the door's events to be acknowledged", 30)
    assert not done.exception, done.exception
    return dict(json.loads(done.stdout))


def _page(building: Building) -> bytes:
    """The page of the wrapping key."""
    offset = building.board.wiring.partition("keys")[0]
    return _flash(building)[offset : offset + 80]


def _flash(building: Building) -> bytes:
    return (building.site.data.parent / "board" / "flash.bin").read_bytes()
