"""Reason codes: why a door did or did not do something.

Codes under 100 belong to decisions, 100 to 149 to commands and state, 150 and up to input that was
dropped. The residents' wording of each, in every language, is in the host's catalogue under the name.
"""

GRANTED = 0
UNKNOWN_CREDENTIAL = 1
CARD_NOT_GENUINE = 2
LEGACY_UID_OFF = 3
WRONG_PIN = 4
LOCKED_OUT = 5
NOT_YET_VALID = 6
EXPIRED = 7
USED_UP = 8
REVOKED = 9
OTHER_DOOR = 10
PASS_NOT_GENUINE = 11
PASS_MALFORMED = 12
TIME_UNKNOWN = 13
OUTSIDE_SCHEDULE = 14
CARD_LOST = 15
STORAGE_FAILED = 16
NONE = 17

DONE = 100
STALE_EPOCH = 101
STALE_CHALLENGE = 102
UNKNOWN_VERB = 103
VERSION_MISMATCH = 104
TABLE_FULL = 105
BAD_OPERATION = 106
SELF_TEST_FAILED = 107
NOT_PROVISIONED = 108
ALREADY_PROVISIONED = 109
SETTING_OUT_OF_RANGE = 110

BAD_FRAME = 150
BAD_CHECKSUM = 151
TOO_LONG = 152
BAD_MAC = 153
BAD_CBOR = 154
BAD_SHAPE = 155
UNKNOWN_TOPIC = 156
TIMED_OUT = 157
OVERRUN = 158

NAMES = {
    GRANTED: "granted",
    UNKNOWN_CREDENTIAL: "unknown_credential",
    CARD_NOT_GENUINE: "card_not_genuine",
    LEGACY_UID_OFF: "legacy_uid_off",
    WRONG_PIN: "wrong_pin",
    LOCKED_OUT: "locked_out",
    NOT_YET_VALID: "not_yet_valid",
    EXPIRED: "expired",
    USED_UP: "used_up",
    REVOKED: "revoked",
    OTHER_DOOR: "other_door",
    PASS_NOT_GENUINE: "pass_not_genuine",
    PASS_MALFORMED: "pass_malformed",
    TIME_UNKNOWN: "time_unknown",
    OUTSIDE_SCHEDULE: "outside_schedule",
    CARD_LOST: "card_lost",
    STORAGE_FAILED: "storage_failed",
    NONE: "none",
    DONE: "done",
    STALE_EPOCH: "stale_epoch",
    STALE_CHALLENGE: "stale_challenge",
    UNKNOWN_VERB: "unknown_verb",
    VERSION_MISMATCH: "version_mismatch",
    TABLE_FULL: "table_full",
    BAD_OPERATION: "bad_operation",
    SELF_TEST_FAILED: "self_test_failed",
    NOT_PROVISIONED: "not_provisioned",
    ALREADY_PROVISIONED: "already_provisioned",
    SETTING_OUT_OF_RANGE: "setting_out_of_range",
    BAD_FRAME: "bad_frame",
    BAD_CHECKSUM: "bad_checksum",
    TOO_LONG: "too_long",
    BAD_MAC: "bad_mac",
    BAD_CBOR: "bad_cbor",
    BAD_SHAPE: "bad_shape",
    UNKNOWN_TOPIC: "unknown_topic",
    TIMED_OUT: "timed_out",
    OVERRUN: "overrun",
}
