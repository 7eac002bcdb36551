"""What each message holds, for the host, its documents and its tests; a door has no use for it.

Kinds: ("u", bits) an unsigned number; ("bytes", size); ("text", most); ("sealed", most) bytes; and with
a size that says nothing "bool", "counts" a map of reason code to number, "operations" a list as messages.py
says.
"""

from . import limits, messages, topics

KINDS = {
    messages.BOOT: ("u", 32),
    messages.EPOCH: ("bytes", limits.EPOCH_BYTES),
    messages.STATE_VERSION: ("u", 64),
    messages.JOURNAL_HEAD: ("u", 32),
    messages.FIRMWARE: ("text", 64),
    messages.BUILD: ("text", 16),
    messages.NONCE: ("bytes", limits.NONCE_BYTES),
    messages.TIME: ("u", 32),
    messages.TIME_QUALITY: ("u", 8),
    messages.BAD_INPUT: ("counts", 0),
    messages.SEQUENCE: ("u", 32),
    messages.KIND: ("u", 8),
    messages.REASON: ("u", 8),
    messages.METHOD: ("u", 8),
    messages.CREDENTIAL: ("u", 32),
    messages.RESIDENT: ("u", 32),
    messages.DETAIL: ("u", messages.DETAIL_BITS),
    messages.BASE_VERSION: ("u", 64),
    messages.NEW_VERSION: ("u", 64),
    messages.OPERATIONS: ("operations", 0),
    messages.IS_SNAPSHOT: ("bool", 0),
    messages.HAS_MORE: ("bool", 0),
    messages.REQUEST: ("u", 32),
    messages.RESULT: ("u", 8),
    messages.CHALLENGE: ("bytes", limits.NONCE_BYTES),
    messages.VERB: ("u", 8),
    messages.CONSENT: ("bytes", 32),
    messages.NOTICE: ("bytes", 32),
    messages.CONSENT_STATE: ("u", 8),
    messages.PERSONAL_NUMBER: ("u", 32),
    messages.CONSENTS: ("bytes", 32),
    messages.JOURNAL_ACKED: ("u", 32),
    messages.GENERATION: ("u", 16),
    messages.SEALED: ("sealed", limits.RENEWAL_BYTES),
    messages.CHECKPOINT: ("bytes", limits.CHECKPOINT_BYTES),
}

# topic: (keys that are always there, keys that may be)
HELD = {
    topics.UP_HELLO: (
        (
            messages.BOOT, messages.EPOCH, messages.STATE_VERSION, messages.JOURNAL_HEAD, messages.FIRMWARE,
            messages.BUILD, messages.NONCE, messages.TIME, messages.TIME_QUALITY, messages.BAD_INPUT,
            messages.JOURNAL_ACKED, messages.GENERATION,
        ),
        (messages.CHECKPOINT,),
    ),
    topics.UP_EVENT: (
        (
            messages.SEQUENCE, messages.BOOT, messages.TIME, messages.TIME_QUALITY, messages.KIND,
            messages.REASON, messages.METHOD, messages.CREDENTIAL, messages.RESIDENT, messages.DETAIL,
        ),
        (messages.CHECKPOINT,),
    ),
    topics.UP_REPLY: (
        (messages.REQUEST, messages.RESULT),
        (messages.STATE_VERSION, messages.CHALLENGE, messages.EPOCH),
    ),
    topics.UP_CONSENT: (
        (
            messages.CONSENT, messages.RESIDENT, messages.CREDENTIAL, messages.NOTICE, messages.CONSENT_STATE,
            messages.BOOT, messages.TIME, messages.TIME_QUALITY, messages.NONCE, messages.REASON,
        ),
        (),
    ),
    topics.UP_LEASE: ((messages.NONCE, messages.CONSENTS), ()),
    topics.DOWN_WELCOME: ((messages.NONCE, messages.EPOCH, messages.TIME), ()),
    topics.DOWN_ACK: ((messages.EPOCH, messages.SEQUENCE), (messages.CHECKPOINT,)),
    topics.DOWN_RENEWAL: ((messages.EPOCH, messages.SEALED), ()),
    topics.DOWN_STATE: (
        (
            messages.EPOCH, messages.BASE_VERSION, messages.NEW_VERSION, messages.OPERATIONS,
            messages.IS_SNAPSHOT,
        ),
        (messages.HAS_MORE,),
    ),
    topics.DOWN_COMMAND: ((messages.EPOCH, messages.REQUEST, messages.VERB), (messages.CHALLENGE,)),
    topics.DOWN_CONSENT: (
        (messages.EPOCH, messages.CONSENT, messages.CONSENT_STATE), (messages.PERSONAL_NUMBER,),
    ),
    topics.DOWN_LEASE: ((messages.EPOCH, messages.NONCE, messages.CONSENTS), ()),
}  # fmt: skip


def problems(name: str, content: "dict[int, object]") -> "list[str]":
    """What is wrong with a message's content by its topic below the door, as a list of sentences."""
    always, maybe = HELD[name]
    found = ["%d is missing" % key for key in always if key not in content]
    for key, value in content.items():
        if key not in always and key not in maybe:
            found.append("%d does not belong there" % key)
        elif not _is_of(KINDS[key], value):
            found.append("%d is of another kind" % key)
    return found


def _is_of(kind: "tuple[str, int]", value: object) -> bool:
    what, size = kind
    if what == "u":
        return type(value) is int and 0 <= value < 1 << size
    if what == "bool":
        return value is True or value is False
    if what == "counts":
        return type(value) is dict and all(type(one) is int for row in value.items() for one in row)
    if what == "operations":
        return type(value) is list and all(type(one) is list and one for one in value)
    if what == "text":
        return type(value) is str and 0 < len(value) <= size
    if what == "sealed":
        return type(value) is bytes and 0 < len(value) <= size
    return type(value) is bytes and len(value) == size
