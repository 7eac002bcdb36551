"""The serial line while a door is provisioned, and after.

A line is ``AG `` + base64 of a frame + newline, at most limits.CONSOLE_LINE_BYTES. A frame is a CBOR array
that begins with one of the FRAME_ numbers.
"""

MARK = b"AG "
CHUNK_BYTES = 120
CONTENT_BYTES = 6144

# [FRAME_ERROR, reason]
FRAME_ERROR = 0
# host: [FRAME_HELLO]; door: [FRAME_HELLO, hardware id, firmware, build, is provisioned, nonce]
FRAME_HELLO = 1
# host: [FRAME_BEGIN, length, SHA-256 of the content]; door: [FRAME_CHUNK, 0]
FRAME_BEGIN = 2
# host: [FRAME_CHUNK, offset, bytes]; door: [FRAME_CHUNK, offset of the next]
FRAME_CHUNK = 3
# host: [FRAME_COMMIT]; door: [FRAME_COMMIT, HMAC-SHA-256(console key, nonce)]
FRAME_COMMIT = 4

RENEWAL = b"altgate/renewal/1"  # label of the key of a renewal, and associated data of it

# Keys of the content, a CBOR map.
DOOR_ID = 1
DOOR_KEY = 2
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
JOURNAL_KEY = 14  # 32 bytes, fresh: seals the journal's first epoch, and is nowhere on the door after that
GENERATION = 15  # number of the certificate and of the keys of the MACs, from 0 on; grows with each renewal
TIME = 13  # Unix seconds of the laptop: certificates can be judged before the host was heard
