"""What a consent says, and the hashes by which door and host name it; pure, and the same on both sides.

The two sides build the same bytes by themselves (the door with altgate.crypto.cbor, the host with cbor2), so
that a difference in either shows as another hash.
"""

TITLE = "altgate/consent/1"


def statement(door_id: str, resident: int, credential: int, notice: bytes, boot: int, time: int, quality: int,
              nonce: bytes) -> list[object]:  # fmt: skip
    """The statement as an array to be encoded in deterministic CBOR; its SHA-256 names the consent.

    credential: the card that the resident showed. notice: SHA-256 of the notice. boot, time, quality: as in
    an event. nonce: 16 fresh bytes of the door.
    """
    return [TITLE, door_id, resident, credential, notice, boot, time, quality, nonce]


def in_force(consents: list[bytes]) -> bytes:
    """What is hashed (SHA-256) for messages.CONSENTS: the consents in force at a door, in order."""
    return b"".join(sorted(consents))


def notice_code(notice: bytes) -> str:
    """The six digits that stand on a notice, from its SHA-256."""
    return "%06d" % (int.from_bytes(notice[:8], "big") % 1000000)


def event_detail(consent: bytes, state: int) -> int:
    """detail of a KIND_CONSENT event: the state below, the consent's first 6 bytes above it."""
    return int.from_bytes(consent[:6], "big") << 8 | state
