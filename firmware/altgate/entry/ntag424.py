"""NTAG 424 DNA: proving that a card holds its key, by AuthenticateEV2First with key 0.

Source: NXP AN12196 (the exchange) and AN10922 (a key per card). The card's UID only chooses the key to
try; what opens is that the card could encrypt with it.
"""

from cryptolib import aes

from altgate.crypto import card_keys, consteq

_SELECT = b"\x00\xa4\x04\x0c\x07\xd2\x76\x00\x00\x85\x01\x01\x00"
_FIRST = b"\x90\x71\x00\x00\x02\x00\x00\x00"
_CBC = 2
_ZERO = b"\0" * 16


async def is_genuine(reader, uid, zone_key, slot, random):
    """Whether the card in the field holds the key made for this UID in this zone.

    reader: drivers.pn532.Pn532. zone_key: 16 bytes. slot: the zone's number. random(n): n fresh bytes.
    Raises ReaderError where the card left or the chip did not answer.
    """
    key = card_keys.card_key(zone_key, uid, slot)
    if (await reader.exchange(_SELECT))[-2:] != b"\x90\x00":
        return False
    first = await reader.exchange(_FIRST)
    if len(first) != 18 or first[16:] != b"\x91\xaf":
        return False
    rnd_a = random(16)
    rnd_b = aes(key, _CBC, _ZERO).decrypt(first[:16])
    token = aes(key, _CBC, _ZERO).encrypt(rnd_a + rnd_b[1:] + rnd_b[:1])
    second = await reader.exchange(b"\x90\xaf\x00\x00\x20" + token + b"\x00")
    if len(second) != 34 or second[32:] != b"\x91\x00":
        return False
    proof = aes(key, _CBC, _ZERO).decrypt(second[:32])
    # TI 4, RndA rotated left by one byte 16, capabilities 12
    return consteq.consteq(proof[4:20], rnd_a[1:] + rnd_a[:1])

