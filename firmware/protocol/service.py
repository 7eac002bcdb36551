"""What is asked on the serial line of a door by whoever has proved a service key, and what it may ask.

The key is HMAC-SHA-256, under the door's ``console`` key, of provisioning.SERVICE and ``who``: service id (8
bytes, drawn for it), expires (u32, big-endian, Unix seconds), scope (one byte of SCOPE_ bits). What can be
read there, by SAY_COMMIT and SAY_READ, is the certificate of the door's key.
"""

ID_BYTES = 8
WHO_BYTES = 13
SILENCE_S = 30  # without a sealed frame, and the line is closed
KNOCKS = 16  # so many are remembered, so that none of them is heard again

SCOPE_CHECK = 1  # the door's parts may be tried; none of that opens it
SCOPE_STRIKE = 2  # the strike may be released while the installer watches
SCOPE_UPDATE = 4  # an image that the release key has signed may be brought
SCOPE_WINDOW = 8  # a maintenance window may be opened: the keys go first, and the board is bare after it
SCOPE_RESET = 16  # the board may be reset to its factory state by whoever also holds its button
SCOPE_INSTALLER = 3  # of the ticket by which the board came, by its TICKET_ID, until it expires
SCOPE_ALL = 31  # every bit that means something

# any scope; answer: hardware id, firmware, build, board, number of the start, time or 0, QUALITY_ of it
VERB_ABOUT = 1
# SCOPE_CHECK: try one part; arguments: CHECK_ number, seconds; answer: a reason, and what was found
VERB_CHECK = 2
# SCOPE_STRIKE: release the strike for the usual time; answer: a reason, seconds until it was shut again
VERB_CHECK_STRIKE = 3

CHECK_S = 60  # the longest of any check; those that wait for somebody end with the first sign of them

# somebody shows a card: how it was tried (METHOD_), and the reason if it failed
CHECK_CARD = 1
# somebody presses a key; which one is not told
CHECK_KEYS = 2
# somebody shows a code: METHOD_QR, and the reason if it is no pass of this door
CHECK_SCANNER = 3
# red with three low tones, blue, and green twice with a high one, for somebody who watches and listens
CHECK_SIGNALS = 4
# somebody presses the exit button, and opens and shuts the door: whether it was pressed, opened, shut
CHECK_WAY_OUT = 5
# the card reader's chip answers: its four bytes of GetFirmwareVersion. From here on nobody has to do anything
CHECK_READER = 6
# levels as they are: door open, exit pressed, case open, each 0 or 1
CHECK_CONTACTS = 7
# the face module has no supply now; whether face is switched on at this door
CHECK_FACE = 8
# the newest record reads back; a file is written, read and removed: places of the journal, events owed to the
# host, what did not check
CHECK_FLASH = 9
# the clock's chip runs: its time, the door's, QUALITY_ of the latter
CHECK_CLOCK = 10
# joined to the Wi-Fi: whether it has one, signal in dBm
CHECK_WIFI = 11
# the host acknowledges all events: how many were owed, and are still, milliseconds, what the broker said last
CHECK_HOST = 12
CHECK_LAST = 12

# SCOPE_UPDATE; begun by CONTENT_UPDATE. Answer: the slot that runs, the security number below which no image
# is taken, offset of the bytes that are wanted next
VERB_UPDATE = 32
# offset, bytes of the ROMFS; answer: offset of the next
VERB_UPDATE_BYTES = 33
# all bytes are there; the door checks them and starts anew with them, once nobody is at it
VERB_UPDATE_FINISH = 34
# SCOPE_WINDOW; whether to open it though the host lacks events. Answer: seconds, how many events it lacks
VERB_WINDOW = 35
VERB_RESET = 36  # SCOPE_RESET, with the board's button held

IMAGE_CHUNK_BYTES = 128
