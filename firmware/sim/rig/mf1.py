"""A Sipeed MF1 face module on its UART, 115200 8N1: JSON lines, and a vector for each face before it.

Source: Sipeed, "MF1 serial port protocol", 2.0.1: init, ping, brd_soft_cfg (counts after a restart), reset,
face_info. It runs only while its supply is on, and forgets nothing of its settings when that goes. Vectors
come from whoever holds a photo before it; this module computes none.
"""

import base64
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from .faults import Fault

VECTOR_BYTES = 196
BOOT_S = 0.1  # the chip's own start is slower; what matters here is that it is not at once
_FACTORY = {"out_fea": 0, "auto_out_fea": 0, "pkt_fix": 0, "out_interval_ms": 100, "port_baud": 115200}
Message = dict[str, Any]


class Mf1:
    """One module, without supply. ``send(data)`` returns monotonic ns just before its last byte."""

    def __init__(self, send: Callable[[bytes], int], boot_s: float = BOOT_S) -> None:
        self.boot_s = boot_s
        self.last_byte_ns = 0  # of the newest face_info
        self.shown = 0  # how many face_info lines went out
        self.fault: Fault | None = None  # what the cable does to every line
        self.is_mute = False
        self._send = send
        self._stored = dict(_FACTORY)
        self._running = dict(_FACTORY)
        self._faces: tuple[bytes, ...] = ()
        self._lock = threading.Lock()
        self._off: threading.Event | None = None  # set when the supply goes
        self._received = b""

    def show(self, *faces: bytes) -> None:
        """Hold these faces before the camera, each a vector of 196 signed bytes; none: nobody is there."""
        if any(len(face) != VECTOR_BYTES for face in faces):
            raise ValueError(f"a vector has {VECTOR_BYTES} bytes")
        self._faces = faces

    def supply(self, is_on: bool) -> None:
        """Its supply rises or falls."""
        with self._lock:
            if is_on and self._off is None:
                self._off = threading.Event()
                self._running, self._received = dict(self._stored), b""
                threading.Thread(target=self._run, args=(self._off,), name="mf1", daemon=True).start()
            elif not is_on and self._off is not None:
                self._off.set()
                self._off = None

    def power_cycle(self) -> None:
        """The board's supply went and came; the module has one of its own."""

    def receive(self, data: bytes) -> None:
        """Bytes from the board, in any pieces; nothing while the supply is off."""
        if self._off is None:
            return
        *lines, self._received = (self._received + data).split(b"\r\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                self._answer("pkt_prase_failed_ret", 1, msg="json prase failed", cmd="unknown")
                continue
            if isinstance(message, dict):
                self._carry_out(message)

    def _carry_out(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "ping":
            self._answer("pong", 0, msg="i am here")
        elif kind == "brd_soft_cfg":
            asked = message.get("cfg", {})
            if asked.get("get_cfg"):
                self._answer("brd_soft_cfg_ret", 1, msg="get cfg success", cfg=self._stored)
            else:
                self._stored |= {name: value for name, value in asked.items() if name in _FACTORY}
                self._answer("brd_soft_cfg_ret", 0, msg="set cfg success")
        elif kind == "reset" and message.get("key") == "teser":
            self._answer("reset_ret", 0, msg="reset board success")
            self.supply(False)
            self.supply(True)

    def _run(self, off: threading.Event) -> None:
        if off.wait(self.boot_s):
            return
        self._answer("init", 0, msg="init done", proto="0.1")
        is_open = self._running["auto_out_fea"] == 1 and self._running["out_fea"] == 2
        while not off.wait(self._running["out_interval_ms"] / 1000):
            faces = self._faces
            for current, face in enumerate(faces if is_open else ()):
                self._face(current, faces, face)

    def _face(self, current: int, faces: Sequence[bytes], vector: bytes) -> None:
        info = {
            "pic": "540A730200000000", "total": len(faces), "current": current, "x1": 34, "y1": 34, "x2": 171,
            "y2": 178, "score": 0, "uid": "null", "feature": base64.b64encode(vector).decode(),
        }  # fmt: skip
        self.shown += 1
        self.last_byte_ns = self._answer("face_info", 0, msg="have face", info=info)

    def _answer(self, kind: str, code: int, **more: object) -> int:
        message = {"version": 2, "type": kind, "code": code, **more}
        line = json.dumps(message, separators=(",", ":")).encode() + b"\r\n"
        if self.is_mute:
            return 0
        return self._send(self.fault(line) if self.fault else line)
