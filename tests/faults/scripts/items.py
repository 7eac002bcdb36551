"""CBOR as RFC 8949 has it, more of it than the project's subset: writing it loosely, and judging it.

Written without the product's code: ``write`` makes well-formed items, most of them in the subset, and
``is_fit`` says whether bytes are one whole item in the one deterministic form that the door takes.
"""

import random
import struct

try:
    from protocol import limits
except ImportError:  # the host's scripts, where firmware/ is not on the path
    from altgate.protocol import limits

_FIRST_LONG = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}


class _Unfit(Exception):
    pass


def head(major, number, code=None):
    """An item's head; ``code`` 24 to 27 asks for a longer form than is needed."""
    if code is None:
        if number < 24:
            return bytes((major << 5 | number,))
        code = 24 if number < 1 << 8 else 25 if number < 1 << 16 else 26 if number < 1 << 32 else 27
    width = 1 << (code - 24)
    return bytes((major << 5 | code,)) + (number & (1 << 8 * width) - 1).to_bytes(width, "big")


def write(value, strange=0):
    """Bytes of a value of ints, bytes, str, lists, dicts, bools and None; one head in ``strange`` is odd."""
    if value is None or value is True or value is False:
        return b"\xf6" if value is None else b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(1, -1 - value, strange) if value < 0 else _head(0, value, strange)
    if isinstance(value, (bytes, bytearray)):
        return _head(2, len(value), strange) + value
    if isinstance(value, str):
        return _head(3, len(value.encode()), strange) + value.encode()
    if isinstance(value, (list, tuple)):
        # Not a list of all of them: that wants the largest piece of memory in the whole run.
        made = bytearray(_head(4, len(value), strange))
        for member in value:
            made.extend(write(member, strange))
        return bytes(made)
    rows = sorted([(write(key), write(member, strange)) for key, member in value.items()])
    if strange and random.randrange(strange) == 0:
        rows = rows[::-1] + rows[:1] * random.getrandbits(1)
    return _head(5, len(rows), strange) + b"".join([key + member for key, member in rows])


def _head(major, number, strange):
    if not strange or random.randrange(strange):
        return head(major, number)
    way = random.randrange(6)
    if way == 0:
        return head(major, number, 24 + random.randrange(4))
    if way == 1:
        return head(6, random.getrandbits(10)) + head(major, number)
    if way == 2:
        return head(major, number + 1 - 2 * random.getrandbits(1) & 0xFFFFFFFF)
    if way == 3:
        return head(random.getrandbits(3), number)
    if way == 4:
        return bytes((major << 5 | 28 + random.getrandbits(2),))
    return (b"\xf9\x3c\0", b"\xf7", b"\xf8\x20", b"\xfb" + struct.pack(">d", 0.5), b"\xff", b"\xe0")[
        random.randrange(6)
    ]


def anything(depth):
    """A random value of the subset, containers nested ``depth`` deep at most."""
    kind = random.randrange(9 if depth else 7)
    if kind < 3:
        number = random.getrandbits(30) >> random.randrange(30)
        number = number << 34 | random.getrandbits(30) if random.randrange(8) == 0 else number
        return number if kind else -1 - number
    if kind == 3:
        return bytes([random.getrandbits(8) for _ in range(random.randrange(20))])
    if kind == 4:
        return "".join(["aZ9 üß€語😀\0"[random.randrange(10)] for _ in range(random.randrange(9))])
    if kind < 7:
        return (True, False, None)[random.randrange(3)]
    members = [anything(depth - 1) for _ in range(random.randrange(5))]
    if kind == 7:
        return members
    return {random.getrandbits(30) >> random.randrange(30): member for member in members}


POWERS = (8, 31, 32, 63, 64)
NEIGHBOURS = (
    (-1, 0, 1) + tuple([(1 << power) - 1 for power in POWERS]) + tuple([1 << power for power in POWERS[:4]])
)


def altered(value):
    """The value with something in it exchanged, left out or added: right CBOR with a wrong meaning."""
    way = random.randrange(8)
    if way == 0:
        return anything(2)
    if way == 1 and type(value) is int:
        return random.choice(NEIGHBOURS)
    if way == 1 and isinstance(value, bytes):
        return value[: random.randrange(len(value) + 1)] + bytes(random.getrandbits(1))
    if isinstance(value, list) and value:
        at = random.randrange(len(value))
        if way == 2:
            return value[:at] + value[at + 1 :]
        return value[:at] + [altered(value[at])] + value[at + (way > 2) :]
    if isinstance(value, dict) and value:
        keys = sorted(value)
        key = keys[random.randrange(len(keys))]
        changed = dict(value)
        changed[key if way < 6 else random.getrandbits(5)] = altered(value[key])
        if way == 2:
            del changed[key]
        return changed
    return value


def is_fit(data, key_types=2):
    """Whether the door must take these bytes: RFC 8949, 4.2.1, in the subset, within the limits.

    ``key_types`` 1 allows no negative keys: without them the older canonical order (4.2.3) is the same.
    """
    try:
        end = _item(data, 0, limits.CBOR_DEPTH, [limits.CBOR_ITEMS], key_types)[2]
    except _Unfit:
        return False
    return end == len(data)


def _need(is_so):
    if not is_so:
        raise _Unfit


def _item(data, at, depth, budget, key_types):
    """``(major, number, end)`` of the item at this place."""
    _need(at < len(data) and budget[0] > 0)
    budget[0] -= 1
    major, number, start = data[at] >> 5, data[at] & 31, at + 1
    if major == 7:
        _need(number in (20, 21, 22))
        return major, number, start
    _need(number < 28 and major != 6)
    if number > 23:
        width, least = 1 << (number - 24), _FIRST_LONG[number]
        _need(start + width <= len(data))
        number, start = int.from_bytes(data[start : start + width], "big"), start + width
        _need(number >= least)
    if major in (2, 3):
        _need(start + number <= len(data))
        _need(major == 2 or _is_utf8(data[start : start + number]))
        return major, number, start + number
    if major > 3:
        _need(depth > 0 and number <= len(data))
        end = _members(data, start, major, number, depth - 1, budget, key_types)
        return major, number, end
    return major, number, start


def _members(data, at, major, count, depth, budget, key_types):
    before = b""
    for _ in range(count):
        if major == 5:
            kind, _number, end = _item(data, at, depth, budget, key_types)
            _need(kind < key_types and data[at:end] > before)
            before, at = data[at:end], end
        at = _item(data, at, depth, budget, key_types)[2]
    return at


def _is_utf8(raw):
    """RFC 3629, by its table of sequences rather than by decoding."""
    at = 0
    while at < len(raw):
        first, rest = raw[at], raw[at + 1 : at + 4]
        if first < 0x80:
            at += 1
            continue
        for low, high, second, size in _SEQUENCES:
            if low <= first <= high:
                break
        else:
            return False
        tail = rest[: size - 1]
        if len(tail) < size - 1 or not second[0] <= tail[0] <= second[1]:
            return False
        if any(byte & 0xC0 != 0x80 for byte in tail):
            return False
        at += size
    return True


_ANY = (0x80, 0xBF)
_SEQUENCES = (
    (0xC2, 0xDF, _ANY, 2), (0xE0, 0xE0, (0xA0, 0xBF), 3), (0xE1, 0xEC, _ANY, 3),
    (0xED, 0xED, (0x80, 0x9F), 3), (0xEE, 0xEF, _ANY, 3), (0xF0, 0xF0, (0x90, 0xBF), 4),
    (0xF1, 0xF3, _ANY, 4), (0xF4, 0xF4, (0x80, 0x8F), 4),
)  # fmt: skip
