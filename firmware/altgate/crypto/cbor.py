"""The deterministic subset of CBOR (RFC 8949, 4.2.1) that door and host exchange.

Integers of 64 bits, byte and text strings, arrays, maps with integer keys, booleans and null. No floats,
no tags, no indefinite lengths. One value has one encoding: the decoder refuses every other.
"""

from protocol import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, SIMPLE = 0, 1, 2, 3, 4, 5, 7
_LEAST_BY_WIDTH = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}
_SIMPLE_VALUES = {0xF4: False, 0xF5: True, 0xF6: None}
_LEAST_BY_FOLLOWERS = (0, 0x80, 0x800, 0x10000)


class CborError(ValueError):
    """Data outside the subset, or a value that it cannot carry."""


def encode(value) -> bytes:
    """The one encoding of a value; raises CborError for what the decoder would refuse."""
    output = bytearray()
    _write(output, value, limits.CBOR_DEPTH, [limits.CBOR_ITEMS])
    return bytes(output)


def decode(data) -> "Any":
    """The value of one whole item; raises CborError, also for bytes after it."""
    reader = _Reader(data)
    value = reader.item(limits.CBOR_DEPTH)
    if reader.position != len(reader.data):
        raise CborError("trailing bytes")
    return value


def head(major: int, number: int) -> bytes:
    """The shortest head of an item: its major type and its number or length."""
    top = major << 5
    if number < 24:
        return bytes((top | number,))
    for code, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if not number >> (8 * width):
            return bytes((top | code,)) + number.to_bytes(width, "big")
    raise CborError("number above 64 bits")


def _write(output, value, depth, budget):
    budget[0] -= 1
    if budget[0] < 0:
        raise CborError("too many items")
    if value is None or value is True or value is False:
        output.append(0xF6 if value is None else 0xF5 if value else 0xF4)
    elif isinstance(value, int):
        output.extend(head(NEGATIVE, -1 - value) if value < 0 else head(UINT, value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        output.extend(head(BYTES, len(value)))
        output.extend(value)
    elif isinstance(value, str):
        raw = _utf8(value)
        output.extend(head(TEXT, len(raw)))
        output.extend(raw)
    elif isinstance(value, (list, tuple, dict)):
        _write_container(output, value, depth, budget)
    else:
        raise CborError("a type that messages cannot carry")


def _write_container(output, value, depth, budget):
    if not depth:
        raise CborError("nested too deeply")
    if not isinstance(value, dict):
        output.extend(head(ARRAY, len(value)))
        for member in value:
            _write(output, member, depth - 1, budget)
        return
    output.extend(head(MAP, len(value)))
    # Ranked beforehand: MicroPython's sorted() does not call a key function for a single member.
    for _, key in sorted([(_rank(key), key) for key in value]):
        _write(output, key, depth - 1, budget)
        _write(output, value[key], depth - 1, budget)


def _rank(key):
    """The bytewise order of encoded keys: 0, 1, 2 …, then -1, -2 …"""
    if key is True or key is False or not isinstance(key, int):
        raise CborError("a key that is not an integer")
    return key if key >= 0 else (1 << 64) - 1 - key


def _utf8(text):
    try:
        raw = text.encode()
    except UnicodeError:
        raise CborError("not UTF-8")
    _check_utf8(raw)
    return raw


def _check_utf8(raw):
    """RFC 3629 in full: MicroPython itself lets surrogates and overlong forms through."""
    at, end = 0, len(raw)
    while at < end:
        first = raw[at]
        at += 1
        if first < 0x80:
            continue
        followers = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        if not 0xC2 <= first < 0xF5 or at + followers > end:
            raise CborError("not UTF-8")
        code = first & (0x3F >> followers)
        for byte in raw[at : at + followers]:
            if byte & 0xC0 != 0x80:
                raise CborError("not UTF-8")
            code = code << 6 | byte & 0x3F
        at += followers
        if code < _LEAST_BY_FOLLOWERS[followers] or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            raise CborError("not UTF-8")


class _Reader:
    def __init__(self, data):
        self.data = bytes(data)
        self.position = 0
        self.budget = limits.CBOR_ITEMS

    def take(self, count) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise CborError("cut short")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def head(self) -> tuple:
        """``(major type, number)`` of the next item, which must have its shortest form."""
        self.budget -= 1
        if self.budget < 0:
            raise CborError("too many items")
        first = self.take(1)[0]
        major, number = first >> 5, first & 31
        if major == SIMPLE:
            if first not in _SIMPLE_VALUES:
                raise CborError("a simple value outside the subset")
            return major, first
        if number < 24:
            return major, number
        if number > 27:
            raise CborError("indefinite or reserved length")
        width = 1 << (number - 24)
        number = int.from_bytes(self.take(width), "big")
        if number < _LEAST_BY_WIDTH[width]:
            raise CborError("not the shortest form")
        return major, number

    def item(self, depth):
        major, number = self.head()
        if major == UINT:
            return number
        if major == NEGATIVE:
            return -1 - number
        if major == BYTES:
            return self.take(number)
        if major == TEXT:
            raw = self.take(number)
            _check_utf8(raw)
            return str(raw, "utf-8")
        if major == SIMPLE:
            return _SIMPLE_VALUES[number]
        if major == ARRAY or major == MAP:
            return self.container(major, number, depth)
        raise CborError("a tag where none belongs")

    def container(self, major, count, depth):
        if not depth:
            raise CborError("nested too deeply")
        # Every member takes a byte at least: refuse a false count before building anything.
        if count > self.budget or count > len(self.data) - self.position:
            raise CborError("more members than can follow")
        if major == ARRAY:
            return [self.item(depth - 1) for _ in range(count)]
        result = {}
        previous = -1
        for _ in range(count):
            kind, number = self.head()
            if kind > NEGATIVE:
                raise CborError("a key that is not an integer")
            key = number if kind == UINT else -1 - number
            rank = _rank(key)
            if rank <= previous:
                raise CborError("keys out of order or twice")
            previous = rank
            result[key] = self.item(depth - 1)
        return result
