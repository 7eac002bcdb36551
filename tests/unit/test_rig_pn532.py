"""The simulated PN532 against published frames, pieces, damage, and cards that come and go."""

import random
import time

import pytest

from altgate.rig import faults
from altgate.rig.cards import UidCard
from altgate.rig.ntag424 import Ntag424
from altgate.rig.pn532 import Pn532
from altgate.rig.pn532_frames import ACK, ERROR, NACK, information

WAKE = b"\x55\x55" + bytes(14)
# Frames as UM0701-02 and public traces of real chips show them.
GET_VERSION = bytes.fromhex("0000ff02fed4022a00")
VERSION = bytes.fromhex("0000ff06fad50332010607e800")
SAM = bytes.fromhex("0000ff05fbd4140114010200")
SAM_DONE = bytes.fromhex("0000ff02fed5151600")
LIST_ONE = bytes.fromhex("0000ff04fcd44a0100e100")
CLASSIC_UID = bytes.fromhex("24d34f59")
CLASSIC_FOUND = bytes.fromhex("0000ff0cf4d54b010100040804" + "24d34f59" + "2f00")
UID = bytes.fromhex("04de5f1eacc040")
SELECT = bytes.fromhex("00a4040c07d276000085010100")


def command(*body):
    content = b"\xd4" + bytes(body)
    size = len(content)
    head = bytes((size, -size & 255)) if size < 256 else b"\xff\xff" + size.to_bytes(2, "big") + bytes(
        (-(size // 256 + size) & 255,))  # fmt: skip
    return b"\x00\x00\xff" + head + content + bytes((-sum(content) & 255, 0))


class Wire:
    """A chip, and what it sent."""

    def __init__(self):
        self.sent = b""
        self.chip = Pn532(self.send)

    def send(self, data):
        self.sent += data
        return time.monotonic_ns()

    def say(self, data):
        """Send to the chip; returns what it sent since the last time."""
        self.chip.receive(data)
        sent, self.sent = self.sent, b""
        return sent

    def ask(self, *body):
        """Send a command; returns the data of its answer, None for an error frame."""
        sent = self.say(command(*body))
        assert sent[:6] == ACK
        if sent[6:] == ERROR:
            return None
        size = sent[9]
        assert sent[6:] == information(sent[12 : 11 + size]) and sent[12] == body[0] + 1
        return sent[13 : 11 + size]


@pytest.fixture
def wire():
    made = Wire()
    assert made.say(WAKE + SAM) == ACK + SAM_DONE
    assert made.ask(0x32, 5, 0xFF, 1, 0) == b""
    return made


def test_published_frames(wire):
    assert wire.say(GET_VERSION) == ACK + VERSION
    wire.chip.put(UidCard(CLASSIC_UID))
    assert wire.say(LIST_ONE) == ACK + CLASSIC_FOUND


def test_it_sleeps_until_woken_and_configured():
    wire = Wire()
    assert wire.say(GET_VERSION) == b""
    assert wire.say(WAKE + GET_VERSION) == ACK + VERSION
    assert wire.say(LIST_ONE) == ACK + ERROR
    wire.chip.power_cycle()
    assert wire.say(GET_VERSION) == b""


def test_frames_in_any_pieces():
    stream = WAKE + SAM + b"\x00\x11\x00" + GET_VERSION + command(0x32, 5, 0xFF, 1, 0)
    stream += LIST_ONE + GET_VERSION
    whole = Wire().say(stream)
    assert whole.count(ACK) == 5 and whole.count(VERSION) == 2
    rng = random.Random(2)
    for _ in range(300):
        wire, at, got = Wire(), 0, b""
        while at < len(stream):
            step = rng.choice((1, 1, 2, 3, 7, 20, 60))
            got += wire.say(stream[at : at + step])
            at += step
        assert got == whole


def test_unknown_commands_and_wrong_parameters_get_the_error_frame(wire):
    for body in ((0x99,), (0x14, 9), (0x32, 5, 1), (0x4A, 3, 0), (0x4A,), (0x52,), (0x40,)):
        assert wire.ask(*body) is None


def test_damaged_frames_get_no_answer(wire):
    for at in range(3, 8):
        bad = bytearray(GET_VERSION)
        bad[at] ^= 0x20
        assert VERSION not in wire.say(bytes(bad))
        wire.say(bytes(300))
        assert wire.say(GET_VERSION) == ACK + VERSION


def test_nack_repeats_the_answer_and_ack_ends_the_command(wire):
    wire.say(GET_VERSION)
    assert wire.say(NACK) == VERSION
    assert wire.say(NACK + NACK) == VERSION * 2
    assert wire.say(ACK) == b""


def test_a_list_without_end_waits_for_a_card(wire):
    wire.ask(0x32, 5, 0xFF, 1, 0xFF)
    assert wire.say(LIST_ONE) == ACK
    wire.chip.put(UidCard(CLASSIC_UID))
    assert wire.say(b"") == CLASSIC_FOUND
    wire.chip.take(wire.chip.cards()[0])
    assert wire.say(LIST_ONE + ACK) == ACK
    wire.chip.put(UidCard())
    assert wire.say(b"") == b"", "the host had ended it"


def test_no_card_in_one_look(wire):
    assert wire.ask(0x4A, 1, 0) == b"\x00"
    wire.chip.put(UidCard())
    assert wire.ask(0x4A, 1, 3) == b"\x00", "a card of type A is none of type B"


def test_an_iso_card_is_listed_with_its_ats_and_spoken_to(wire):
    card = Ntag424(UID, bytes(16))
    wire.chip.put(card)
    assert wire.ask(0x4A, 1, 0).hex() == "010103442007" + UID.hex() + "067777710280"
    assert card.last_byte_ns == card.found_ns > 0
    before = time.monotonic_ns()
    assert wire.ask(0x40, 1, *SELECT) == b"\x00\x90\x00"
    assert before <= card.last_byte_ns <= time.monotonic_ns() and card.found_ns < before
    assert card.last_byte_ns == wire.chip.last_byte_ns
    wire.say(GET_VERSION)
    assert card.last_byte_ns < wire.chip.last_byte_ns


def test_chained_data_reaches_the_card_as_one(wire):
    wire.chip.put(Ntag424(UID, bytes(16)))
    wire.ask(0x4A, 1, 0)
    assert wire.ask(0x40, 0x41, *SELECT[:5]) == b"\x00"
    assert wire.ask(0x40, 0x01, *SELECT[5:]) == b"\x00\x90\x00"


def test_a_card_that_left_or_was_released(wire):
    card = Ntag424(UID, bytes(16))
    assert wire.ask(0x40, 1, *SELECT) == b"\x27"
    wire.chip.put(card)
    wire.ask(0x4A, 1, 0)
    wire.chip.take(card)
    assert wire.ask(0x40, 1, *SELECT) == b"\x01"
    assert wire.ask(0x52, 0) == b"\x00"
    assert wire.ask(0x40, 1, *SELECT) == b"\x27"
    assert wire.ask(0x52, 1) == b"\x27"


def test_deselect_and_select(wire):
    card = Ntag424(UID, bytes(16))
    wire.chip.put(card)
    wire.ask(0x4A, 1, 0)
    wire.ask(0x40, 1, *SELECT)
    assert wire.ask(0x44, 1) == b"\x00"
    assert wire.ask(0x54, 1) == b"\x00"
    assert wire.ask(0x40, 1, 0x90, 0x71, 0, 0, 2, 0, 0, 0) == b"\x00\x91\x1c", "the application is forgotten"
    assert wire.ask(0x54, 2) == b"\x27"


def test_a_uid_card_is_mute(wire):
    wire.chip.put(UidCard())
    wire.ask(0x4A, 1, 0)
    assert wire.ask(0x40, 1, 0x30, 4) == b"\x01"


def test_two_cards(wire):
    first, second = UidCard(bytes(4)), Ntag424(UID, bytes(16))
    wire.chip.put(first)
    wire.chip.put(second)
    with pytest.raises(ValueError):
        wire.chip.put(UidCard())
    assert wire.ask(0x4A, 1, 0)[:2] == b"\x01\x01"
    answer = wire.ask(0x4A, 2, 0)
    assert answer[0] == 2 and UID in answer and bytes(4) in answer
    assert wire.ask(0x4A, 1, 0, *UID)[6:13] == UID
    assert wire.ask(0x40, 1, *SELECT) == b"\x00\x90\x00"


def test_faults_meet_one_answer_each(wire):
    wire.chip.fail_answers(
        faults.silence(), faults.truncation(5), faults.duplicate(), faults.garbage(b"\x00\xff\x13"),
        faults.flipped_bit(-2),
    )  # fmt: skip
    flipped = VERSION[:-2] + bytes((VERSION[-2] ^ 8,)) + VERSION[-1:]
    for answer in (b"", VERSION[:5], VERSION * 2, b"\x00\xff\x13" + VERSION, flipped, VERSION):
        assert wire.say(GET_VERSION) == ACK + answer
    wire.chip.fail_acks(faults.silence())
    assert wire.say(GET_VERSION) == VERSION
    assert wire.say(GET_VERSION) == ACK + VERSION


def test_a_repeated_answer_is_whole_after_a_fault(wire):
    wire.chip.fail_answers(faults.truncation(4))
    wire.say(GET_VERSION)
    assert wire.say(NACK) == VERSION


def test_long_frames_take_the_extended_form(wire):
    data = bytes(range(256)) * 2
    assert information(data[:254])[3:5] == b"\xff\x01"
    assert information(data[:255])[3:8] == bytes.fromhex("ffff0100ff")
    wire.chip.put(Ntag424(UID, bytes(16)))
    wire.ask(0x4A, 1, 0)
    padded = SELECT + bytes(250 - len(SELECT))
    # 260 bytes of command: the chip passes them on, the card finds the length wrong.
    assert wire.ask(0x40, 1, *padded, *bytes(8)) == b"\x00\x67\x00"
    assert len(command(0x40, 1, *padded, *bytes(8))) > 262


def test_mutated_frames_never_stop_it():
    rng = random.Random(532)
    wire = Wire()
    wire.say(WAKE + SAM)
    wire.chip.put(Ntag424(UID, bytes(16)))
    pool = [GET_VERSION, SAM, LIST_ONE, ACK, NACK, command(0x40, 1, *SELECT), command(0x52, 0),
            command(0x40, 1, 0x90, 0x71, 0, 0, 2, 0, 0, 0), command(0x44, 1), command(0x54, 1)]  # fmt: skip
    for number in range(10_000):
        if rng.random() < 0.3:
            # A sound frame around anything at all.
            data = bytearray(command(*rng.randbytes(rng.randrange(0, 40))))
        else:
            data = bytearray(b"".join(rng.choices(pool, k=rng.randint(1, 3))))
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            if rng.random() < 0.2:
                del data[rng.randrange(len(data)) :]
        wire.say(bytes(data))
        if number % 500 == 0:
            wire.say(bytes(300))
            assert wire.say(GET_VERSION) == ACK + VERSION
