"""The simulated code scanner against published commands, and the keypad's pins."""

import random
import time

import pytest

from altgate.rig.gm65 import Gm65, crc16
from altgate.rig.keypad import Matrix

DONE = bytes.fromhex("02000001003331")


class Wire:
    def __init__(self, is_paced=False):
        self.sent = b""
        self.speeds = []
        self.chip = Gm65(self.send, is_paced)

    def send(self, data, bits_per_s):
        self.sent += data
        self.speeds.append(bits_per_s)
        return time.monotonic_ns()

    def say(self, text):
        self.chip.receive(bytes.fromhex(text))
        sent, self.sent = self.sent, b""
        return sent


def test_a_code_ends_with_a_carriage_return():
    wire = Wire(is_paced=True)
    before = time.monotonic_ns()
    stamp = wire.chip.show("AG1:abc")
    assert wire.sent == b"AG1:abc\r" and wire.speeds == [9600]
    assert before <= stamp == wire.chip.last_byte_ns
    wire.chip.show(b"\xff\x00", ending=b"")
    assert wire.sent.endswith(b"\r\xff\x00")


def test_the_manuals_commands():
    wire = Wire()
    assert wire.say("7e0008010002 01 abcd") == DONE and wire.chip.triggers == 1
    assert wire.say("7e000a01000000301a") == bytes.fromhex("03000001003331")
    assert wire.say("7e000901000000dec8") == DONE
    assert wire.say("7e00070100 0001 abcd")[:5] == bytes.fromhex("02000001d6")
    assert wire.say("7e000701002a02abcd")[4:6] == bytes.fromhex("3901")


def test_settings_last_only_when_saved():
    wire = Wire()
    assert wire.say("7e00080100 00d1 abcd") == DONE and wire.chip.setting(0) == b"\xd1"
    assert wire.say("7e00080200 2a1a00 abcd") == DONE and wire.chip.setting(0x2A, 2) == b"\x1a\x00"
    wire.chip.power_cycle()
    assert wire.chip.setting(0) == b"\xd6"
    wire.say("7e0008010000d1abcd")
    wire.say("7e000901000000dec8")
    wire.chip.power_cycle()
    assert wire.chip.setting(0) == b"\xd1"
    assert wire.say("7e00080100d950abcd") == DONE and wire.chip.setting(0) == b"\xd6"


def test_a_wrong_check_or_address_gets_no_answer():
    wire = Wire()
    assert wire.say("7e0008010002010001") == b"" and wire.chip.triggers == 0
    assert wire.say("7e00080101ff01abcd") == b""
    assert wire.say("7e00070100ffffabcd") == b""
    assert wire.say("7e000801000201abcd") == DONE


def test_commands_in_any_pieces_and_damage_never_stop_it():
    body = bytes.fromhex("08010002") + b"\x01"
    stream = b"\x00\x7e" + b"\x7e\x00" + body + crc16(body).to_bytes(2, "big")
    rng = random.Random(65)
    for _ in range(200):
        wire, at = Wire(), 0
        while at < len(stream):
            step = rng.randint(1, 4)
            wire.chip.receive(stream[at : at + step])
            at += step
        assert wire.sent == DONE
    wire = Wire()
    for _ in range(10_000):
        data = bytearray(stream)
        data[rng.randrange(len(data))] = rng.randrange(256)
        wire.chip.receive(bytes(data))
    wire.chip.receive(bytes(600))
    wire.sent = b""
    assert wire.say("7e000801000201abcd") == DONE


def test_keys_are_the_pins_they_join():
    matrix = Matrix((12, 13), (39, 40), ("12", "3#"))
    assert [matrix.pins(key) for key in "12#"] == [(12, 39), (12, 40), (13, 40)]
    with pytest.raises(ValueError):
        matrix.pins("9")
    with pytest.raises(ValueError):
        Matrix((12,), (39, 40), ("1",))
