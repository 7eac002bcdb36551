"""An enrolment for the scripts that run on MicroPython: keys made beforehand, a ticket, what may be in one.

P-256 takes some 20 ms: the curve's key pairs here are few and fixed, and what follows from two of them is
worked out once. Whatever else the product asks of the curve it gets from the curve.
"""

import hashlib
import sys

from altgate.crypto import cbor, csr, hkdf, p256, siv

START, END = 1767225600, 1900000000
DOOR = "0a1b2c3d"
ID, SECRET, OTHER_SECRET = b"ticketid", b"the ticket's own", b"of another one.."
ADMISSION = b"altgate/admission/1"
PRIME = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
CURVE_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

# key: type, and shortest and longest, or lowest and highest
OF_TICKET = {
    1: (str, 8, 8), 3: (int, 0, 255), 5: (str, 1, 253), 6: (int, 1, 65535), 7: (str, 1, 253),
    8: (bytes, 64, 2048), 9: (bytes, 64, 2048), 10: (bytes, 32, 2048), 18: (str, 1, 128), 19: (bytes, 8, 8),
    20: (bytes, 16, 16), 21: (bytes, 65, 65), 22: (int, START, 0xFFFFFFFF), 23: (str, 1, 128),
    24: (str, 1, 128),
}  # fmt: skip
OF_LAPTOP = {11: (str, 0, 32), 12: (str, 0, 64), 13: (int, START, 0xFFFFFFFF)}
OF_ADMISSION = {
    4: (bytes, 16, 16), 9: (bytes, 64, 2048), 14: (bytes, 32, 32), 15: (int, 0, 0xFFFF), 16: (bytes, 32, 32),
    17: (bytes, 32, 32),
}  # fmt: skip


class Board:
    """In the place of altgate.board."""

    page = None

    def wrapping_page(self):
        return self.page

    def hardware_id(self):
        return "a1b2"


def stand_in(page):
    """Put a board with this page for its wrapping key in the place of altgate.board; before its users."""
    import altgate

    board = Board()
    board.page = page
    sys.modules["altgate.board"] = altgate.board = board
    return board


class Curve:
    """Stands before altgate.crypto.p256. ``board``: key pairs that the board draws, round and round."""

    def __init__(self):
        self.board = [self._pair(number) for number in (0x1234567, 0x89ABCDEF, 0x13579BDF)]
        self.host = [self._pair(number) for number in (0x2468ACE0, 0xFDB97531)]
        self.server = self._pair(0x55AA55AA)
        self._shared, self._drawn, self._requests = {}, 0, {}
        self._real, self._request = p256.shared, csr.request
        for private, _ in self.board:
            for _, public in self.host + [self.server]:
                self._shared[private, public] = p256.finish(p256.shared(private, public))
        p256.generate, p256.shared, p256.slices, csr.request = self._draw, self._agree, whole, self._asked

    def begin(self):
        """The next pair that is drawn is the first."""
        self._drawn = 0

    def secret(self, pair, public):
        """What host or server, by its pair, has in common with this public key of the board's."""
        for private, own in self.board:
            if own == public:
                return self._shared[private, pair[1]]
        raise ValueError("a key that the board never drew")

    def _pair(self, number):
        private = (number << 200 | number).to_bytes(32, "big")
        return private, p256.finish(p256.public_key(private))

    def _draw(self):
        self._drawn += 1
        yield
        return self.board[self._drawn % len(self.board)]

    def _agree(self, private, public):
        known = self._shared.get((private, public))
        return known if known else (yield from self._real(private, public))

    def _asked(self, private, public, door_id):
        if door_id != DOOR:
            return (yield from self._request(private, public, door_id))
        if private not in self._requests:
            self._requests[private] = p256.finish(self._request(private, public, door_id))
        return self._requests[private]


async def whole(steps):
    """In the place of p256.slices: all slices at once."""
    return p256.finish(steps)


def is_point(public):
    """Whether 65 bytes are a point of P-256 (SP 800-186, 3.2.1.3)."""
    if len(public) != 65 or public[0] != 4:
        return False
    x, y = int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")
    if x >= PRIME or y >= PRIME:
        return False
    return (y * y - x * x * x + 3 * x - CURVE_B) % PRIME == 0


def ticket_fields(server_key):
    """Those of the ticket."""
    return {
        1: DOOR, 3: 1, 5: "localhost", 6: 8883, 7: "altgate-broker", 8: b"CA" * 40, 9: b"entry " * 12,
        10: b"key of the entry" * 3, 18: "http://localhost", 19: ID, 20: SECRET, 21: server_key, 22: END,
        23: "Lakeside", 24: "Front",
    }  # fmt: skip


def laptop_fields(given):
    """What a laptop makes of a ticket."""
    return {11: "Lakeside Wi-Fi", 12: "correct horse", 13: START + 5, 25: given}


def admission_fields():
    """What makes the board a door."""
    return {
        4: b"key of the zone!", 9: b"certified " * 8, 14: b"the journal's first key, of 32 b",
        15: 0, 16: b"key of the index, of 32 bytes...", 17: b"key of passes, it has 32 bytes..",
    }  # fmt: skip


def fits(fields, bounds):
    """Whether a map has these fields and no others, each within its bounds."""
    if type(fields) is not dict or sorted(fields) != sorted(bounds):
        return False
    for key, (kind, low, high) in bounds.items():
        value = fields[key]
        if type(value) is not kind or not low <= (value if kind is int else len(value)) <= high:
            return False
    return all(digit in "0123456789abcdef" for digit in fields.get(1, ""))


def hmac(key, *parts):
    """RFC 2104 from its formula, for keys of up to 64 bytes."""
    whole_key = key + bytes(64 - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in whole_key]) + b"".join(parts)).digest()
    return hashlib.sha256(bytes([byte ^ 0x5C for byte in whole_key]) + inner).digest()


def subkey(secret, info, length=32, salt=b""):
    return hkdf.hkdf(secret, salt, info, length)


def board_key(secret, digest, share, server_key):
    """The key that the server works out from a board's share."""
    return subkey(secret, b"altgate/board/1" + share + server_key, 32, digest)


def sealed_admission(key, content, door_id=DOOR, ticket_id=ID):
    """For the board with this key."""
    whole_key = subkey(key, ADMISSION, 64)
    return bytes(siv.seal(whole_key, content, (ADMISSION, door_id.encode(), ticket_id)))


def is_genuine(record, key):
    """Whether an enrolment's record, as the board hands it out, has the code of this key; what it says."""
    said, mac = cbor.decode(record)
    return cbor.decode(said) if hmac(subkey(key, b"altgate/enrol"), said) == mac else None
