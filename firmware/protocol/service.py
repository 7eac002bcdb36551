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
SCOPE_ALL = 3  # every bit that means something

# any scope; answer: hardware id, firmware, build, board, number of the start, time or 0, QUALITY_ of it
VERB_ABOUT = 1
