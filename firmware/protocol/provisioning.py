"""The serial line of a door: how a laptop gives it an identity, and how it is spoken with afterwards.

A line is ``AG `` + base64 of a frame + newline, at most limits.CONSOLE_LINE_BYTES. A frame is a CBOR array
that begins with one of the FRAME_ numbers. What a sealed frame holds is an array too, that begins with one
of the SAY_ numbers. docs/formats.md tells the whole of it.
"""

MARK = b"AG "
CHUNK_BYTES = 120
CONTENT_BYTES = 6144

# [FRAME_ERROR, reason]
FRAME_ERROR = 0
# host: [FRAME_HELLO]; a bare door: [FRAME_HELLO, hardware id, firmware, build, board]; any other stays silent
FRAME_HELLO = 1
# host: [FRAME_OPEN, public key]; a bare door: [FRAME_OPEN, public key]. P-256, uncompressed, drawn for this
FRAME_OPEN = 2
# host: [FRAME_KNOCK, who, nonce, MAC]; the door: [FRAME_KNOCK, nonce, MAC]; silence where the MAC is wrong
FRAME_KNOCK = 3
# either: [FRAME_SEALED, number, AES-SIV of what is said]
FRAME_SEALED = 4

# [SAY_ERROR, reason]
SAY_ERROR = 0
# host: [SAY_BEGIN, CONTENT_ number, length, SHA-256 of the content]; door: [SAY_CHUNK, 0]
SAY_BEGIN = 1
# host: [SAY_CHUNK, offset, bytes]; door: [SAY_CHUNK, offset of the next]
SAY_CHUNK = 2
# host: [SAY_COMMIT]; door: [SAY_COMMIT, length of what can be read now]
SAY_COMMIT = 3
# host: [SAY_READ, offset]; door: [SAY_READ, offset, bytes]
SAY_READ = 4
# host: [SAY_ASK, verb, argument ...]; door: [SAY_ASK, reason, answer ...]
SAY_ASK = 5
# host: [SAY_LEAVE]; door: the same, and it starts anew
SAY_LEAVE = 6

CONTENT_TICKET = 1  # what a board is to become: a map of GIVEN, WIFI_SSID, WIFI_PASSWORD and TIME
CONTENT_ADMISSION = 2  # a sealed map with what makes a board that waits a door
CONTENT_UPDATE = 3  # for a door: [manifest, signature] of an image, as byte strings

# Labels: of the keys of a line, of the MACs that open it, and of keys and seals of an enrolment.
TO_DOOR = b"altgate/console/to-door/1"
TO_HOST = b"altgate/console/to-host/1"
KNOCK = b"altgate/console/knock/1"
COME_IN = b"altgate/console/come-in/1"
SERVICE = b"altgate/console/service/1"
BOARD = b"altgate/board/1"
ENROL = b"enrol"
ADMISSION = b"altgate/admission/1"

POINT_BYTES = 65  # of a P-256 public key, uncompressed
MAC_BYTES = 32
TICKET_ID_BYTES = 8
TICKET_SECRET_BYTES = 16

# Keys of CBOR maps: of a ticket, of an enrolment's record, of an admission, and of what a door keeps.
DOOR_ID = 1
DOOR_KEY = 2  # the board's own 32 bytes: keys of MACs, renewals and of this line come from it
ZONE = 3
ZONE_KEY = 4
BROKER_HOST = 5
BROKER_PORT = 6
BROKER_NAME = 7
CA = 8
CERTIFICATE = 9
PRIVATE_KEY = 10
WIFI_SSID = 11
WIFI_PASSWORD = 12
TIME = 13  # Unix seconds of the laptop: certificates can be judged before the host was heard
JOURNAL_KEY = 14  # 32 bytes, fresh: seals the journal's first epoch, and is nowhere on the door after that
GENERATION = 15  # number of the certificate and of the keys of the MACs, from 0 on; grows with each renewal
INDEX_KEY = 16  # the door's, for the tags of credentials: it outlives a board that is replaced
PASS_KEY = 17  # the door's, for the tags of passes
ORIGIN = 18  # where residents reach their page
TICKET_ID = 19
TICKET_SECRET = 20  # opens the line of a board that waits to be admitted
SERVER_KEY = 21  # P-256 public key to which the board's own key goes
EXPIRES = 22  # Unix seconds
BUILDING = 23  # its name, for whoever installs
DOOR_NAME = 24
GIVEN = 25  # a ticket, encoded
GIVEN_HASH = 26  # SHA-256 of it
SHARE = 27  # P-256 public key, drawn for this enrolment; with SERVER_KEY it makes the board's own key
REQUEST = 28  # PKCS#10, for the certificate of a key that never leaves the board
HARDWARE_ID = 29
FIRMWARE = 30
BUILD = 31
BOARD_NAME = 32
RECORD = 33  # an enrolment's record with its MAC, encoded
SERVICE_WHO = 35  # of a service ticket: what its key is for (protocol.service)
SERVICE_KEY = 36  # of a service ticket: opens the line of one door, for a while
OWN_KEY = 34  # the private key of a board that waits: the one in use until then came with its ticket
