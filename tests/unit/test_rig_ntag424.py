"""The simulated NTAG 424 DNA against published values, and what it refuses."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from altgate.rig.ntag424 import CloneCard, Ntag424, diversified

ZERO = bytes(16)
UID = bytes.fromhex("04de5f1eacc040")
SELECT = bytes.fromhex("00a4040c07d276000085010100")
FIRST = bytes.fromhex("9071000002000000")
GET_VERSION, MORE = bytes.fromhex("9060000000"), bytes.fromhex("90af000000")

# AN12196 and public traces, all with a key of zeros: RndA, the card's first answer, the reader's answer,
# the card's second answer, transaction identifier, session keys
EXCHANGES = [
    (
        "13C5DB8A5930439FC3DEF9A4C675360F",
        "A04C124213C186F22399D33AC2A30215",
        "35C3E05A752E0144BAC0DE51C1F22C56B34408A23D8AEA266CAB947EA8E0118D",
        "3FA64DB5446D1F34CD6EA311167F5E4985B89690C04A05F17FA7AB2F08120663",
        "9D00C4DF", "1309C877509E5A215007FF0ED19CA564", "4C6626F5E72EA694202139295C7A7FC7",
    ),
    (
        "B98F4C50CF1C2E084FD150E33992B048",
        "B875CEB0E66A6C5CD00898DC371F92D1",
        "FF0306E47DFBC50087C4D8A78E88E62DE1E8BE457AA477C707E2F0874916A8B1",
        "0CC9A8094A8EEA683ECAAC5C7BF20584206D0608D477110FC6B3D5D3F65C3A6A",
        "7614281A", "7A93D6571E4B180FCA6AC90C9A7488D4", "FC4AF159B62E549B5812394CAB1918CC",
    ),
]  # fmt: skip


def cbc(key, data, is_decrypting=False):
    cipher = Cipher(algorithms.AES(key), modes.CBC(ZERO))
    step = cipher.decryptor() if is_decrypting else cipher.encryptor()
    return step.update(data) + step.finalize()


def second(token):
    return b"\x90\xaf\x00\x00\x20" + token + b"\x00"


def selected(card):
    card.activate()
    assert card.answer(SELECT) == b"\x90\x00"
    return card


def prove(card, key, rnd_a=bytes(range(16))):
    """What a reader with ``key`` gets for its second command."""
    first = selected(card).answer(FIRST)
    assert first[16:] == b"\x91\xaf" and len(first) == 18
    rnd_b = cbc(key, first[:16], is_decrypting=True)
    return card.answer(second(cbc(key, rnd_a + rnd_b[1:] + rnd_b[:1])))


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_authentication_gives_the_published_bytes(exchange):
    rnd_a, first, token, last, transaction, enc, mac = (bytes.fromhex(part) for part in exchange)
    drawn = iter([cbc(ZERO, first, is_decrypting=True), transaction])
    card = selected(Ntag424(UID, ZERO, random=lambda n: next(drawn)))
    assert card.answer(FIRST) == first + b"\x91\xaf"
    assert card.answer(second(token)) == last + b"\x91\x00"
    assert cbc(ZERO, last, is_decrypting=True)[4:20] == rnd_a[1:] + rnd_a[:1]
    assert card.session == (enc, mac)


def test_a_key_per_card_is_the_published_one():
    master = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    message = bytes.fromhex("04782E21801D803042F54E585020416275")
    assert diversified(master, message).hex() == "a8dd63a3b89d54b37ca802473fda9175"


def test_a_clone_has_the_uid_and_fails_the_proof():
    card = Ntag424(UID, b"k" * 16)
    copy = CloneCard(card)
    assert prove(card, b"k" * 16)[32:] == b"\x91\x00"
    assert copy.uid == card.uid and copy.ats == card.ats
    assert prove(copy, b"k" * 16) == b"\x91\xae" and copy.session is None


def test_every_proof_is_fresh():
    card = Ntag424(UID, ZERO)
    first = selected(card).answer(FIRST)
    assert first != selected(card).answer(FIRST)
    rnd_b = cbc(ZERO, first[:16], is_decrypting=True)
    replayed = cbc(ZERO, bytes(16) + rnd_b[1:] + rnd_b[:1])
    assert card.answer(second(replayed)) == b"\x91\xae"


def test_the_second_part_needs_the_first_and_counts_once():
    card = selected(Ntag424(UID, ZERO))
    assert card.answer(second(bytes(32))) == b"\x91\xca"
    assert prove(card, ZERO)[32:] == b"\x91\x00"
    assert card.answer(second(bytes(32))) == b"\x91\xca"


@pytest.mark.parametrize(("command", "status"), [
    ("9071000002050000", "9140"),  # a key it does not have
    ("9071000001000000", "917e"),  # a first part that is too short
    ("9071000003000000", "917e"),  # a length that does not fit
    ("90af000002000000", "91ca"),  # a second part without a first
    ("9071000002000100", "917e"),
    ("9099000000", "911c"),
    ("00b0000010", "6d00"),
    ("80ca000000", "6e00"),
    ("00a4040c07d276000085010000", "6a82"),
    ("00a4020c02e10400", "6a86"),
])  # fmt: skip
def test_refusals(command, status):
    assert selected(Ntag424(UID, ZERO)).answer(bytes.fromhex(command)).hex() == status


def test_nothing_is_proved_before_the_application_is_selected():
    card = Ntag424(UID, ZERO)
    assert card.answer(FIRST) == b"\x91\x1c"
    selected(card).activate()
    assert card.answer(FIRST) == b"\x91\x1c"


def test_version_comes_in_three_parts():
    card = selected(Ntag424(UID, ZERO))
    parts = [card.answer(GET_VERSION), card.answer(MORE), card.answer(MORE)]
    assert [part[-2:].hex() for part in parts] == ["91af", "91af", "9100"]
    assert parts[0][:2].hex() == "0404" and parts[2][:7] == UID
    assert card.answer(MORE) == b"\x91\xca"


def test_a_card_needs_whole_keys():
    for uid, key in ((UID[:4], ZERO), (UID, b"short")):
        with pytest.raises(ValueError):
            Ntag424(uid, key)
