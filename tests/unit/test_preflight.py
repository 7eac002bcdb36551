"""What can stand before a flash: each cause is found, has one remedy, and is in the documents."""

import ast
import errno
import os
import pty
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import serial

from altgate.cli.errors import exit_code
from altgate.errors import AltgateError
from altgate.provision import adapters, esp, port, preflight
from altgate.provision.causes import CAUSES, trouble
from conftest import ROOT
from support.board import MB, Board, Faults
from support.flashing import BAUD, BOARD, Told

HOST = ROOT / "host" / "altgate"
FACTS = re.compile(r"\{(\w+)\}")


def cause(error: pytest.ExceptionInfo[AltgateError]) -> str:
    return str(getattr(error.value, "cause", None))


def test_every_cause_is_in_the_documents_with_its_remedy() -> None:
    page = (ROOT / "docs" / "flashing.md").read_text(encoding="utf-8")
    page = page.split("## What can stand in the way")[1]
    shown = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", page, re.M)
    told = [(name, FACTS.sub(r"*\1*", row.says), FACTS.sub(r"*\1*", row.do)) for name, row in CAUSES.items()]
    assert shown == told


def test_every_cause_is_raised_somewhere_with_all_its_facts() -> None:
    raised: dict[str, list[set[str]]] = {}
    for path in [*(HOST / "provision").glob("*.py"), *(HOST / "cli").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "trouble":
                facts = {one.arg for one in node.keywords if one.arg}
                names = {one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
                for name in names & set(CAUSES):
                    raised.setdefault(str(name), []).append(facts)
    assert set(raised) == set(CAUSES)
    for name, row in CAUSES.items():
        wanted = set(FACTS.findall(row.says + row.do))
        assert all(wanted <= facts for facts in raised[name]), name


def test_each_cause_ends_with_its_exit_code() -> None:
    for name, row in CAUSES.items():
        error = trouble(name, **dict.fromkeys(FACTS.findall(row.says + row.do), "x"))
        assert exit_code(error) == (2 if row.is_refusal else 5)
        assert str(error) == f"{error.says} {error.do}" and error.do.strip().endswith("."), name


# Which port.


def see(monkeypatch: pytest.MonkeyPatch, *ports: tuple[str, int | None, int | None]) -> None:
    listed = [SimpleNamespace(device=name, vid=vid, pid=pid) for name, vid, pid in ports]
    monkeypatch.setattr(port.list_ports, "comports", lambda: listed)


CP210X, CH340, OWN = ("A", 0x10C4, 0xEA60), ("B", 0x1A86, 0x7523), ("C", 0x303A, 0x1001)
PLAIN = ("ttyS0", None, None)


@pytest.mark.parametrize("one", [CP210X, CH340, OWN])
def test_the_one_board_is_taken(monkeypatch: pytest.MonkeyPatch, one: tuple[str, int, int]) -> None:
    see(monkeypatch, PLAIN, one, ("mouse", 0x046D, 0xC077))
    assert port.choose(None) == one[0]


def test_of_several_boards_one_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, CP210X, OWN)
    with pytest.raises(AltgateError, match=r"A \(CP210x\), C \(ESP32's own USB\)") as caught:
        port.choose(None)
    assert cause(caught) == "several_ports"
    assert port.choose("A") == "A"


def test_a_name_that_is_no_port_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, CH340)
    with pytest.raises(AltgateError, match=r"no serial port /dev/ttyUSB7\. Seen: B \(CH340\)") as caught:
        port.choose("/dev/ttyUSB7")
    assert cause(caught) == "no_such_port"


def test_no_board_names_the_cable_and_every_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, PLAIN)
    monkeypatch.setattr(adapters, "plugged_in", list)
    with pytest.raises(AltgateError) as caught:
        port.choose(None)
    assert cause(caught) == "no_port"
    for words in ("only charges", "CP210x VCP", "CH341SER", "CH343SER", "FTDI"):
        assert words in str(caught.value)


