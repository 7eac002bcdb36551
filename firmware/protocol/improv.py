"""Improv Wi-Fi over serial, as published ("Improv via Serial"): the part of it that a bare door speaks.

A frame is the header with its version, a type, a length, so many bytes, and the sum of all before modulo 256.
An RPC has in it a command, a length and its data; a result has the command, a length, and texts that each
have their length before them.
"""

HEADER = b"IMPROV\x01"
FRAME_BYTES = 265  # at the most: 7 of header, type, length, 255, checksum

TYPE_STATE = 1
TYPE_ERROR = 2
TYPE_RPC = 3
TYPE_RESULT = 4

STATE_READY = 2
STATE_PROVISIONING = 3
STATE_PROVISIONED = 4

ERROR_NONE = 0
ERROR_INVALID = 1
ERROR_UNKNOWN_RPC = 2
ERROR_CANNOT_CONNECT = 3
ERROR_UNKNOWN = 0xFF

RPC_WIFI = 1
RPC_STATE = 2
RPC_ABOUT = 3
RPC_SCAN = 4

SSID_BYTES = 32
PASSWORD_BYTES = 64
NETWORKS = 20  # that a scan names, the strongest
