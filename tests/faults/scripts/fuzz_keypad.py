"""Keypad: any keys with any pauses, through the PIN channel; each entry does what was typed and no more.

The first byte of a frame says how: 0 the keys as they stand in the rest (0 to 9, ``*``, ``#``, F and H for
the face key pressed and held, ``-`` for a pause longer than the door waits); 1 the same with the ends that
make a whole entry of them, unit ``#`` PIN ``#``; 2 the first key, 20 times the length of the rest.
"""

import random

import fuzz

fuzz.begin()

import judge
import standin
from altgate.access.record import Record
from altgate.crypto import tags
from altgate.entry import pin
from protocol import limits, messages, reasons

ENTRY, FLOOD = 1, 2
RECORD = Record(7, 3, 0, 0, 0, 0, False, 0, 0)
UNIT, PIN = 101, "246813"
KEYS = "0123456789*#FH"
PAUSE = "-"
FIRST_DIGITS = max(limits.UNIT_DIGITS_MAX, limits.PERSONAL_NUMBER_DIGITS)


class Keys:
    index_key = bytes(range(32))


TAG = tags.credential_tag(Keys.index_key, messages.TYPE_PIN, b"%d#%s" % (UNIT, PIN.encode()))


class Over(Exception):
    """All keys of the case were pressed."""


class Keypad:
    """Gives the keys of the case; a pause is passed over where the door waits without end."""

    def __init__(self, keys):
        self._keys, self._at, self.taken, self.sounds = keys, 0, 0, 0

    def is_pausing(self):
        """Whether a pause comes next; it is over then."""
        is_pause = self._keys[self._at : self._at + 1] == PAUSE
        self._at += is_pause
        return is_pause

    async def key(self):
        while self.is_pausing():
            pass
        if self._at >= len(self._keys):
            raise Over
        self._at += 1
        self.taken += 1
        return self._keys[self._at - 1]

    def sound(self):
        self.sounds += 1


class Others:
    """In the place of the face channel and the menu: notes what the channel has them do."""

    def __init__(self):
        self.seen = []
        self.cancelled = 0

    def cancel(self):
        self.cancelled += 1

    def arm(self):
        self.seen.append(("face", ""))

    def by_number(self, number):
        self.seen.append(("face", "%d" % number))

    def withdraw(self):
        self.seen.append("withdraw")

    async def ceremony(self, keys):
        self.seen.append("ceremony")
        return ""


class Loop(standin.Loop):
    """Its waiting with a limit ends at a pause of the case."""

    keypad = None

    async def wait_for_ms(self, key, ms):
        if ms > limits.KEYPAD_IDLE_MS:
            raise fuzz.Wrong("the door waits longer than it may", ms)
        if self.keypad.is_pausing():
            key.close()
            raise self.TimeoutError
        return await key


loop = Loop(standin.Clock())
pin.asyncio = loop


def entries(keys):
    """What these keys ask for, in order, found by cutting the text and not key by key."""
    found, stars = [], 0
    while keys:
        unit, end, keys = part(keys.lstrip(PAUSE), FIRST_DIGITS)
        stars = stars + 1 if end == "*" and not unit else 0
        if stars == 3:
            stars = 0
            found.append("withdraw")
        elif end == "F":
            found.append(("face", unit and "%d" % int(unit)))
        elif end == "H":
            found.append("ceremony")
        elif end == "#" and unit and len(unit) <= limits.UNIT_DIGITS_MAX:
            typed, end, keys = part(keys, limits.PIN_DIGITS_MAX)
            if end == "#":
                found.append((int(unit), typed))
    return found


def part(keys, most):
    """Digits, the key that ends them, and what follows; "" after a pause and after one too many."""
    ends = [at for at in [keys.find(end) for end in "#*FH-"] if at >= 0]
    end = min(ends) if ends else len(keys)
    if end > most:
        return keys[: most + 1], "", keys[most + 1 :]
    key = keys[end : end + 1]
    return keys[:end], "" if key == PAUSE else key, keys[end + 1 :]