def test_a_usb_chip_without_a_port_lacks_its_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, vid, pid in (("1-1", "046d", "c077"), ("1-2", "1a86", "55d4")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "idVendor").write_text(vid + "\n")
        (tmp_path / name / "idProduct").write_text(pid + "\n")
    assert [one.name for one in adapters.plugged_in(tmp_path)] == ["CH9102"]
    see(monkeypatch, PLAIN)
    found = adapters.plugged_in(tmp_path)
    monkeypatch.setattr(adapters, "plugged_in", lambda: found)
    with pytest.raises(AltgateError, match="A CH9102 is plugged in.*CH343SER") as caught:
        port.choose(None)
    assert cause(caught) == "no_driver"


# Opening it.


WINDOWS = "could not open port 'X': "


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ((errno.EACCES, "could not open port X: [Errno 13] Permission denied"), "permission"),
        ((errno.EBUSY, "[Errno 16] Resource busy"), "busy"),
        ((WINDOWS + "PermissionError(13, 'Access is denied.', None, 5)",), "busy"),
        ((WINDOWS + "FileNotFoundError(2, 'The system cannot find the file', None, 2)",), "no_such_port"),
        ((errno.ENOENT, "could not open port X"), "no_such_port"),
        ((errno.EIO, "could not open port X"), "cannot_open"),
        (("a device attached to the system is not functioning",), "cannot_open"),
    ],
)
def test_what_keeps_a_port_shut_is_named(
    monkeypatch: pytest.MonkeyPatch, error: tuple[Any, ...], named: str
) -> None:
    def refuse() -> None:
        raise serial.SerialException(*error)

    line = SimpleNamespace(open=refuse)
    monkeypatch.setattr(port.serial, "serial_for_url", lambda *_, **__: line)
    with pytest.raises(AltgateError) as caught:
        port.open_serial("X")
    assert cause(caught) == named
    if named == "permission":
        assert "usermod -aG dialout" in str(caught.value)


def test_a_port_that_another_program_holds_is_busy(terminal: "Terminal") -> None:
    held = port.open_serial(terminal.name)
    with pytest.raises(AltgateError) as caught:
        port.open_serial(terminal.name)
    held.close()
    assert cause(caught) == "busy"
    port.open_serial(terminal.name).close()


def test_the_program_that_holds_a_port_is_told(tmp_path: Path) -> None:
    for number, target in (("12", "/dev/null"), ("34", "/dev/ttyX"), (str(os.getpid()), "/dev/ttyX")):
        (tmp_path / number / "fd").mkdir(parents=True)
        (tmp_path / number / "comm").write_text("screen\n")
        (tmp_path / number / "fd" / "3").symlink_to(target)
    assert port.holder("/dev/ttyX", tmp_path) == "screen (process 34)"
    assert port.holder("/dev/ttyY", tmp_path) is None


@pytest.mark.parametrize("error", [serial.SerialException("gone"), termios.error(5, "Input/output error")])
def test_a_cable_that_is_pulled_is_named_whatever_is_raised(error: Exception) -> None:
    with pytest.raises(AltgateError, match="went away") as caught, port.vanishing("X"):
        raise error
    assert cause(caught) == "port_lost"
    with pytest.raises(AltgateError) as caught, esp._line("X"):
        raise error
    assert cause(caught) == "port_lost"


def test_a_port_that_is_gone_at_the_second_try_was_pulled(tmp_path: Path) -> None:
    board = Board(tmp_path)

    def work(chip: esp.Chip, rate: int) -> None:
        board.port.unlink()
        raise esp.LineTrouble

    with board.plugged(), pytest.raises(AltgateError) as caught:
        preflight.steadily(str(board.port), BOARD, BAUD, Told(), work)
    assert cause(caught) == "port_lost"


# What answers.


class Terminal:
    """A PTY with somebody at the other end who says one thing over and over."""

    def __init__(self, says: bytes) -> None:
        self._master, self._slave = pty.openpty()
        self.name, self._says, self._stop = os.ttyname(self._slave), says, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while self._says and not self._stop.wait(0.02):
            os.write(self._master, self._says)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    made = Terminal(getattr(request, "param", b""))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("terminal", "named"),
    [(b"", "no_answer"), (b"hello\r\n", "no_answer"), (b"Brownout detector was triggered\r\n", "brown_out")],
    indirect=["terminal"],
)
def test_a_board_that_does_not_answer_is_listened_to(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, named: str
) -> None:
    monkeypatch.setattr(esp, "ATTEMPTS", 1)
    with pytest.raises(AltgateError) as caught:
        preflight.steadily(terminal.name, BOARD, BAUD, Told(), lambda chip, rate: None)
    assert cause(caught) == named


