"""Which changes of state a door must take, written from protocol.messages and not from the door's code."""

from altgate.store.draft import BOUNDS
from protocol import messages

SHAPES = {
    messages.OP_PUT: (int, int, 16, int, int, int, int, int, int, int, int),
    messages.OP_DELETE: (int, int, 16, int),
    messages.OP_SETTING: (int, int), messages.OP_REVOKE_PASS: (8, int), messages.OP_NOTICE: (int, 32),
    messages.OP_END_CONSENT: (32, int), messages.OP_FORGET: (int,),
    messages.OP_SCHEDULE: (int, bytes), messages.OP_TIME_ZONE: (bytes,),
}  # fmt: skip


TAKEN_WRONGLY = {
    0: "a state was taken wrongly",
    1: "another version was taken",
    2: "true was taken for a number",
}


def is_state_fit(fields, version):
    """1 where a change of state must be taken, 0 where not, 2 where only true stands for a number in it."""
    base, new = fields.get(messages.BASE_VERSION), fields.get(messages.NEW_VERSION)
    operations = fields.get(messages.OPERATIONS)
    if type(base) is not int or type(new) is not int or type(operations) is not list or new <= base:
        return 0
    if new <= version or base != version and not fields.get(messages.IS_SNAPSHOT, False):
        return 0
    grades = [grade(operation) for operation in operations]
    return 0 if 0 in grades else 2 if 2 in grades else 1


def grade(operation):
    if type(operation) is not list or not operation or type(operation[0]) not in (int, bool):
        return 0
    shape = SHAPES.get(operation[0])
    if shape is None or len(shape) != len(operation) - 1:
        return 0
    for value, kind in zip(operation[1:], shape):
        if kind is int and (type(value) is not int or not 0 <= value < 1 << 32):
            return 0
        if kind is not int and (type(value) is not bytes or kind not in (bytes, len(value))):
            return 0
    if operation[0] == messages.OP_END_CONSENT and operation[2] not in messages.CONSENT_ENDED:
        return 0
    if operation[0] in (messages.OP_PUT, messages.OP_DELETE) and operation[2] not in (1, 2, 3):
        return 0
    if operation[0] == messages.OP_PUT:
        rule, number, uses = operation[9:]
        if rule > 1 or number > 15 or uses > 255 or rule and uses:
            return 0
    if operation[0] == messages.OP_SCHEDULE:
        if not 1 <= operation[1] <= 15 or not are_periods(operation[2]):
            return 0
    if operation[0] == messages.OP_TIME_ZONE and not are_changes(operation[1]):
        return 0
    if operation[0] == messages.OP_SETTING:
        low, high, _ = BOUNDS.get(operation[1], (1, 0, 0))
        if not low <= operation[2] <= high:
            return 0
    return 2 if operation[0] is True else 1


def are_periods(packed):
    rows = [packed[at : at + 5] for at in range(0, len(packed), 5)]
    if len(rows) > 14 or any(len(row) != 5 for row in rows):
        return False
    times = [(row[0], row[1] | row[2] << 8, row[3] | row[4] << 8) for row in rows]
    return all(1 <= days <= 127 and first < last <= 1440 for days, first, last in times)


def are_changes(packed):
    rows = [packed[at : at + 6] for at in range(0, len(packed), 6)]
    if len(rows) > 8 or any(len(row) != 6 for row in rows):
        return False
    since = [int.from_bytes(row[:4], "little") for row in rows]
    east = [row[4] | row[5] << 8 for row in rows]
    is_near = all(one <= 840 or one >= 65536 - 840 for one in east)
    return is_near and all(one < other for one, other in zip(since, since[1:]))
