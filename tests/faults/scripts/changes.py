"""Which changes of state a door must take, written from protocol.messages and not from the door's code."""

from altgate.store.credentials import SETTINGS
from protocol import messages

SHAPES = {
    messages.OP_PUT: (int, int, 16, int, int, int, int), messages.OP_DELETE: (int, int, 16, int),
    messages.OP_SETTING: (int, int), messages.OP_REVOKE_PASS: (8, int), messages.OP_NOTICE: (int, 32),
    messages.OP_END_CONSENT: (32, int), messages.OP_FORGET: (int,),
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
        if kind is not int and (type(value) is not bytes or len(value) != kind):
            return 0
    if operation[0] == messages.OP_END_CONSENT and operation[2] not in messages.CONSENT_ENDED:
        return 0
    if operation[0] in (messages.OP_PUT, messages.OP_DELETE) and operation[2] not in (1, 2, 3):
        return 0
    if operation[0] == messages.OP_SETTING:
        low, high, _ = SETTINGS.get(operation[1], (1, 0, 0))
        if not low <= operation[2] <= high:
            return 0
    return 2 if operation[0] is True else 1