def is_opened(claim):
    return judge.is_opened(claim, RECORD if (claim.type, claim.tag) == (messages.TYPE_PIN, TAG) else None)


def pressed(frames):
    keys = ""
    for frame in frames:
        how, rest = frame[0], "".join([chr(byte) for byte in frame[1:] if chr(byte) in KEYS + PAUSE])
        fuzz.sent(how == ENTRY)
        if how == FLOOD:
            rest = rest[:1] * (20 * len(frame))
        elif how == ENTRY:
            rest = "".join([key for key in rest if key not in "*#"])
            rest = "*" + rest[:3] + "#" + rest[3:] + "#"
        keys += rest
    return keys


def check(frames):
    keys = pressed(frames)
    # Somebody else comes after them, who starts anew with * or after a pause.
    end = ("*", PAUSE + "*", "*" + PAUSE)[len(keys) % 3]
    expected = entries(keys + end)
    keypad = loop.keypad = Keypad(keys + end + "0%d#%s#" % (UNIT, PIN))
    others = Others()
    channel = pin.PinChannel(None, None, keypad, Keys, keypad.sound, others, others)
    claim = None
    try:
        while True:
            claim = fuzz.drive(channel.claim())
            others.seen.append(claim)
    except Over:
        pass
    if keypad.sounds != keypad.taken or others.cancelled != keypad.taken:
        raise fuzz.Wrong("a key without its sound, or two", keypad.sounds, keypad.taken)
    if claim is None or others.seen[-1] is not claim or not is_opened(claim):
        raise fuzz.Wrong("the right PIN does not open afterwards")
    if len(others.seen) != len(expected) + 1:
        raise fuzz.Wrong("other entries than were typed", others.seen, expected)
    for seen, wanted in zip(others.seen, expected):
        judge_one(seen, wanted)
    fuzz.counts["genuine"] += 1


def judge_one(seen, wanted):
    """Compare what the channel did with what was typed."""
    if type(wanted) is str or wanted[0] == "face" or type(seen) in (str, tuple):
        if seen != wanted:
            raise fuzz.Wrong("another entry than was typed", seen, wanted)
        return
    unit, typed = wanted
    if seen.unit != unit or seen.fault != reasons.NONE or seen.method != messages.METHOD_PIN:
        raise fuzz.Wrong("a claim for another unit", seen, unit)
    if len(typed) < limits.PIN_DIGITS_MIN and seen.tag is not None:
        raise fuzz.Wrong("a PIN that is too short is looked up", typed)
    if is_opened(seen) != ((unit, typed) == (UNIT, PIN)):
        raise fuzz.Wrong("opened or refused wrongly", unit, typed)


def generate():
    frames = []
    for _ in range(1 + random.randrange(6)):
        frames.append(bytes((random.randrange(3) > 0,)) + WAYS[random.randrange(len(WAYS))]())
    if fuzz.chance(40):
        frames.append(bytes((FLOOD,)) + KEYS[random.randrange(11)].encode() * (1 + random.randrange(12)))
    return frames


def keys(most):
    return "".join([KEYS[random.randrange(14)] for _ in range(random.randrange(most + 1))]).encode()


def nearly():
    """The right entry with something changed, at worst to itself."""
    entry = bytearray(b"101#246813#")
    for _ in range(random.randrange(3)):
        at = random.randrange(len(entry))
        way = random.randrange(3)
        more = (KEYS + PAUSE)[random.randrange(15)].encode()
        entry = entry[:at] + (b"" if way == 0 else more) + entry[at + (way < 2) :]
    return bytes(entry)


WAYS = (
    lambda: keys(14),
    nearly,
    nearly,
    lambda: b"101" + keys(9),
    lambda: keys(3) + b"-" + keys(6),
    lambda: b"*" * random.randrange(8),
)
fuzz.run(generate, check)
