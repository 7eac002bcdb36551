"""Every name, parameter and default that the simulated modules define is the board's, by the ESP32 stubs.

The stubs are installed with `pip install --no-deps --target .cache/stubs micropython-esp32-stubs`, or
wherever ``ALTGATE_STUBS`` says.
"""

import ast
import os
from pathlib import Path

import pytest

from conftest import ROOT

STUBS = Path(os.environ.get("ALTGATE_STUBS", ROOT / ".cache" / "stubs"))
SIM = ROOT / "firmware" / "sim"
SOURCES = {
    "machine": ("machine", "gpio", "uart", "spi"),
    "esp32": ("esp32",),
    "network": ("network",),
    "neopixel": ("neopixel",),
}  # fmt: skip
# What may differ, and why.
EXCEPTIONS = {
    "UART.__init__(id)": "one overload of the stubs has a default for it; the board has none",
    "UART.ioctl": "a stream written in Python answers select through it; the stubs type C streams",
}  # fmt: skip

Signature = tuple[tuple[str, bool], ...]


def signature(function: ast.FunctionDef) -> Signature:
    """(name, has a default) of each parameter but self and cls; * and ** count as names without one."""
    args = function.args
    plain = args.posonlyargs + args.args
    first = len(plain) - len(args.defaults)
    found = [(arg.arg, i >= first) for i, arg in enumerate(plain) if arg.arg not in ("self", "cls")]
    keywords = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    found += [(arg.arg, value is not None) for arg, value in keywords]
    return tuple(found)


def public(paths: list[Path]) -> dict[str, list[Signature] | None]:
    """Dotted name -> the signatures of its overloads, or None for a class or a constant."""
    names: dict[str, list[Signature] | None] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            name = getattr(node, "name", "")
            if isinstance(node, ast.ClassDef) and not name.startswith("_"):
                names[prefix + name] = None
                visit(node.body, f"{prefix}{name}.")
            elif isinstance(node, ast.FunctionDef) and (name in ("__init__", "__call__") or name[0] != "_"):
                signatures = names.setdefault(prefix + name, [])
                assert signatures is not None
                signatures.append(signature(node))
            for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    names.setdefault(prefix + target.id, None)

    for path in paths:
        visit(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return names


def differences(module: str) -> list[str]:
    board = public([STUBS / f"{module}.pyi"])
    ours = public([SIM / f"{name}.py" for name in SOURCES[module]])
    found = []
    for name, signatures in ours.items():
        if name in EXCEPTIONS:
            continue
        if name not in board:
            found.append(f"{name}: the board has no such name")
        elif signatures is not None:
            allowed: dict[str, bool] = {}
            overloads = board[name] or []
            for overload in overloads:
                allowed.update({key: allowed.get(key, False) or default for key, default in overload})
            for key, default in signatures[0]:
                # A parameter that some overload leaves out has a default in effect.
                optional = allowed.get(key) or any(key not in dict(overload) for overload in overloads)
                if f"{name}({key})" in EXCEPTIONS:
                    continue
                if key not in allowed or default != optional:
                    found.append(f"{name}({key}): the board's are {overloads}")
    return found


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_sim_has_the_boards_signatures(module: str) -> None:
    if not STUBS.is_dir():
        pytest.fail("ESP32 stubs are not installed in .cache/stubs: run `make env`")
    assert differences(module) == []
