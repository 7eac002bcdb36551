"""Write firmware/altgate/pins.py from hardware/board.toml; with --check only say whether it is current."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "firmware" / "altgate" / "pins.py"


def render(board: dict[str, dict[str, object]], source: str = "board.toml") -> str:
    """The module's text: one constant a line, tables as tuples."""
    lines = [f'"""Pins and buses of the board. Made from hardware/{source} by `make pins`."""', ""]
    for section in ("pins", "levels"):
        lines += [f"{name.upper()} = {_literal(value)}" for name, value in board[section].items()]
    lines.append(f"KEYPAD_KEYS = {_literal(board['keypad']['keys'])}")
    for name, uart in board["uarts"].items():
        assert isinstance(uart, dict)
        lines.append(f"UART_{name.upper()} = ({uart['id']}, {uart['baud']})")
    lines.append(f"I2C_ID = {board['i2c']['id']}")
    lines.append(f"CLOCK_ADDRESS = {board['i2c']['clock_address']:#x}")
    lines.append(f"BOARD = {_literal(board['board']['name'])}")
    return "\n".join(lines) + "\n"


def _literal(value: object) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(_literal(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    return '"' + value + '"' if isinstance(value, str) else str(value)


def main() -> int:
    text = render(tomllib.loads((HERE / "board.toml").read_text(encoding="utf-8")))
    if "--check" in sys.argv:
        return 0 if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
