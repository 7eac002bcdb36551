"""MQTT topics. Every name below is relative to one door: ``altgate/<door id>/<direction>/<kind>``.

The door id is 8 lowercase hexadecimal digits. ``up`` runs from door to host, ``down`` from host to door.
"""

ROOT = "altgate"

UP_HELLO = "up/hello"
UP_EVENT = "up/event"
UP_REPLY = "up/reply"
UP_STATUS = "up/status"

DOWN_WELCOME = "down/welcome"
DOWN_ACK = "down/ack"
DOWN_STATE = "down/state"
DOWN_COMMAND = "down/command"

UP = (UP_HELLO, UP_EVENT, UP_REPLY, UP_STATUS)
DOWN = (DOWN_WELCOME, DOWN_ACK, DOWN_STATE, DOWN_COMMAND)

STATUS_ONLINE = b"online"
STATUS_OFFLINE = b"offline"


def topic(door_id: str, name: str) -> str:
    """The whole topic of one door, for one of the names above."""
    return ROOT + "/" + door_id + "/" + name


def split(full: str) -> tuple[str, str]:
    """``(door_id, name)`` of a whole topic; raises ValueError for a topic of any other shape."""
    parts = full.split("/")
    if len(parts) != 4 or parts[0] != ROOT or len(parts[1]) != 8:
        raise ValueError("not a topic of a door")
    return parts[1], parts[2] + "/" + parts[3]
