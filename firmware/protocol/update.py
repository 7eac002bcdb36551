"""Images of the firmware: the manifest, the head of the code slot where one lies, and events of new code."""

# Keys of the manifest, a CBOR map with exactly these.
FORMAT = 1  # MANIFEST_FORMAT
VERSION = 2  # text
BOARD = 3  # name of the board, as its board.toml has it
LAYOUT = 4  # limits.FLASH_LAYOUT
SIZE = 5  # bytes of the ROMFS
SHA256 = 6  # of the ROMFS
SECURITY = 7  # a door that runs a higher one takes no lower one
CREATED = 8  # Unix seconds, 0 for none

MANIFEST_FORMAT = 1
IMAGE_SECURITY = 1  # of the images made from here: raised where no door may go back behind one
MANIFEST_BYTES = 512
SIGNATURE_BYTES = 3072
KEY_ID_BYTES = 16  # in front of the LMS signature: the identifier I of its key

# A slot: its head, and behind it the ROMFS.
HEAD_BYTES = 4096
HEAD_MAGIC = 0x31534741  # "AGS1"
# Offsets of the words that are said in place: 0xFFFFFFFF is not yet, 0 is so, anything else was cut short.
WRITTEN_AT = 64
TRIED_AT = 68
GOOD_AT = 72
BAD_AT = 76
CONTENT_AT = 128  # the manifest, then the signature

# What a KIND_UPDATE event tells of.
EVENT_BEGUN = 1  # room is made for the image
EVENT_TAKEN = 2  # it is there as it should be, and is tried at the next start
EVENT_KEPT = 3  # it has proved itself
EVENT_ROLLED_BACK = 4  # it has not, and the one before it runs again
# What KIND_WINDOW and KIND_RESET events tell of.
WINDOW_OPENED = 1  # before anything is erased
WINDOW_ENDED = 2  # told by the bare board
RESET_BEGUN = 1  # before anything is erased
RESET_DONE = 2  # told by the bare board


def event_detail(digest: bytes, event: int) -> int:
    """detail of a KIND_UPDATE event: what happened below, the first 6 bytes of SHA256 above it."""
    return int.from_bytes(digest[:6], "big") << 8 | event
