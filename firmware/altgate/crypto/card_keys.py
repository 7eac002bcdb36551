"""Card keys: one per card (NXP AN10922), and the session keys of NTAG 424 DNA (NXP NT4H2421Gx, 9.1.7)."""

from altgate.crypto.cmac import cmac, cmac_blocks, subkeys

_UID_BYTES = 7
_APPLICATION = b"altgate"


def diversify(master, diversification) -> bytes:
    """AN10922, 2.2: the AES-128 key of a card, from 1 to 31 bytes that name it; ValueError otherwise.

    Not plain CMAC: an input of 16 bytes or less, too, is padded to two blocks and takes the mask K2.
    """
    if not 1 <= len(diversification) <= 31:
        raise ValueError("a diversification input has 1 to 31 bytes")
    blocks = bytearray(b"\x01")
    blocks.extend(diversification)
    whole_key, padded_key = subkeys(master)
    if len(blocks) == 32:
        return cmac_blocks(master, blocks, whole_key)
    blocks.append(0x80)
    blocks.extend(bytes(32 - len(blocks)))
    return cmac_blocks(master, blocks, padded_key)


def card_key(zone_key, uid, slot: int) -> bytes:
    """The application key of one card in one zone; ``slot`` is the key's number on the card."""
    if len(uid) != _UID_BYTES:
        raise ValueError("a card's UID has 7 bytes")
    return diversify(zone_key, bytes(uid) + _APPLICATION + bytes([slot]))


def session_keys(key, rnd_a, rnd_b) -> tuple:
    """``(K_enc, K_mac)`` of AuthenticateEV2First, from the 16 random bytes of the door and of the card."""
    mixed = bytes(a ^ b for a, b in zip(rnd_a[2:8], rnd_b[:6]))
    context = b"\x00\x01\x00\x80" + rnd_a[:2] + mixed + rnd_b[6:16] + rnd_a[8:16]
    keys = subkeys(key)
    return cmac(key, b"\xa5\x5a" + context, keys), cmac(key, b"\x5a\xa5" + context, keys)
