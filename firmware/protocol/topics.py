"""MQTT topics. Every name below is relative to one door: ``altgate/<door id>/<direction>/<kind>``.

The door id is 8 lowercase hexadecimal digits. ``up`` runs from door to host, ``down`` from host to door.
"""

ROOT = "altgate"

UP_HELLO = "up/hello"
UP_EVENT = "up/event"
UP_REPLY = "up/reply"
UP_STATUS = "up/status"
UP_CONSENT = "up/consent"  # a consent was given, or has changed; again until the host has acknowledged it
UP_LEASE = "up/lease"  # asks for a lease: a fresh nonce and the hash of the consents in force
UP_ENROL = "up/enrol"  # a board that took a ticket asks to be admitted; its own seal, no COSE

DOWN_WELCOME = "down/welcome"
DOWN_ACK = "down/ack"
DOWN_STATE = "down/state"
DOWN_COMMAND = "down/command"
DOWN_CONSENT = "down/consent"  # acknowledges a state of a consent
DOWN_LEASE = "down/lease"  # grants it: the nonce and the consents of the question
DOWN_RENEWAL = "down/renewal"  # another certificate and other keys, sealed under the door's key
DOWN_ADMISSION = "down/admission"  # makes a board that waits a door, sealed under its own key

UP = (UP_HELLO, UP_EVENT, UP_REPLY, UP_STATUS, UP_CONSENT, UP_LEASE)
DOWN = (DOWN_WELCOME, DOWN_ACK, DOWN_STATE, DOWN_COMMAND, DOWN_CONSENT, DOWN_LEASE, DOWN_RENEWAL)
ENROLMENT = (UP_ENROL, DOWN_ADMISSION)  # of a board that is no door yet; docs/formats.md

STATUS_ONLINE = b"online"
STATUS_OFFLINE = b"offline"
STATUS_STUCK = b"stuck"  # its flash does not open: it stays locked, and tries again


def topic(door_id: str, name: str) -> str:
    """The whole topic of one door, for one of the names above."""
    return ROOT + "/" + door_id + "/" + name


def split(full: str) -> tuple[str, str]:
    """``(door_id, name)`` of a whole topic; raises ValueError for a topic of any other shape."""
    parts = full.split("/")
    if len(parts) != 4 or parts[0] != ROOT or len(parts[1]) != 8:
        raise ValueError("not a topic of a door")
    return parts[1], parts[2] + "/" + parts[3]
