"""Sizes and times that both sides keep to."""

DOOR_ID_BYTES = 4
DOOR_KEY_BYTES = 32
EPOCH_BYTES = 16
NONCE_BYTES = 16
TAG_BYTES = 16

FLASH_LAYOUT = 2  # version of all that lies raw in a door's flash (docs/formats.md)

CERTIFICATE_DAYS = 365  # of a door's; renewed over the link from half of that on
RENEWAL_BYTES = 3072  # sealed
CHECKPOINT_BYTES = 36
MESSAGE_BYTES = 4096  # one MQTT payload
CBOR_DEPTH = 6
CBOR_ITEMS = 512
OPERATIONS_PER_MESSAGE = 8  # so that each of its parts is a short step

CREDENTIALS = 15_000  # of one door: what the smallest board holds (hardware/flash.toml)
REVOKED_PASSES = 256  # that a door can name; beyond that no pass opens until they have ended
PASSES_IN_USE = 256  # of one door, of passes and credentials with a number of uses
PASS_DOORS = 8
PASS_TEXT_BYTES = 4 + (18 + 1 + PASS_DOORS * 20 + 2) // 3 * 4
USES = 255  # of a pass or a credential
SCHEDULES = 15  # of one door, numbered from 1 on
SCHEDULE_PERIODS = 14
TIME_ZONE_CHANGES = 8
SECOND_S = 15  # from a credential that needs another one to that other one

PIN_DIGITS_MIN = 6  # 1,000 codes a user for 1,000 users (IEC 60839-11-1)
PIN_DIGITS_MAX = 8
UNIT_DIGITS_MAX = 5
PIN_ATTEMPTS = 5
LOCKOUT_S = 30
LOCKOUT_MAX_S = 3600
KEYPAD_IDLE_MS = 8000

RELEASE_S_MIN = 3
RELEASE_S_MAX = 60
RELEASE_S = 5
HELD_OPEN_S_MIN = 5
HELD_OPEN_S_MAX = 3600
HELD_OPEN_S = 30

CHALLENGE_S = 30

NOTICE_CODE_DIGITS = 6
PERSONAL_NUMBER_DIGITS = 6
CONSENTS = 64  # of one door: residents who have said yes there, ended ones until the host knows
PRESENCE_S = 120  # from the door PIN on: consent, then enrolment
MENU_S = 20  # after the card was shown: hold the face key, or take a consent back
FACE_NOTICE_MS = 2000  # lamp and tone before the camera, alike for everyone
FACE_CLAIM_S = 8  # from the face key to the card that names who claims
FACE_SHOT_S = 6  # how long the module's supply stays on for one face
FACE_VECTOR_BYTES = 196
FACE_ACCEPT_THOUSANDTHS = 560  # cosine of a face and a template, for the network that docs/face.md names
FACE_AGREE_THOUSANDTHS = 500  # cosine of any two of the shots for one template
FACE_SHOTS = 3
FACE_ATTEMPTS_MAX = 50  # then face rests until it is enrolled anew (NIST SP 800-63B-4)
LEASE_S_MIN = 10
LEASE_S_MAX = 86400
LEASE_S = 86400
LEASE_NONCE_S = 60
CONSOLE_LINE_BYTES = 240
KEEPALIVE_S = 30
