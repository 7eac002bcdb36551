"""The commands of docs/flashing.md as a person and a script run them, on a board that is plugged in."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from altgate.cli import app
from altgate.cli.errors import exit_code
from altgate.errors import Refused
from conftest import ROOT
from support import flashing
from support.board import Board, Faults, image

PAGE = (ROOT / "docs" / "flashing.md").read_text(encoding="utf-8")
LINES = re.findall(r"^    (altgate (?:preflight|flash).*)$", PAGE, re.M)
NAMED = [line for line in LINES if "/dev/ttyACM0" in line]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "ESP32_GENERIC_S3-SPIRAM_OCT.bin"
    made.write_bytes(image(program=flashing.program(1)))
    return made


def sha256(file: Path) -> str:
    return subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout.split()[0]


def altgate(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "altgate", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=100)


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_commands_of_the_page_do_what_it_says(board: Board, file: Path) -> None:
    """As written there, but for the port, the file and its hash, and with --yes where it would be asked."""
    assert len(NAMED) == 4
    with board.plugged():
        for line in NAMED:
            given = shlex.split(line.replace("SHA256", sha256(file)))[1:]
            given = [str(board.port) if one == "/dev/ttyACM0" else one for one in given]
            given = [str(file) if one == file.name else one for one in given]
            if given[0] == "flash" and "--yes" not in given:
                given += ["--yes", "--sha256", sha256(file)]
            done = altgate(*given)
            assert done.returncode == 0 and done.stderr == "", (line, done.stderr)
            if "--json" in given:
                result = events(done)[-1]
                keys = re.search(rf"^\| `result` of `{given[0]}` \| (.*) \|$", PAGE, re.M)
                assert keys and set(re.findall(r"`(\w+)`", keys[1])) == set(result) - {"event"}
        assert result["is_changed"] is False and result["held"] == "altgate, not provisioned"


def test_a_cable_that_is_pulled_is_named_and_the_same_command_completes(board: Board, file: Path) -> None:
    command = ("flash", board.port, "--micropython", file, "--sha256", sha256(file), "--yes", "--json")
    with board.plugged(Faults(unplug_after=100_000)):
        done = altgate(*command)
    assert done.returncode == 5 and "repeat the same command" in done.stderr, done.stderr
    last = events(done)[-1]
    assert last["event"] == "failed" and last["cause"] == "port_lost" and last["do"] in done.stderr
    with board.plugged():
        done = altgate(*command)
    told = events(done)
    assert done.returncode == 0 and {one["event"] for one in told} == {"progress", "result"}
    for one in told[:-1]:
        assert set(one) == {"event", "step", "done", "total"} and 0 < one["done"] <= one["total"]
    assert told[-1]["held"] == "nothing that starts" and "code_a" in told[-1]["written"]


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (("--sha256", "0" * 64, "--yes"), "wrong_hash"),
        (("--yes",), "unknown_image"),
        ((), "no_terminal"),
    ],
)
def test_what_is_not_clear_is_refused_before_the_board_is_touched(
    board: Board, file: Path, given: tuple[str, ...], cause: str
) -> None:
    with board.plugged():
        command = ["flash", str(board.port), "--micropython", str(file), "--json", *given]
        done = CliRunner().invoke(app, command)
        assert isinstance(done.exception, Refused) and exit_code(done.exception) == 2
        assert [json.loads(line)["cause"] for line in done.stdout.splitlines()] == [cause]
        assert not board.flash.erased and not board.flash.programmed


def test_a_port_that_is_not_there_ends_with_the_list(tmp_path: Path) -> None:
    done = altgate("preflight", tmp_path / "none", "--json")
    assert done.returncode == 2 and events(done)[-1]["cause"] == "no_such_port"
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_without_the_tools_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "esptool.py").write_text("raise ModuleNotFoundError(\"No module\", name='esptool')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", "altgate", "preflight", "none"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "altgate[install]" in done.stderr


@pytest.mark.parametrize("command", ["preflight", "flash"])
def test_help_names_every_option_of_the_page(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    for line in LINES:
        if line.split()[1] == command:
            assert all(one in done.stdout for one in re.findall(r"--\w+", line)), line


def person(
    monkeypatch: pytest.MonkeyPatch, board: Board, file: Path, answers: str, *given: str
) -> tuple[BaseException | None, str]:
    """``altgate flash`` at a terminal, with regions that take no time to build; error and output."""
    own = [one for one in flashing.regions(file.parent) if one.label in ("partition-table", "vfs", "code_a")]
    monkeypatch.setattr("altgate.provision.image.regions", lambda _: own)
    monkeypatch.setattr("altgate.cli.flash.is_terminal", lambda: True)
    monkeypatch.setattr("altgate.cli.steps.is_terminal", lambda: True)
    with board.plugged():
        done = CliRunner().invoke(app, ["flash", "--micropython", str(file), *given], input=answers)
    return done.exception, done.output


def test_a_person_is_shown_the_hash_and_what_is_written(
    monkeypatch: pytest.MonkeyPatch, board: Board, file: Path
) -> None:
    error, said = person(monkeypatch, board, file, "y\ny\n", str(board.port))
    assert error is None and sha256(file) in said and "holds nothing that starts. Write" in said
    before = bytes(board.flash.data)
    error, said = person(monkeypatch, board, file, "y\n", str(board.port))
    assert error is None and "nothing was written" in said and board.flash.data == before


@pytest.mark.parametrize(("answers", "cause"), [("n\n", "unknown_image"), ("y\nn\n", "not_confirmed")])
def test_a_person_who_says_no_has_written_nothing(
    monkeypatch: pytest.MonkeyPatch, board: Board, file: Path, answers: str, cause: str
) -> None:
    error, _ = person(monkeypatch, board, file, answers, str(board.port))
    assert getattr(error, "cause", None) == cause
    assert not board.flash.erased and not board.flash.programmed


def test_a_person_chooses_among_several_boards(
    monkeypatch: pytest.MonkeyPatch, board: Board, file: Path
) -> None:
    ports = [("elsewhere", 0x10C4, 0xEA60), (str(board.port), 0x303A, 0x1001)]
    listed = [SimpleNamespace(device=name, vid=vid, pid=pid) for name, vid, pid in ports]
    monkeypatch.setattr("altgate.provision.port.list_ports.comports", lambda: listed)
    number = 1 + sorted(name for name, _, _ in ports).index(str(board.port))
    error, said = person(monkeypatch, board, file, f"7\n{number}\n", "--sha256", sha256(file), "--yes")
    assert error is None and "elsewhere (CP210x)" in said and "is flashed" in said
    assert board.flash.programmed


def test_a_script_does_not_choose_among_several_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [SimpleNamespace(device=name, vid=0x303A, pid=0x1001) for name in ("A", "B")]
    monkeypatch.setattr("altgate.provision.port.list_ports.comports", lambda: listed)
    done = CliRunner().invoke(app, ["preflight", "--json"])
    last = json.loads(done.stdout)
    assert last["cause"] == "several_ports" and "A (ESP32's own USB), B (ESP32's own USB)" in last["says"]


def test_a_preflight_looks_at_the_image_too(board: Board, file: Path, tmp_path: Path) -> None:
    with board.plugged():
        command = ["preflight", str(board.port), "--micropython", str(file), "--json"]
        done = CliRunner().invoke(app, command)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert sha256(file) in told[0]["text"] and told[-1]["image"]["psram"] == "octal"
        file.write_bytes(image("esp32"))
        done = CliRunner().invoke(app, command)
        assert json.loads(done.stdout.splitlines()[-1])["cause"] == "image_of_other_chip"