def test_a_board_that_was_not_reset_into_its_loader_wants_its_button(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    def detect(*_: Any, **__: Any) -> None:
        raise esp.FatalError("Wrong boot mode detected (0x13)! The chip needs to be in download mode.")

    monkeypatch.setattr(esp.cmds, "detect_chip", detect)
    with pytest.raises(AltgateError, match="Hold the BOOT button") as caught:
        esp.connect(terminal.name)
    assert cause(caught) == "boot_button"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "LISTEN_S", 0.2)
    monkeypatch.setattr(preflight, "HELLO_S", 0.1)


def look(board: Board, faults: Faults | None = None) -> preflight.Report:
    with board.plugged(faults):
        return preflight.look(str(board.port), BOARD, Told(), BAUD)


def test_a_good_board_is_told_of_and_not_changed(tmp_path: Path) -> None:
    board = Board(tmp_path)
    report = look(board)
    assert (report.chip, report.flash_mb, report.baud) == ("ESP32-S3", 16, BAUD)
    assert re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", report.mac)
    assert report.holds == "nothing that starts" and report.firmware == ""
    assert not board.flash.erased and not board.flash.programmed


def test_an_altgate_that_waits_says_its_version(tmp_path: Path) -> None:
    assert look(Board(tmp_path), Faults(firmware="0.1.0")).firmware == "0.1.0"


def test_a_board_that_complains_of_its_supply_is_not_flashed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preflight, "LISTEN_S", 1.0)
    with pytest.raises(AltgateError, match="gives more current") as caught:
        look(Board(tmp_path), Faults(says=b"\r\nBrownout detector was triggered\r\n\r\n"))
    assert cause(caught) == "brown_out"


def test_a_line_that_is_good_only_when_slow_is_told(tmp_path: Path) -> None:
    board, told = Board(tmp_path), Told()
    with board.plugged(Faults(garbles_above=115200)):
        report = preflight.look(str(board.port), BOARD, told, BAUD)
    assert report.baud == 115200 and "broken" in told.notes[0]


def test_a_flash_that_says_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(AltgateError) as caught:
        look(Board(tmp_path, size=3 * MB))
    assert cause(caught) == "flash_silent"


def test_a_locked_chip_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(esp.Chip, "lock", "secure boot")
    monkeypatch.setattr(esp.Chip, "start", None)
    with pytest.raises(AltgateError, match="secure boot") as caught:
        look(Board(tmp_path))
    assert cause(caught) == "locked"


# On Windows and macOS.

BLOCKED = ("pty", "termios", "fcntl", "tty", "grp", "pwd", "resource")
ELSEWHERE = """
import builtins, sys
real = builtins.__import__
def guarded(name, globals=None, *rest):
    who = (globals or {}).get("__name__", "")
    if name.partition(".")[0] in BLOCKED and who.partition(".")[0] == "altgate":
        raise ImportError(name + " in " + who)
    return real(name, globals, *rest)
builtins.__import__ = guarded
import altgate.cli, altgate.provision.flash, altgate.provision.preflight, altgate.provision.stock
print(*(one for one in sys.modules if one.startswith("altgate")))
"""


def test_nothing_of_ours_on_the_way_needs_what_only_unix_has() -> None:
    source = f"BLOCKED = {BLOCKED!r}\n{ELSEWHERE}"
    done = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True)
    loaded = done.stdout.split()
    assert {"altgate.provision.esp", "altgate.provision.image", "altgate.cli.flash"} <= set(loaded)
    # Nor where it is imported late, in a function.
    for name in loaded:
        found = sys.modules.get(name) or __import__(name, fromlist=["x"])
        path = Path(str(found.__file__))
        if "rig" in path.parts or "sim" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not set(names) & set(BLOCKED), f"{name} imports {names}"
