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
HAS_MORE = 32  # true: another message is to follow; while a snapshot is not whole no pass opens

# requests and replies
REQUEST = 20  # request id, u32
RESULT = 21  # a reason code
CHALLENGE = 22  # 16 bytes, good once and for limits.CHALLENGE_S seconds
VERB = 23

# consents (up/consent, down/consent) and leases (up/lease, down/lease)
CONSENT = 26  # 32 bytes, names one consent: SHA-256 of its statement (protocol.statements)
NOTICE = 27  # 32 bytes: SHA-256 of the notice that the resident was given
CONSENT_STATE = 28  # one of the CONSENT_ codes
PERSONAL_NUMBER = 29  # what the resident types to name themselves, u32
GENERATION = 33  # number of the certificate and keys in use, u16
SEALED = 34  # a renewal: AES-256-SIV of a map with GENERATION and CERTIFICATE of provisioning
CHECKPOINT = 35  # of the host's register: count of its records (u32, big-endian), hash of the last (32 bytes)
JOURNAL_ACKED = 31  # up to which event the door knows that the host has them all
CONSENTS = 30  # 32 bytes: hash of all consents in force at the door (protocol.statements)

QUALITY_UNKNOWN = 0
QUALITY_CLOCK = 1  # battery-backed clock, not confirmed since boot
QUALITY_HOST = 2  # confirmed by the host since boot

# operations: [OP_PUT, id, type, tag, not_before, not_after, unit, resident, household, rule, schedule, uses]
# (schedule 0: at any hour; uses 0: any number); [OP_SCHEDULE, number, periods of 5 bytes each: days u8 with
# bit 0 for Monday, first and last minute of the local day u16, the last one not within; none to let it go];
# [OP_TIME_ZONE, changes of 6 bytes each: from Unix seconds u32 on, minutes east of UTC i16], little-endian;
# [OP_DELETE, id, type, tag, unit]; [OP_SETTING, number, value]; [OP_REVOKE_PASS, pass_id, not_after];
# [OP_NOTICE, version, sha256]; [OP_END_CONSENT, consent, state]; [OP_FORGET, resident]
OP_PUT = 1
OP_DELETE = 2
OP_SETTING = 3
OP_REVOKE_PASS = 4
OP_NOTICE = 5  # from now on this is the notice; consents to any other are suspended
OP_END_CONSENT = 6  # state: CONSENT_WITHDRAWN (the resident, on their page) or CONSENT_REVOKED
OP_FORGET = 7  # end any consent of this resident and forget their door PIN
OP_SCHEDULE = 8
OP_TIME_ZONE = 9

RULE_SINGLE = 0
RULE_DUAL = 1  # opens only together with another credential of the same resident

TYPE_CARD = 1  # NTAG 424 DNA, proved by AuthenticateEV2First
TYPE_LEGACY_UID = 2  # UID only: clonable, off by default
TYPE_PIN = 3

SETTING_LEGACY_UID = 1  # 0 or 1
SETTING_RELEASE_S = 2  # seconds the strike stays released
SETTING_HELD_OPEN_S = 3  # seconds until an open door is reported
SETTING_FACE = 4  # 0 or 1: whether a resident may choose face at this door at all
SETTING_LEASE_S = 5  # seconds for which face works without a word from the host
SETTING_FACE_UNPROVED = 6  # 0 or 1: whether a module without a liveness verdict may be used
SETTING_SCHEDULE_UNTIMED = 7  # 0 or 1: whether schedules are let go while the door does not know the time

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
KIND_CONSENT = 12  # a consent changed; detail as statements.event_detail() makes it
KIND_CEREMONY = 13  # a step of saying yes or of enrolment was refused; reason says why
KIND_SERVICE = 14  # the serial line was opened with a service key; detail is its scope (protocol.service)
KIND_UPDATE = 15  # an image of the firmware; detail as update.event_detail() makes it
KIND_WINDOW = 16  # a maintenance window; detail is one of update.WINDOW_
KIND_RESET = 17  # a factory reset; detail is one of update.RESET_

# States of a consent, by their W3C DPV names in the host's records.
CONSENT_GIVEN = 1  # ConsentGiven: said at the door
CONSENT_ENROLLED = 2  # still ConsentGiven: a template was made under it
CONSENT_WITHDRAWN = 3  # ConsentWithdrawn: by the resident, at the door or on their page
CONSENT_REVOKED = 4  # ConsentRevoked: by a manager
CONSENT_INVALIDATED = 5  # ConsentInvalidated: what it was bound to is gone, or a new one took its place
CONSENT_LIVE = (CONSENT_GIVEN, CONSENT_ENROLLED)
CONSENT_ENDED = (CONSENT_WITHDRAWN, CONSENT_REVOKED, CONSENT_INVALIDATED)

METHOD_NONE = 0
METHOD_CARD = 1
METHOD_LEGACY_UID = 2
METHOD_PIN = 3
METHOD_QR = 4
METHOD_FACE = 5
METHOD_COMMAND = 6
METHOD_EXIT = 7
