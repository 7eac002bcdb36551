"""Keys of the CBOR maps that door and host exchange, and the codes that stand in their values.

A number, once used, keeps its meaning for good.
"""

# hello, welcome and what several messages share
BOOT = 1  # boot counter, u32
EPOCH = 2  # 16 bytes, fresh at every boot
STATE_VERSION = 3  # u64: how many changes of state the door has applied
JOURNAL_HEAD = 4  # sequence number of the newest event, 0 for none
FIRMWARE = 5  # version as text
BUILD = 6  # "development" or "release"
NONCE = 7  # 16 bytes
TIME = 8  # Unix seconds, UTC; 0 where the door does not know
TIME_QUALITY = 9  # one of the QUALITY_ codes
BAD_INPUT = 24  # map of reason code to count, since boot

# events
SEQUENCE = 10
KIND = 11
REASON = 12
METHOD = 13
CREDENTIAL = 14  # credential id, 0 for none
RESIDENT = 15  # resident pseudonym, 0 for none
DETAIL = 25  # a number whose meaning depends on the kind (a pass id, a gap's count)
DETAIL_BITS = 63  # so that a database's signed 64-bit column holds it; pass ids keep to it

# state
BASE_VERSION = 16
NEW_VERSION = 17
OPERATIONS = 18
IS_SNAPSHOT = 19

# requests and replies
REQUEST = 20  # request id, u32
RESULT = 21  # a reason code
CHALLENGE = 22  # 16 bytes, good once and for limits.CHALLENGE_S seconds
VERB = 23

QUALITY_UNKNOWN = 0
QUALITY_CLOCK = 1  # battery-backed clock, not confirmed since boot
QUALITY_HOST = 2  # confirmed by the host since boot

# operations: [OP_PUT, id, type, tag, not_before, not_after, unit, resident]; [OP_DELETE, id];
# [OP_SETTING, number, value]; [OP_REVOKE_PASS, pass_id, not_after]
OP_PUT = 1
OP_DELETE = 2
OP_SETTING = 3
OP_REVOKE_PASS = 4

TYPE_CARD = 1  # NTAG 424 DNA, proved by AuthenticateEV2First
TYPE_LEGACY_UID = 2  # UID only: clonable, off by default
TYPE_PIN = 3

SETTING_LEGACY_UID = 1  # 0 or 1
SETTING_RELEASE_S = 2  # seconds the strike stays released
SETTING_HELD_OPEN_S = 3  # seconds until an open door is reported

VERB_CHALLENGE = 1
VERB_UNLOCK = 2
VERB_SELF_TEST = 3

KIND_ENTRY = 1  # a decision on a claim
KIND_EXIT = 2  # the exit contact was seen
KIND_DOOR_OPENED = 3
KIND_DOOR_CLOSED = 4
KIND_FORCED_OPEN = 5
KIND_HELD_OPEN = 6
KIND_TAMPER = 7
KIND_BOOT = 8
KIND_GAP = 9  # events were lost while the journal was full; detail is their count
KIND_COMMAND = 10
KIND_STATE = 11  # a change of state was applied; detail is the new version

METHOD_NONE = 0
METHOD_CARD = 1
METHOD_LEGACY_UID = 2
METHOD_PIN = 3
METHOD_QR = 4
METHOD_FACE = 5
METHOD_COMMAND = 6
METHOD_EXIT = 7

KIND_NAMES = {
    KIND_ENTRY: "entry",
    KIND_EXIT: "exit",
    KIND_DOOR_OPENED: "door_opened",
    KIND_DOOR_CLOSED: "door_closed",
    KIND_FORCED_OPEN: "forced_open",
    KIND_HELD_OPEN: "held_open",
    KIND_TAMPER: "tamper",
    KIND_BOOT: "boot",
    KIND_GAP: "gap",
    KIND_COMMAND: "command",
    KIND_STATE: "state",
}

METHOD_NAMES = {
    METHOD_NONE: "none",
    METHOD_CARD: "card",
    METHOD_LEGACY_UID: "legacy_uid",
    METHOD_PIN: "pin",
    METHOD_QR: "qr",
    METHOD_FACE: "face",
    METHOD_COMMAND: "command",
    METHOD_EXIT: "exit",
}
