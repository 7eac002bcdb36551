"""A face module on the board's own UART and supply: for each line on the console, one look at whoever stands
there. Prints the reason, the SHA-256 of the vector and what was dropped.
"""

import asyncio
import binascii
import hashlib
import sys

from altgate import board
from altgate.drivers.camera import Camera, CameraError
from protocol import limits, reasons

limits.FACE_SHOT_S = 0.6


async def main():
    console = asyncio.StreamReader(sys.stdin.buffer)
    bad = []
    camera = Camera(board.face_supply(), lambda: board.face_module(bad.append))
    number = 0
    print("ready")
    while await console.readline():
        into = bytearray(limits.FACE_VECTOR_BYTES)
        try:
            await camera.face(lambda: reasons.NONE, into)
            reason = reasons.NONE
        except CameraError as error:
            reason = error.reason
        number += 1
        print("look", number, reason, binascii.hexlify(hashlib.sha256(into).digest()).decode(), bad)
        bad.clear()


asyncio.run(main())
