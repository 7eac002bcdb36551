"""The simulated board behaves like the board: flash, power cuts, pins, keypad, UART, radio and clock."""

import json
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import ROOT, Device, micropython

SCRIPTS = Path(__file__).parent / "scripts"
FLASH = {
    "flash_size": 65536 + 8192,
    "partitions": [["vfs", 1, 0x81, 0, 65536], ["keys", 1, 0x42, 65536, 8192]],
}  # fmt: skip


def board(
    folder: Path, script: str, *args: str, fds: tuple[int, ...] = (), **settings: object
) -> subprocess.Popen[str]:
    """Start `script` on a board whose flash is in `folder`."""
    path = folder / "board.json"
    path.write_text(json.dumps({"flash": str(folder / "flash.bin"), **FLASH, **settings}), encoding="utf-8")
    paths = f"{ROOT / 'firmware' / 'sim'}:{ROOT / 'firmware'}:.frozen"
    return subprocess.Popen(
        [micropython(), "-X", "heapsize=256k", str(SCRIPTS / script), *args],
        env={**os.environ, "ALTGATE_SIM": str(path), "MICROPYPATH": paths}, pass_fds=fds,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code, output
    return output


def test_flash_is_nor(tmp_path: Path) -> None:
    finish(board(tmp_path, "sim_nor.py"), 76)


def test_clock(tmp_path: Path) -> None:
    finish(board(tmp_path, "sim_clock.py", i2c={"0x68": "ds3231"}, rtc_offset_s=86400, rtc_stopped=True))


@pytest.mark.parametrize("how", ["clean", "half", "garbage"])
def test_rename_survives_a_cut_at_every_operation(tmp_path: Path, how: str) -> None:
    finish(board(tmp_path, "sim_cut.py", "make"))
    before = (tmp_path / "flash.bin").read_bytes()
    outcomes, cuts = set(), 0
    while True:
        (tmp_path / "flash.bin").write_bytes(before)
        process = board(tmp_path, "sim_cut.py", "replace", cut_after=cuts + 1, how=how)
        output, _ = process.communicate(timeout=60)
        content = finish(board(tmp_path, "sim_cut.py", "read")).strip()
        assert content in ("old" * 100, "new" * 100)
        if process.returncode == 0:
            assert content == "new" * 100
            break
        assert process.returncode == 76, output
        outcomes.add(content[:3])
        cuts += 1
    assert cuts >= 4 and "old" in outcomes


def test_pins_keys_uart_and_radio_follow_the_rig(tmp_path: Path) -> None:
    control, control_end = socket.socketpair()
    uart, uart_end = socket.socketpair()
    for end in (control_end, uart_end):
        end.setblocking(False)
    process = board(
        tmp_path, "sim_pins.py", fds=(control_end.fileno(), uart_end.fileno()), control=control_end.fileno(),
        uarts={"1": uart_end.fileno()}, matrix={"rows": [12, 13], "cols": [39]},
        air=[["home", "secret", -50]],
    )  # fmt: skip
    control_end.close()
    uart_end.close()
    levels: list[tuple[int, int]] = []

    def rig() -> None:
        def tell(message: object) -> None:
            control.sendall(json.dumps(message).encode() + b"\n")

        for line in control.makefile("r", encoding="utf-8"):
            message = json.loads(line)
            levels.append((message["pin"], message["v"]))
            if levels[-1] == (4, 1):
                tell({"pin": 15, "v": 0})
            elif levels[-1] == (4, 0) and len(levels) > 1:
                tell({"keys": [[12, 39]]})
                uart.sendall(b"hel")
                uart.sendall(b"lo\n")
                assert uart.recv(5) == b"again"
                uart.sendall(b"again!")
            elif levels[-1] == (6, 1):
                tell({"air": []})

    thread = threading.Thread(target=rig)
    thread.start()
    finish(process)
    thread.join(timeout=10)
    control.close()
    uart.close()
    assert levels == [(4, 0), (4, 1), (4, 0), (6, 1)]


def test_reset_ends_with_its_code(tmp_path: Path, device: Device) -> None:
    lines = ("import sys, machine", "try:", "  machine.reset()",
             "except SystemExit as end:", "  sys.exit(end.args[0] - 75)")  # fmt: skip
    device.run("\n".join(lines))
