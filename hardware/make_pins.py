"""Write firmware/altgate/pins.py from hardware/board.toml; with --check only say whether it is current.

python hardware/make_pins.py hardware/board-wrover.toml pins.py    the same for another board, elsewhere
"""

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


def main(arguments: list[str]) -> int:
    """Write, or check; returns the exit code."""
    files = [Path(one) for one in arguments if one != "--check"]
    if len(files) not in (0, 2):
        print("Give a board file and a file to write, or neither.", file=sys.stderr)
        return 2
    source, target = files or (HERE / "board.toml", TARGET)
    text = render(tomllib.loads(source.read_text(encoding="utf-8")), source.name)
    if "--check" in arguments:
        return 0 if target.is_file() and target.read_text(encoding="utf-8") == text else 1
    target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
