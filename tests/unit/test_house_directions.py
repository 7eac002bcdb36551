"""Arrows point down: what each folder of the house may import."""

import ast

import pytest

FIRMWARE_MAY = {
    "crypto": {"crypto"},
    "drivers": set(),
    "access": {"access"},
    "door": set(),
    "store": {"access", "crypto", "store"},
    "vault": {"crypto", "vault"},
    "consent": {"consent", "crypto", "drivers", "store", "vault"},
    "entry": {"access", "consent", "crypto", "drivers", "entry", "vault"},
    "link": {"crypto", "link", "store"},
    "console": {"board", "console", "crypto", "drivers", "erasure", "link", "reset", "store", "update"},
}
# Modules at the top that anything may use; pins are the wiring, which the door's own objects sit on.
COMMON = {"pins", "rooms", "VERSION", "BUILD"}


def imported(path):
    """Dotted names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("folder", FIRMWARE_MAY)
def test_a_folder_of_the_firmware_imports_only_what_lies_below(root, folder):
    for path in sorted((root / "firmware" / "altgate" / folder).glob("*.py")):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "altgate" and len(parts) > 1:
                assert parts[1] in FIRMWARE_MAY[folder] | COMMON, f"{path.name} imports {name}"


def test_every_folder_of_the_firmware_has_its_row(root):
    folders = {path.parent.name for path in (root / "firmware" / "altgate").glob("*/__init__.py")}
    assert folders == set(FIRMWARE_MAY)


def test_the_host_takes_nothing_of_the_firmware_but_the_protocol(root):
    for path in sorted((root / "host" / "altgate").rglob("*.py")):
        if path.relative_to(root / "host" / "altgate").parts[0] in ("firmware", "protocol", "rig"):
            continue
        for name in imported(path):
            assert not name.startswith(("altgate.firmware", "protocol", "firmware")), f"{path} imports {name}"


def test_the_protocol_is_plain(root):
    for path in sorted((root / "firmware" / "protocol").glob("*.py")):
        assert not [name for name in imported(path) if name.split(".")[0] not in ("", "messages", "reasons")]


def test_what_an_installer_runs_needs_nothing_that_only_some_systems_have(root):
    for folder in ("cli", "provision", "keys", "reports"):
        for path in sorted((root / "host" / "altgate" / folder).glob("*.py")):
            names = {name.split(".")[0] for name in imported(path)}
            assert not names & {"pty", "termios", "fcntl", "tty", "grp", "pwd", "resource"}, path
